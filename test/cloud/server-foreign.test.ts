import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import { askForServer, deleteServer, prepareBoot, showServer } from './test-boot.ts'
import { type TestCloud, testCloud } from './test-cloud.ts'

let cloud: TestCloud
let stranger: Session
let owner: Session
let id: string
beforeAll(async () => {
  cloud = await testCloud({ hosts: 1 })
  owner = await cloud.project()
  stranger = await cloud.project()
  id = await askForServer(owner, await prepareBoot(cloud, owner), { metadata: { key: 'value' } })
  await cloud.settle()
})
afterAll(() => cloud?.stop())

const nobodys = '11111111-2222-4333-8444-555555555555'
/** Refused whatever server is named. */
const goneFromTheApi = (path: string) => /\/(consoles|os-virtual-interfaces)(\/|$)/.test(path)
const neverOffered = new Set(['os-getSPICEConsole', 'os-getRDPConsole', 'os-getSerialConsole'])
/** A body that is right in itself, by method and path or by action: a wrong one would be refused before the question. */
const bodies: Record<string, unknown> = {
  'PUT /servers/:id': { server: { name: 'mine now' } },
  'POST /servers/:id/metadata': { metadata: { a: 'b' } },
  'PUT /servers/:id/metadata': { metadata: { a: 'b' } },
  'PUT /servers/:id/metadata/:key': { meta: { key: 'b' } },
  'PUT /servers/:id/tags': { tags: ['a'] },
  'POST /servers/:id/os-interface': { interfaceAttachment: { net_id: nobodys } },
  'POST /servers/:id/os-volume_attachments': { volumeAttachment: { volumeId: nobodys } },
  'PUT /servers/:id/os-volume_attachments/:volume': { volumeAttachment: { volumeId: nobodys } },
  'POST /servers/:id/remote-consoles': { remote_console: { protocol: 'vnc', type: 'novnc' } },
  addSecurityGroup: { name: 'default' },
  removeSecurityGroup: { name: 'default' },
  reboot: { type: 'HARD' },
  'os-resetState': { state: 'error' },
  lock: {},
  'os-getConsoleOutput': { length: 5 },
  'os-getVNCConsole': { type: 'novnc' },
  'os-getSPICEConsole': { type: 'spice-html5' },
  'os-getRDPConsole': { type: 'rdp-html5' },
  'os-getSerialConsole': { type: 'serial' },
}

test('every route of a server answers a stranger as if there were no such server', async () => {
  const routes = cloud.services
    .get('compute')!
    .routes.filter((route) => route.path.startsWith('/servers/:id'))
  expect(routes.length).toBeGreaterThan(40)
  const before = await showServer(owner, id)
  const wrong: string[] = []
  for (const { method, path, action, until } of routes) {
    const version = until ?? '2.93'
    const ask = (server: string) =>
      cloud.http.request({
        method,
        url:
          stranger.endpoint('compute') +
          path.replace(':id', server).replace(':key', 'key').replace(/:\w+/g, nobodys),
        headers: {
          'x-auth-token': stranger.token,
          'openstack-api-version': `compute ${version}`,
          'x-openstack-nova-api-version': version,
        },
        body: action ? { [action]: bodies[action] ?? null } : bodies[`${method} ${path}`],
      })
    const foreign = await ask(id)
    const absent = await ask(nobodys)
    const words = JSON.stringify(foreign.body)?.replaceAll(id, nobodys)
    const expected = goneFromTheApi(path) ? 410 : neverOffered.has(action ?? '') ? 400 : 404
    if (foreign.status !== expected || words !== JSON.stringify(absent.body))
      wrong.push(`${method} ${path} ${action ?? ''}: ${foreign.status} ${words}`)
  }
  expect(wrong).toEqual([])
  await cloud.settle()
  expect(await showServer(owner, id)).toEqual(before)
})

test('a list shows the own project’s servers alone', async () => {
  const list = async (session: Session, query = '') =>
    (await session.call<{ servers: { id: string }[] }>('compute', { path: `/servers/detail${query}` }))
      .servers
  expect(await list(owner)).toHaveLength(1)
  expect(await list(stranger)).toEqual([])
  await expect(list(stranger, '?all_tenants=1')).rejects.toMatchObject({ kind: 'forbidden' })
  expect((await list(cloud.admin, '?all_tenants=1')).map((server) => server.id)).toContain(id)
  await deleteServer(cloud, owner, id)
})
