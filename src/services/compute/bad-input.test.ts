// Every route with what no client should send: the answer is never a failure of ours.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { version } from '#kit/http/version.ts'
import { type TestCompute, testCompute } from './test-compute.ts'

let compute: TestCompute
let id: string
beforeAll(async () => {
  compute = await testCompute({ config: { quotaInstances: -1 } })
  id = (await compute.server()).id
})
afterAll(() => compute.stop())

const deep = JSON.parse(`${'['.repeat(200)}${']'.repeat(200)}`)
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
  deep,
]
const wrappers = (action: string | undefined, keys: string[]) => [
  undefined,
  ...values,
  ...values.map((value) => ({ [action ?? keys[0] ?? 'server']: value })),
  ...keys.flatMap((key) => values.map((value) => ({ [action ?? 'server']: { [key]: value }, extra: value }))),
]
const params = [
  'x',
  '0',
  '-1',
  '99999999999999999999',
  'n'.repeat(2000),
  '%00',
  '%F0%9F%92%A5',
  '..',
  "'; drop table server; --",
]
const queries = [
  'limit=x',
  'limit=-1',
  'limit=99999999999999999999',
  'limit=0',
  'marker=x',
  `marker=${'m'.repeat(3000)}`,
  'offset=-1',
  'offset=x',
  'sort_key=x&sort_dir=y',
  'changes-since=x',
  'changes-since=',
  'name=[',
  'name=%00',
  'status=',
  'status=x',
  'ip=(',
  'user_id=%00',
  'all_tenants=maybe',
  'tags=',
  'power_state=x',
  'minRam=x',
  'is_public=perhaps',
  'host=%00&binary=%00',
  'a=1&a=2&b[]=3',
]
/** The newest in the route's range, and the oldest. */
const versionsOf = (route: { since?: string; until?: string }) => [
  ...new Set([route.until ?? '2.93', route.since ?? '2.1']),
]
const failures = async (asks: { method: string; url: string; body?: unknown; at: string }[]) => {
  const wrong: string[] = []
  for (const { method, url, body, at } of asks) {
    const answer = await compute.as('admin', at)(method, url, body)
    if (answer.status >= 500 && answer.status !== 501)
      wrong.push(
        `${at} ${method} ${url.slice(0, 120)} ${JSON.stringify(body)?.slice(0, 120)} -> ${answer.status}`,
      )
  }
  return wrong
}
const routes = () => compute.service.http.routes.filter((route) => !route.root)
const fill = (path: string, server: string) =>
  `/v2.1${path.replace('/servers/:id', `/servers/${server}`).replace(/:\w+/g, 'x')}`

it('as bodies', async () => {
  const asks = routes()
    .filter((route) => route.method === 'POST' || route.method === 'PUT')
    .flatMap((route) => {
      const keys = typeof route.body === 'object' ? Object.keys(route.body.fields) : []
      return versionsOf(route).flatMap((at) =>
        wrappers(route.action, keys).map((body) => ({
          method: route.method,
          url: fill(route.path, id),
          body,
          at,
        })),
      )
    })
  expect(asks.length).toBeGreaterThan(3000)
  expect(await failures(asks)).toEqual([])
})

it('as fields of a new server', async () => {
  const route = routes().find((each) => each.method === 'POST' && each.path === '/servers')!
  const fields = Object.keys((route.body as { fields: object }).fields)
  const whole = { name: 'x', flavorRef: await compute.flavor(), imageRef: compute.image(), networks: 'none' }
  const asks = fields.flatMap((field) =>
    values.map((value) => ({
      method: 'POST',
      url: '/v2.1/servers',
      body: { server: { ...whole, [field]: value } },
      at: '2.93',
    })),
  )
  expect(await failures(asks)).toEqual([])
  await compute.world.settle()
})

it('as parts of paths and as queries', async () => {
  const asks = routes().flatMap((route) => {
    const at = versionsOf(route)[0]!
    expect(version(at)).toBeGreaterThan(0)
    const filled = /:\w+/.test(route.path)
      ? params.map((param) => `/v2.1${route.path.replace(/:\w+/g, param)}`)
      : queries.map((query) => `/v2.1${route.path}?${query}`)
    return filled.map((url) => ({
      method: route.method,
      url,
      at,
      body: route.action ? { [route.action]: null } : undefined,
    }))
  })
  expect(await failures(asks)).toEqual([])
})

it('as JSON that is none, and as other media', async () => {
  const post = (body: string, type: string) =>
    compute.service.http.inject({
      method: 'POST',
      url: '/v2.1/servers',
      headers: { 'x-auth-token': 'member', 'content-type': type },
      body,
    })
  expect((await post('{', 'application/json')).status).toBe(400)
  expect((await post('<server/>', 'application/xml')).status).toBe(415)
  expect((await post(`{"server":"${'x'.repeat(2 ** 21)}"}`, 'application/json')).status).toBe(413)
})
