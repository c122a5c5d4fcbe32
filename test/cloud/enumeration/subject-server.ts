// The routes of servers and of what belongs to one.
import { randomUUID } from 'node:crypto'
import type { Bench, Guard, Guards } from './bench.ts'
import type { Standing } from './evaluate.ts'

const ids = (bench: Bench) => bench.ids.compute!
const own = ({ projectId, userId }: Standing) => ({ project_id: projectId, user_id: userId })
/** Servers of other projects aren't there. */
const ofHome = ({ projectId, roles }: Standing, { people }: Bench) =>
  projectId === people.home.projectId || roles.includes('admin')
const of = (rule: string, more: Partial<Guard> = {}): Guard => ({
  rule: `os_compute_api:${rule}`,
  sees: ofHome,
  ...more,
})
const mine = (rule: string, more: Partial<Guard> = {}): Guard => ({
  rule: `os_compute_api:${rule}`,
  target: own,
  ...more,
})
const action = (name: string, rule: string, value: unknown = null, more: Partial<Guard> = {}): Guards => ({
  [`POST /servers/:id/action ${name}`]: of(rule, { body: () => ({ [name]: value }), ...more }),
})
/** A console of a kind that is not offered. */
const unavailable = { answers: [400], refused: () => 400 }

/** In the caller's own project, which may not see the owner's image and network: none, from an image of no bytes. */
const server = (bench: Bench) => ({
  name: bench.name(),
  imageRef: bench.ids.image!.images,
  flavorRef: ids(bench).flavors,
  networks: 'none',
})
const fresh = (bench: Bench): Promise<{ servers: string }> =>
  makeServer(bench).then((servers) => ({ servers }))
const metadata = () => ({ metadata: { key: 'a' } })

export async function makeServer(bench: Bench, whole = false): Promise<string> {
  const networks = whole ? [{ uuid: bench.ids.network!.networks }] : 'none'
  const body = {
    server: { ...server(bench), networks, metadata: { key: 'a' }, ...(whole && { tags: ['green'] }) },
  }
  const as = { who: bench.people.owner }
  const { id } = (await bench.ask('compute', 'POST', '/servers', body, as)).server
  if (whole) await bench.cloud.settle()
  return id
}

const put = (path: string, body?: unknown) => async (bench: Bench) => {
  await bench.ask('compute', 'PUT', `/servers/${ids(bench).servers}/${path}`, body)
  return undefined
}
const freshVolume = async (bench: Bench) => {
  ids(bench).volume = await bench.makers.volume!.volumes!(bench)
  return undefined
}

export const serverGuards: Guards = {
  'GET /servers': mine('servers:index'),
  'GET /servers/detail': mine('servers:detail'),
  'POST /servers': mine('servers:create', {
    body: (bench) => ({ server: server(bench) }),
    answers: [400, 403],
  }),
  'GET /servers/:id': of('servers:show'),
  'PUT /servers/:id': of('servers:update', { body: (bench) => ({ server: { name: bench.name() } }) }),
  'DELETE /servers/:id': of('servers:delete', { before: fresh }),
  'GET /os-volumes_boot': mine('servers:index'),
  'GET /os-volumes_boot/detail': mine('servers:detail'),
  'POST /os-volumes_boot': mine('servers:create', {
    body: (bench) => ({ server: server(bench) }),
    answers: [400, 403],
  }),
  'GET /os-volumes_boot/:id': of('servers:show'),
  'PUT /os-volumes_boot/:id': of('servers:update', { body: (bench) => ({ server: { name: bench.name() } }) }),
  'DELETE /os-volumes_boot/:id': of('servers:delete', {
    before: async (bench) => ({ 'os-volumes_boot': await makeServer(bench) }),
  }),

  // Whichever state the one before has left, it is the wrong one for most.
  ...action('os-start', 'servers:start', null, { answers: [409] }),
  ...action('os-stop', 'servers:stop', null, { answers: [409] }),
  ...action('pause', 'os-pause-server:pause', null, { answers: [409] }),
  ...action('unpause', 'os-pause-server:unpause', null, { answers: [409] }),
  ...action('lock', 'os-lock-server:lock', null, { before: fresh }),
  ...action('unlock', 'os-lock-server:unlock'),
  ...action('forceDelete', 'os-deferred-delete:force', null, { before: fresh }),
  ...action('addSecurityGroup', 'os-security-groups:add', { name: 'default' }),
  ...action('removeSecurityGroup', 'os-security-groups:remove', { name: 'default' }, { answers: [404] }),
  ...action('os-getVNCConsole', 'os-remote-consoles', { type: 'novnc' }),
  ...action('os-getSPICEConsole', 'os-remote-consoles', { type: 'spice-html5' }, unavailable),
  ...action('os-getRDPConsole', 'os-remote-consoles', { type: 'rdp-html5' }, unavailable),
  ...action('os-getSerialConsole', 'os-remote-consoles', { type: 'serial' }, unavailable),
  ...action('reboot', 'servers:reboot', { type: 'HARD' }),
  ...action('os-resetState', 'os-admin-actions:reset_state', { state: 'active' }),
  ...action('os-getConsoleOutput', 'os-console-output', { length: 5 }),
  'POST /servers/:id/remote-consoles': of('os-remote-consoles', {
    body: () => ({ remote_console: { protocol: 'vnc', type: 'novnc' } }),
  }),

  'GET /servers/:id/os-instance-actions': of('os-instance-actions:list'),
  'GET /servers/:id/os-instance-actions/:request': of('os-instance-actions:show'),
  'GET /servers/:id/metadata': of('server-metadata:index'),
  'POST /servers/:id/metadata': of('server-metadata:create', { body: metadata }),
  'PUT /servers/:id/metadata': of('server-metadata:update_all', { body: metadata }),
  'GET /servers/:id/metadata/:key': of('server-metadata:show'),
  'PUT /servers/:id/metadata/:key': of('server-metadata:update', { body: () => ({ meta: { key: 'b' } }) }),
  'DELETE /servers/:id/metadata/:key': of('server-metadata:delete', { before: put('metadata', metadata()) }),
  'GET /servers/:id/os-server-password': of('os-server-password:show'),
  'DELETE /servers/:id/os-server-password': of('os-server-password:clear'),
  'GET /servers/:id/tags': of('os-server-tags:index'),
  'PUT /servers/:id/tags': of('os-server-tags:update_all', { body: () => ({ tags: ['green'] }) }),
  'DELETE /servers/:id/tags': of('os-server-tags:delete_all'),
  'GET /servers/:id/tags/:tag': of('os-server-tags:show', { before: put('tags/green') }),
  'PUT /servers/:id/tags/:tag': of('os-server-tags:update'),
  'DELETE /servers/:id/tags/:tag': of('os-server-tags:delete', { before: put('tags/green') }),
  'GET /servers/:id/ips': of('ips:index'),
  'GET /servers/:id/ips/:network': of('ips:show'),
  'GET /servers/:id/os-interface': of('os-attach-interfaces:list'),
  'GET /servers/:id/os-interface/:port': of('os-attach-interfaces:show'),
  'POST /servers/:id/os-interface': of('os-attach-interfaces:create', {
    body: (bench) => ({ interfaceAttachment: { net_id: bench.ids.network!.networks } }),
  }),
  'DELETE /servers/:id/os-interface/:port': of('os-attach-interfaces:delete', {
    before: async () => ({ 'os-interface': randomUUID() }),
    answers: [404],
  }),
  'GET /servers/:id/os-volume_attachments': of('os-volumes-attachments:index'),
  'POST /servers/:id/os-volume_attachments': of('os-volumes-attachments:create', {
    body: (bench) => ({ volumeAttachment: { volumeId: ids(bench).volume } }),
    before: freshVolume,
    // Volumes are asked for with the caller's token, which may be for no project.
    answers: [400],
  }),
  'GET /servers/:id/os-volume_attachments/:volume': of('os-volumes-attachments:show'),
  'PUT /servers/:id/os-volume_attachments/:volume': of('os-volumes-attachments:update', {
    body: (bench) => ({
      volumeAttachment: { volumeId: ids(bench)['os-volume_attachments'], delete_on_termination: false },
    }),
  }),
  'DELETE /servers/:id/os-volume_attachments/:volume': of('os-volumes-attachments:delete', {
    before: async () => ({ 'os-volume_attachments': randomUUID() }),
    answers: [404],
  }),
  'GET /servers/:id/os-security-groups': of('os-security-groups:list'),
}
