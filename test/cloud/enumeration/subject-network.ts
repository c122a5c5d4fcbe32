// Network's routes: which rule guards each, with what body it is asked, and the samples that it is asked about.
import type { Bench, Guard, Guards, Maker, Subject } from './bench.ts'
import type { Standing } from './evaluate.ts'

const ids = (bench: Bench) => bench.ids.network!
const own = ({ projectId }: Standing) => ({ project_id: projectId, tenant_id: projectId })
/** Refusals are told to the object's own project; for others it isn't there. */
const ofHome = ({ projectId }: Standing, { people }: Bench) => projectId === people.home.projectId
const of = (rule: string, more: Partial<Guard> = {}): Guard => ({ rule, sees: ofHome, ...more })
/** What no project owns. */
const cloudWide = (rule: string, more: Partial<Guard> = {}): Guard => ({ rule, ...more })
/** Everybody gets an answer, with what is theirs in it. */
const mine: Guard = { rule: 'token', target: own }

/** On the owner's network, for the caller's own project. */
const ownOnHome = (who: Standing, { people }: Bench) => ({
  ...own(who),
  'network:tenant_id': people.home.projectId,
  'security_group:tenant_id': people.home.projectId,
})
/** Whoever has no project is asked to name one. */
const refused = ({ projectId }: Standing) => (projectId === undefined ? 400 : undefined)
/** What stands on an object of another project hears first that there is no such object. Services see networks. */
const onNothing =
  (one: string): Guard['refused'] =>
  (who, { people }) =>
    refused(who) ??
    (who.projectId === people.home.projectId ||
    (who.roles.includes('service') && one !== 'security_group_rule')
      ? undefined
      : 404)

type Make = (bench: Bench) => Record<string, unknown>

function collection(path: string, one: string, body: Make, change: Make = describe): Guards {
  const wrap = (make: Make) => (bench: Bench) => ({ [one]: make(bench) })
  const tagged = async (bench: Bench) => {
    await bench.ask('network', 'PUT', `/${path}/${ids(bench)[path]}/tags/${ids(bench).tags}`)
    return undefined
  }
  return {
    [`GET /${path}`]: { rule: `get_${one}`, target: own },
    [`POST /${path}`]: {
      rule: `create_${one}`,
      target: ownOnHome,
      refused,
      body: wrap(body),
      answers: [400],
    },
    [`GET /${path}/:id`]: of(`get_${one}`),
    [`PUT /${path}/:id`]: of(`update_${one}`, { body: wrap(change) }),
    [`DELETE /${path}/:id`]: of(`delete_${one}`),
    [`GET /${path}/:id/tags`]: of(`get_${one}`),
    [`PUT /${path}/:id/tags`]: of(`update_${one}`, { body: () => ({ tags: ['blue'] }) }),
    [`DELETE /${path}/:id/tags`]: of(`update_${one}`),
    [`GET /${path}/:id/tags/:tag`]: of(`get_${one}`, { before: tagged }),
    [`PUT /${path}/:id/tags/:tag`]: of(`update_${one}`),
    [`DELETE /${path}/:id/tags/:tag`]: of(`update_${one}`, { before: tagged }),
  }
}

/** Whose objects lie on a network or in a group. A foreign member may make one, were the network not the owner's. */
function onObject(path: string, one: string, body: Make): Guards {
  const guards = collection(path, one, body)
  const post = `POST /${path}`
  const target = (who: Standing, bench: Bench) =>
    ownOnHome(who, bench).project_id === bench.people.home.projectId ? ownOnHome(who, bench) : {}
  return { ...guards, [post]: { ...guards[post]!, target, refused: onNothing(one) } }
}

function describe(bench: Bench): Record<string, unknown> {
  return { description: bench.name() }
}
const named = (bench: Bench) => ({ name: bench.name() })
let third = 0
const subnet = (bench: Bench) => ({
  network_id: ids(bench).networks,
  ip_version: 4,
  cidr: `10.${50 + Math.floor(third / 250)}.${third++ % 250}.0/24`,
})
const port = (bench: Bench) => ({ network_id: ids(bench).networks })
let portNumber = 1
const rule = (bench: Bench) => ({
  security_group_id: ids(bench)['security-groups'],
  direction: 'ingress',
  protocol: 'tcp',
  port_range_min: ++portNumber,
  port_range_max: portNumber,
})
const floatingIp = (bench: Bench) => ({ floating_network_id: ids(bench).external })

const guards: Guards = {
  'GET /': { rule: 'public' },
  'GET /v2.0': { rule: 'token' },
  ...collection('networks', 'network', named),
  ...onObject('subnets', 'subnet', subnet),
  ...onObject('ports', 'port', port),
  ...collection('security-groups', 'security_group', named),
  ...onObject('security-group-rules', 'security_group_rule', rule),
  'PUT /security-group-rules/:id': of('update_security_group_rule', {
    body: (bench) => ({ security_group_rule: describe(bench) }),
  }),
  ...collection('routers', 'router', named),
  ...collection('floatingips', 'floatingip', floatingIp),

  'PUT /routers/:id/add_router_interface': of('add_router_interface', {
    body: (bench) => ({ subnet_id: ids(bench).spare }),
    before: async (bench) => {
      ids(bench).spare = await makers.subnets!(bench)
      return undefined
    },
  }),
  'PUT /routers/:id/remove_router_interface': of('remove_router_interface', {
    body: (bench) => ({ subnet_id: ids(bench).spare }),
    before: async (bench) => {
      ids(bench).spare = await makers.subnets!(bench)
      const path = `/routers/${ids(bench).routers}/add_router_interface`
      await bench.ask('network', 'PUT', path, { subnet_id: ids(bench).spare })
      return undefined
    },
  }),
  'PUT /routers/:id/add_extraroutes': of('add_extraroutes', { body: () => ({ router: { routes: [] } }) }),
  'PUT /routers/:id/remove_extraroutes': of('remove_extraroutes', {
    body: () => ({ router: { routes: [] } }),
  }),
  'GET /routers/:id/l3-agents': cloudWide('get_l3-agents'),
  'GET /networks/:id/dhcp-agents': cloudWide('get_dhcp-agents'),

  'GET /agents': mine,
  'GET /agents/:id': { rule: 'get_agent', sees: () => false },
  'PUT /agents/:id': {
    rule: 'update_agent',
    sees: () => false,
    body: (bench) => ({ agent: describe(bench) }),
  },
  'DELETE /agents/:id': { rule: 'delete_agent', sees: () => false, before: reported },
  'GET /agents/:id/dhcp-networks': cloudWide('get_dhcp-networks', { before: reported }),
  'GET /agents/:id/l3-routers': cloudWide('get_l3-routers', { before: reported }),
  'POST /agents/:id/l3-routers': cloudWide('create_l3-router', {
    body: (bench) => ({ router_id: ids(bench).routers }),
    before: onAgent('l3'),
  }),
  'DELETE /agents/:id/l3-routers/:router_id': cloudWide('delete_l3-router', {
    before: onAgent('l3', 'router_id', 'l3-routers', 'routers'),
  }),
  'POST /agents/:id/dhcp-networks': cloudWide('create_dhcp-network', {
    body: (bench) => ({ network_id: ids(bench).networks }),
    before: onAgent('dhcp'),
  }),
  'DELETE /agents/:id/dhcp-networks/:network_id': cloudWide('delete_dhcp-network', {
    before: onAgent('dhcp', 'network_id', 'dhcp-networks', 'networks'),
  }),

  'GET /availability_zones': cloudWide('get_availability_zone'),
  'GET /quotas': cloudWide('list_quota'),
  // A token without a project has none to tell.
  'GET /quotas/tenant': { rule: 'token', answers: [400] },
  'GET /quotas/project': { rule: 'token', answers: [400] },
  'GET /quotas/:project_id': cloudWide('get_quota'),
  'GET /quotas/:project_id/default': cloudWide('get_quota'),
  'GET /quotas/:project_id/details': cloudWide('get_quota'),
  'PUT /quotas/:project_id': cloudWide('update_quota', { body: () => ({ quota: { network: 100_000 } }) }),
  'DELETE /quotas/:project_id': cloudWide('delete_quota', {
    before: async (bench) => {
      await raiseQuota(bench)
      return undefined
    },
  }),
  'GET /extensions': { rule: 'token' },
  'GET /extensions/:alias': { rule: 'token' },
  'GET /service-providers': { rule: 'token' },
  'GET /network-ip-availabilities': cloudWide('get_network_ip_availability'),
  'GET /network-ip-availabilities/:id': cloudWide('get_network_ip_availability'),
}

/** An agent that was deleted comes back with its next report, as another. */
async function reported(bench: Bench) {
  const named = '/agents?binary=neutron-metadata-agent'
  if ((await bench.ask('network', 'GET', named)).agents.length === 0) await bench.cloud.world.advance(60_000)
  return { agents: await agentOf(bench, 'neutron-metadata-agent') }
}

/** The agent of a kind, and, where it is to give something back, what it was given before. */
function onAgent(kind: 'l3' | 'dhcp', member?: string, path?: string, segment?: string) {
  return async (bench: Bench) => {
    const agents = ids(bench)[`${kind}-agent`]!
    if (member && path && segment) {
      const given = { [member]: ids(bench)[segment] }
      await bench.ask('network', 'POST', `/agents/${agents}/${path}`, given).catch(() => undefined)
    }
    return { agents }
  }
}

async function raiseQuota(bench: Bench): Promise<void> {
  const quota = Object.fromEntries(
    ['network', 'subnet', 'port', 'router', 'floatingip', 'security_group', 'security_group_rule'].map(
      (name) => [name, 100_000],
    ),
  )
  await bench.ask('network', 'PUT', `/quotas/${bench.people.home.projectId}`, { quota })
}

function made(path: string, one: string, body: Make): Maker {
  return async (bench) =>
    (await bench.ask('network', 'POST', `/${path}`, { [one]: body(bench) }, { who: bench.people.owner }))[one]
      .id
}
async function agentOf(bench: Bench, binary: string): Promise<string> {
  return (await bench.ask('network', 'GET', `/agents?binary=${binary}`)).agents[0].id
}

const makers: Record<string, Maker> = {
  // The first of all, so that nothing runs into a limit.
  quotas: async (bench) => {
    await raiseQuota(bench)
    return bench.people.home.projectId
  },
  networks: made('networks', 'network', named),
  subnets: made('subnets', 'subnet', subnet),
  spare: made('subnets', 'subnet', subnet),
  ports: made('ports', 'port', port),
  'security-groups': made('security-groups', 'security_group', named),
  'security-group-rules': made('security-group-rules', 'security_group_rule', rule),
  routers: made('routers', 'router', named),
  // Not the owner's, and for everybody to see.
  external: async (bench) => {
    const network = { name: bench.name(), 'router:external': true }
    const as = { who: bench.people.callers.find(({ name }) => name === 'foreign-admin')! }
    const { id } = (await bench.ask('network', 'POST', '/networks', { network }, as)).network
    const body = { subnet: { network_id: id, ip_version: 4, cidr: '172.30.0.0/16' } }
    await bench.ask('network', 'POST', '/subnets', body, as)
    return id
  },
  floatingips: made('floatingips', 'floatingip', floatingIp),
  agents: (bench) => agentOf(bench, 'neutron-metadata-agent'),
  'l3-agent': (bench) => agentOf(bench, 'neutron-l3-agent'),
  'dhcp-agent': (bench) => agentOf(bench, 'neutron-dhcp-agent'),
}

export const network: Subject = {
  type: 'network',
  guards,
  makers,
  fixed: () => ({ tags: 'green', extensions: 'quotas' }),
  shown: ['external'],
  aliases: {
    'l3-routers': 'routers',
    'dhcp-networks': 'networks',
    'network-ip-availabilities': 'networks',
  },
  target: ({ people: { home } }) => ({
    project_id: home.projectId,
    tenant_id: home.projectId,
    'network:tenant_id': home.projectId,
    'security_group:tenant_id': home.projectId,
  }),
}
