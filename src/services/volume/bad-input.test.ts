// Every route with what no client should send, without a token, and with the tokens of others: the answer is never a
// failure of ours, and nobody touches what isn't theirs.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { strangerId, type TestVolume, testVolume } from './test-volume.ts'

let test: TestVolume
let volumeId: string
let attachmentId: string
let typeId: string
beforeAll(async () => {
  test = await testVolume({ config: { quotaVolumes: -1, quotaGigabytes: -1 } })
  volumeId = (await test.volume()).id
  const attached = (await test.volume()).id
  const wish = { attachment: { volume_uuid: attached, instance_uuid: volumeId } }
  attachmentId = (await test.as('member', '3.70')('POST', '/v3/attachments', wish)).body.attachment.id
  typeId = (await test.as('admin')('GET', '/v3/types/default')).body.volume_type.id
})
afterAll(() => test.stop())

const values = [
  null,
  0,
  -1,
  1.5,
  1e300,
  true,
  '',
  'text',
  '\u0000',
  'ü'.repeat(300),
  [],
  [null],
  {},
  { a: 1 },
]
const ids = ['x', '0', '-1', 'n'.repeat(2000), '%00', '%F0%9F%92%A5', '..', "'; drop table volume; --"]
const queries = [
  'limit=x',
  'limit=-1',
  'limit=99999999999999999999',
  'limit=0',
  'limit=1.5',
  'marker=x',
  `marker=${'m'.repeat(3000)}`,
  'offset=-1',
  'offset=99999999999999999999',
  'sort=x',
  'sort=name:up',
  'sort=,',
  'sort_key=x&sort_dir=y',
  'name=%00',
  'name~=%00',
  'status=%00',
  'size=x',
  'bootable=perhaps',
  'metadata=x',
  'metadata=%7B%27a%27%7D',
  'volume_type=%00',
  'all_tenants=maybe',
  'project_id=%00&all_tenants=1',
  'is_public=perhaps',
  'usage=perhaps',
  'host=%00&binary=%00',
  'instance_id=%00&volume_id=%00&status=%00',
  'with_count=perhaps',
  'extra_specs=x',
  'a=1&a=2&b[]=3',
]
const routes = () => test.service.http.routes.filter((route) => !route.root)
const versionsOf = (route: { since?: string; until?: string }) => [
  ...new Set([route.until ?? '3.70', route.since ?? '3.0']),
]
/** With ids of what is there. */
const fill = (path: string, id?: string) =>
  `/v3${path
    .replace('/volumes/:id', `/volumes/${id ?? volumeId}`)
    .replace('/attachments/:id', `/attachments/${id ?? attachmentId}`)
    .replace('/types/:id', `/types/${id ?? typeId}`)
    .replace(/:\w+/g, id ?? 'x')}`
const key = (route: { body?: unknown }) => {
  const { body } = route
  const known =
    typeof body === 'object' && body !== null ? (body as { wrapper?: string; fields: object }) : undefined
  return { wrapper: known?.wrapper, fields: Object.keys(known?.fields ?? {}) }
}

type Ask = { method: string; url: string; body?: unknown; at: string }
async function failures(asks: Ask[]): Promise<string[]> {
  const wrong: string[] = []
  for (const { method, url, body, at } of asks) {
    const { status } = await test.as('admin', at)(method, url, body)
    if (status >= 500)
      wrong.push(`${at} ${method} ${url.slice(0, 100)} ${JSON.stringify(body)?.slice(0, 100)} -> ${status}`)
  }
  return wrong
}

it('answers bodies of every wrong form', async () => {
  const asks = routes()
    .filter((route) => route.method === 'POST' || route.method === 'PUT')
    .flatMap((route) => {
      const { wrapper, fields } = key(route)
      const outer = route.action ?? wrapper
      const bodies = [
        undefined,
        ...values,
        ...values.map((value) => ({ [outer ?? fields[0] ?? 'volume']: value })),
        ...fields.flatMap((field) =>
          values.map((value) => (outer ? { [outer]: { [field]: value } } : { [field]: value })),
        ),
      ]
      // Without what other fields need: an id that is not there, so that nothing that a later request needs goes.
      return versionsOf(route).flatMap((at) =>
        bodies.map((body) => ({
          method: route.method,
          url: fill(route.path, '00000000-0000-4000-8000-000000000000'),
          body,
          at,
        })),
      )
    })
  expect(asks.length).toBeGreaterThan(1500)
  expect(await failures(asks)).toEqual([])
})

it('answers fields of a new volume, of every wrong form', async () => {
  const route = routes().find((each) => each.method === 'POST' && each.path === '/volumes')!
  const asks = key(route).fields.flatMap((field) =>
    ['3.0', '3.70'].flatMap((at) =>
      values.map((value) => ({
        method: 'POST',
        url: '/v3/volumes',
        body: { volume: { size: 1, [field]: value } },
        at,
      })),
    ),
  )
  expect(await failures(asks)).toEqual([])
})

it('answers ids and queries of every wrong form', async () => {
  const asks = routes().flatMap((route) => [
    ...ids.map((id) => ({ method: route.method, url: fill(route.path, id), at: '3.70' })),
    ...(route.method === 'GET' ? queries : []).flatMap((query) =>
      versionsOf(route).map((at) => ({ method: 'GET', url: `${fill(route.path)}?${query}`, at })),
    ),
  ])
  expect(await failures(asks)).toEqual([])
})

it('is closed without a token', async () => {
  const open: string[] = []
  for (const { method, path } of routes()) {
    const { status } = await test.as(undefined)(method, fill(path))
    if (status !== 401) open.push(`${method} ${path} -> ${status}`)
  }
  expect(open).toEqual([])
})

it('shows and does nothing of another project', async () => {
  const found: string[] = []
  const own = routes().filter(({ path }) => /^\/(volumes|attachments)\/:id/.test(path))
  expect(own.length).toBeGreaterThan(25)
  for (const route of own) {
    const { action, method, path } = route
    const body = method === 'GET' || method === 'DELETE' ? undefined : bodyFor(action, path)
    const at = route.until ?? '3.70'
    const url = fill(path).replace('/v3', `/v3/${strangerId}`)
    const { status } = await test.as('stranger', at)(method, url, body)
    // 403 where the rule is for administrators alone, whatever the volume.
    if (status !== 404 && status !== 403) found.push(`${method} ${path} ${action ?? ''} -> ${status}`)
  }
  expect(found).toEqual([])
  expect((await test.as('member', '3.70')('GET', `/v3/volumes/${volumeId}`)).body.volume.status).toBe(
    'available',
  )
})

function bodyFor(action: string | undefined, path: string): unknown {
  if (action === 'os-extend') return { [action]: { new_size: 9 } }
  if (action === 'os-set_bootable') return { [action]: { bootable: true } }
  if (action === 'os-update_readonly_flag') return { [action]: { readonly: true } }
  if (action === 'os-set_image_metadata') return { [action]: { metadata: {} } }
  if (action === 'os-unset_image_metadata') return { [action]: { key: 'a' } }
  if (action === 'os-attach') return { [action]: { mountpoint: '/dev/vdb', instance_uuid: volumeId } }
  if (action === 'os-initialize_connection') return { [action]: { connector: { host: 'node1' } } }
  if (action) return { [action]: {} }
  if (path.startsWith('/attachments')) return { attachment: { connector: { host: 'node1' } } }
  if (path.endsWith('/metadata')) return { metadata: {} }
  if (path.endsWith('/:key')) return { meta: { x: 'y' } }
  return { volume: { name: 'mine' } }
}
