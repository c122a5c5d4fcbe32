// Compute's routes but those of servers: which rule guards each, with what body it is asked, and the samples that it is
// asked about.
import type { Bench, Guard, Guards, Maker, Subject } from './bench.ts'
import type { Standing } from './evaluate.ts'
import { makeServer, serverGuards } from './subject-server.ts'

const ids = (bench: Bench) => bench.ids.compute!
const own = ({ projectId, userId }: Standing) => ({ project_id: projectId, user_id: userId })
const ofHome = ({ projectId, roles }: Standing, { people }: Bench) =>
  projectId === people.home.projectId || roles.includes('admin')
const of = (rule: string, more: Partial<Guard> = {}): Guard => ({ rule: `os_compute_api:${rule}`, ...more })
const mine = (rule: string, more: Partial<Guard> = {}): Guard => of(rule, { target: own, ...more })
const any: Guard = { rule: 'token' }
/** Was taken out of the API: everybody with a token is told so. */
const gone: Guard = { rule: 'token', answers: [410] }

const flavor = (bench: Bench) => ({ name: bench.name(), ram: 64, vcpus: 1, disk: 1 })
const aggregate = (bench: Bench) => ({ name: bench.name() })
const serviceOf = (bench: Bench) => ({ host: ids(bench)['os-hosts'], binary: 'nova-compute' })
const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVz test'

const guards: Guards = {
  'GET /': { rule: 'public' },
  'GET /v2.1': { rule: 'public' },
  'GET /v2': { rule: 'public' },
  'GET /extensions': of('extensions'),
  'GET /extensions/:alias': of('extensions'),

  'GET /flavors': any,
  'GET /flavors/detail': any,
  'GET /flavors/:id': any,
  'POST /flavors': of('os-flavor-manage:create', { body: (bench) => ({ flavor: flavor(bench) }) }),
  'PUT /flavors/:id': of('os-flavor-manage:update', {
    body: (bench) => ({ flavor: { description: bench.name() } }),
  }),
  'DELETE /flavors/:id': of('os-flavor-manage:delete'),
  'GET /flavors/:id/os-flavor-access': of('os-flavor-access', { before: privateFlavor }),
  'POST /flavors/:id/action addTenantAccess': of('os-flavor-access:add_tenant_access', {
    body: (bench) => ({ addTenantAccess: { tenant: bench.people.home.otherId } }),
    before: privateFlavor,
  }),
  'POST /flavors/:id/action removeTenantAccess': of('os-flavor-access:remove_tenant_access', {
    body: (bench) => ({ removeTenantAccess: { tenant: bench.people.home.otherId } }),
    before: async (bench) => {
      const { flavors } = await privateFlavor(bench)
      const body = { addTenantAccess: { tenant: bench.people.home.otherId } }
      await bench.ask('compute', 'POST', `/flavors/${flavors}/action`, body)
      return { flavors }
    },
  }),
  'GET /flavors/:id/os-extra_specs': mine('os-flavor-extra-specs:index'),
  'POST /flavors/:id/os-extra_specs': of('os-flavor-extra-specs:create', {
    body: () => ({ extra_specs: { 'hw:cpu_policy': 'shared' } }),
  }),
  'GET /flavors/:id/os-extra_specs/:key': mine('os-flavor-extra-specs:show'),
  'PUT /flavors/:id/os-extra_specs/:key': of('os-flavor-extra-specs:update', {
    body: () => ({ 'hw:cpu_policy': 'shared' }),
  }),
  'DELETE /flavors/:id/os-extra_specs/:key': of('os-flavor-extra-specs:delete', { before: withSpec }),

  // A key pair is its user's; others of its name are others.
  'GET /os-keypairs': mine('os-keypairs:index'),
  'POST /os-keypairs': mine('os-keypairs:create', {
    body: (bench) => ({ keypair: { name: bench.name(), public_key: publicKey } }),
  }),
  'GET /os-keypairs/:name': of('os-keypairs:show', { query: ownersUser }),
  'DELETE /os-keypairs/:name': of('os-keypairs:delete', { query: ownersUser }),

  ...serverGuards,

  'GET /os-services': of('os-services:list'),
  'PUT /os-services/enable': of('os-services:update', { body: serviceOf }),
  'PUT /os-services/disable': of('os-services:update', { body: serviceOf }),
  'PUT /os-services/disable-log-reason': of('os-services:update', {
    body: (bench) => ({ ...serviceOf(bench), disabled_reason: 'a test' }),
  }),
  'PUT /os-services/force-down': of('os-services:update', {
    body: (bench) => ({ ...serviceOf(bench), forced_down: false }),
  }),
  'PUT /os-services/:id': of('os-services:update', { body: () => ({ status: 'enabled' }) }),
  // A host with servers keeps its service.
  'DELETE /os-services/:id': of('os-services:delete', { answers: [409] }),
  'GET /os-hypervisors': of('os-hypervisors:list'),
  'GET /os-hypervisors/detail': of('os-hypervisors:list-detail'),
  'GET /os-hypervisors/statistics': of('os-hypervisors:statistics'),
  'GET /os-hypervisors/:id': of('os-hypervisors:show'),
  'GET /os-hypervisors/:id/uptime': of('os-hypervisors:uptime', { answers: [400] }),
  'GET /os-hypervisors/:id/search': of('os-hypervisors:search', { before: byHostName }),
  'GET /os-hypervisors/:id/servers': of('os-hypervisors:servers', { before: byHostName }),
  'GET /os-hosts': of('os-hosts:list'),
  'GET /os-hosts/:host': of('os-hosts:show'),

  'GET /os-aggregates': of('os-aggregates:index'),
  'POST /os-aggregates': of('os-aggregates:create', { body: (bench) => ({ aggregate: aggregate(bench) }) }),
  'GET /os-aggregates/:id': of('os-aggregates:show'),
  'PUT /os-aggregates/:id': of('os-aggregates:update', {
    body: (bench) => ({ aggregate: aggregate(bench) }),
  }),
  'DELETE /os-aggregates/:id': of('os-aggregates:delete'),
  'POST /os-aggregates/:id/action add_host': of('os-aggregates:add_host', {
    body: (bench) => ({ add_host: { host: ids(bench)['os-hosts'] } }),
    before: freshAggregate,
  }),
  'POST /os-aggregates/:id/action remove_host': of('os-aggregates:remove_host', {
    body: (bench) => ({ remove_host: { host: ids(bench)['os-hosts'] } }),
    before: async (bench) => {
      const made = await freshAggregate(bench)
      const body = { add_host: { host: ids(bench)['os-hosts'] } }
      await bench.ask('compute', 'POST', `/os-aggregates/${made['os-aggregates']}/action`, body)
      return made
    },
  }),
  'POST /os-aggregates/:id/action set_metadata': of('os-aggregates:set_metadata', {
    body: () => ({ set_metadata: { metadata: { key: 'a' } } }),
  }),
  'GET /os-availability-zone': of('os-availability-zone:list'),
  'GET /os-availability-zone/detail': of('os-availability-zone:detail'),

  'GET /os-quota-sets/:project': of('os-quota-sets:show'),
  'GET /os-quota-sets/:project/detail': of('os-quota-sets:detail'),
  'GET /os-quota-sets/:project/defaults': of('os-quota-sets:defaults'),
  'PUT /os-quota-sets/:project': of('os-quota-sets:update', { body: () => ({ quota_set: { cores: -1 } }) }),
  'DELETE /os-quota-sets/:project': of('os-quota-sets:delete', {
    before: async ({ people }) => ({ 'os-quota-sets': people.home.otherId }),
  }),
  'GET /os-quota-class-sets/:name': of('os-quota-class-sets:show'),
  'PUT /os-quota-class-sets/:name': of('os-quota-class-sets:update', {
    body: () => ({ quota_class_set: { cores: 20 } }),
  }),
  'GET /limits': of('limits'),

  'GET /os-server-groups': mine('os-server-groups:index'),
  'POST /os-server-groups': mine('os-server-groups:create', {
    body: (bench) => ({ server_group: { name: bench.name(), policy: 'affinity' } }),
    versions: { 'until 2.14': oldGroup, 'until 2.63': oldGroup },
  }),
  'GET /os-server-groups/:id': of('os-server-groups:show', { sees: ofHome }),
  'DELETE /os-server-groups/:id': of('os-server-groups:delete', { sees: ofHome }),
  'GET /os-security-groups': mine('os-security-groups:get'),
  'GET /os-security-groups/:id': mine('os-security-groups:show', { answers: [404] }),
  'GET /os-simple-tenant-usage': of('os-simple-tenant-usage:list'),
  'GET /os-simple-tenant-usage/:project': of('os-simple-tenant-usage:show'),
  'POST /os-server-external-events': of('os-server-external-events:create', {
    body: (bench) => ({ events: [{ name: 'network-changed', server_uuid: ids(bench).servers }] }),
  }),
  ...removed(),
}

function removed(): Guards {
  const families = [
    'os-agents',
    'os-cells',
    'os-certificates',
    'os-cloudpipe',
    'os-fixed-ips',
    'os-floating-ip-dns',
    'os-floating-ips-bulk',
    'os-fping',
    'os-networks-associate',
    'os-security-group-default-rules',
    'os-virtual-interfaces',
    'servers/:id/consoles',
    'servers/:id/os-virtual-interfaces',
  ]
  const methods = ['GET', 'POST', 'PUT', 'DELETE']
  return Object.fromEntries(
    families.flatMap((family) =>
      methods.flatMap((method) => [
        [`${method} /${family}`, gone],
        [`${method} /${family}/:item`, gone],
      ]),
    ),
  )
}

function ownersUser(_: Standing, { people }: Bench) {
  return `user_id=${people.owner.userId}`
}
function oldGroup(bench: Bench) {
  return { server_group: { name: bench.name(), policies: ['affinity'] } }
}
async function privateFlavor(bench: Bench) {
  const body = { flavor: { ...flavor(bench), 'os-flavor-access:is_public': false } }
  return { flavors: (await bench.ask('compute', 'POST', '/flavors', body)).flavor.id as string }
}
async function withSpec(bench: Bench) {
  const body = { extra_specs: { 'hw:cpu_policy': 'shared' } }
  await bench.ask('compute', 'POST', `/flavors/${ids(bench).flavors}/os-extra_specs`, body)
  return undefined
}
async function freshAggregate(bench: Bench) {
  return { 'os-aggregates': await makers['os-aggregates']!(bench) }
}
async function byHostName(bench: Bench) {
  return { 'os-hypervisors': ids(bench)['os-hosts']! }
}

const makers: Record<string, Maker> = {
  'os-quota-sets': async (bench) => {
    const { projectId } = bench.people.home
    const quota_set = { cores: -1, instances: -1, ram: -1, key_pairs: -1, server_groups: -1 }
    await bench.ask('compute', 'PUT', `/os-quota-sets/${projectId}`, { quota_set })
    return projectId
  },
  flavors: async (bench) =>
    (await bench.ask('compute', 'POST', '/flavors', { flavor: flavor(bench) })).flavor.id,
  'os-extra_specs': async (bench) => {
    await withSpec(bench)
    return 'hw:cpu_policy'
  },
  'os-keypairs': async (bench) => {
    const keypair = { name: bench.name(), public_key: publicKey }
    await bench.ask('compute', 'POST', '/os-keypairs', { keypair }, { who: bench.people.owner })
    return keypair.name
  },
  servers: (bench) => makeServer(bench, true),
  'os-instance-actions': async (bench) =>
    (await bench.ask('compute', 'GET', `/servers/${ids(bench).servers}/os-instance-actions`))
      .instanceActions[0].request_id,
  'os-interface': async (bench) =>
    (await bench.ask('compute', 'GET', `/servers/${ids(bench).servers}/os-interface`)).interfaceAttachments[0]
      .port_id,
  ips: async (bench) =>
    Object.keys((await bench.ask('compute', 'GET', `/servers/${ids(bench).servers}/ips`)).addresses)[0]!,
  'os-volume_attachments': async (bench) => {
    const volumeId = await bench.makers.volume!.volumes!(bench)
    const path = `/servers/${ids(bench).servers}/os-volume_attachments`
    await bench.ask('compute', 'POST', path, { volumeAttachment: { volumeId } })
    await bench.cloud.settle()
    return volumeId
  },
  'os-hosts': async (bench) => bench.cloud.hosts[0]!.name,
  'os-services': async (bench) =>
    (await bench.ask('compute', 'GET', '/os-services?binary=nova-compute')).services[0].id,
  'os-hypervisors': async (bench) => (await bench.ask('compute', 'GET', '/os-hypervisors')).hypervisors[0].id,
  'os-aggregates': async (bench) =>
    `${(await bench.ask('compute', 'POST', '/os-aggregates', { aggregate: aggregate(bench) })).aggregate.id}`,
  'os-server-groups': async (bench) => {
    const server_group = { name: bench.name(), policy: 'affinity' }
    const as = { who: bench.people.owner }
    return (await bench.ask('compute', 'POST', '/os-server-groups', { server_group }, as)).server_group.id
  },
}

export const compute: Subject = {
  type: 'compute',
  guards,
  makers,
  shown: ['flavors', 'os-services', 'os-hypervisors'],
  openToReaders: ['POST /os-keypairs', ...Object.keys(removed()).filter((key) => !key.startsWith('GET'))],
  aliases: { 'os-volumes_boot': 'servers', 'os-simple-tenant-usage': 'os-quota-sets' },
  fixed: (bench) => ({
    extensions: 'os-aggregates',
    volume: bench.ids.volume!.volumes!,
    metadata: 'key',
    tags: 'green',
    item: 'x',
    'os-quota-class-sets': 'default',
    'os-security-groups': bench.ids.network!['security-groups']!,
  }),
  target: ({ people }) => ({ project_id: people.home.projectId, user_id: people.owner.userId }),
}
