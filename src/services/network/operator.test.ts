// What operators see of the network service: agents and what they serve, zones, quotas, extensions, free addresses.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type TestNetwork, testNetwork } from './test-network.ts'
import { lan, make, refusal } from './test-object.ts'

let net: TestNetwork
beforeEach(async () => {
  net = await testNetwork()
})
afterEach(() => net.close())

type AgentView = { id: string; host: string; agent_type: string; alive: boolean; admin_state_up: boolean }
const agents = async (query = ''): Promise<AgentView[]> =>
  (await net.admin('GET', `/v2.0/agents${query}`)).body.agents
const agentOf = async (host: string, type: string) =>
  (await agents(`?host=${host}&agent_type=${encodeURIComponent(type)}`))[0]!

describe('agents', () => {
  test('are shown with their heart-beat, and count as dead after 75 seconds without one', async () => {
    await net.beat('node1', 'l3', { routers: 0 })
    await net.beat('node2', 'dhcp')
    const [first] = await agents('?host=node1')
    expect(first).toMatchObject({
      agent_type: 'L3 agent',
      binary: 'neutron-l3-agent',
      host: 'node1',
      alive: true,
      admin_state_up: true,
      availability_zone: 'nova',
      configurations: { routers: 0 },
      description: null,
      heartbeat_timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
    })
    await net.world.advance(70_000)
    await net.beat('node2', 'dhcp')
    await net.world.advance(10_000)
    expect((await agents('?alive=true')).map((each) => each.host)).toEqual(['node2'])
    expect((await agents('?alive=False')).map((each) => each.host)).toEqual(['node1'])
    expect((await net.admin('GET', `/v2.0/agents/${first!.id}`)).body.agent.alive).toBe(false)
  })

  test('are for administrators alone', async () => {
    await net.beat('node1', 'l3')
    const { id } = await agentOf('node1', 'L3 agent')
    expect((await net.alice('GET', '/v2.0/agents')).body.agents).toEqual([])
    expect(refusal(await net.alice('GET', `/v2.0/agents/${id}`))).toEqual([404, 'AgentNotFound'])
    expect(refusal(await net.alice('DELETE', `/v2.0/agents/${id}`))).toEqual([404, 'AgentNotFound'])
    expect((await net.alice('GET', `/v2.0/agents/${id}/l3-routers`)).status).toBe(403)
    expect(refusal(await net.admin('GET', '/v2.0/agents/none'))).toEqual([404, 'AgentNotFound'])
  })

  test('one that is switched off is given no more routers', async () => {
    await net.beat('node1', 'l3')
    const { id } = await agentOf('node1', 'L3 agent')
    const off = { agent: { admin_state_up: false, description: 'in repair' } }
    expect((await net.admin('PUT', `/v2.0/agents/${id}`, off)).body.agent).toMatchObject(off.agent)
    expect((await net.admin('PUT', `/v2.0/agents/${id}`, { agent: { host: 'x' } })).status).toBe(400)
    const router = await make(net.alice, 'router', {})
    const serving = `/v2.0/routers/${router.id}/l3-agents`
    expect((await net.admin('GET', serving)).body.agents).toEqual([])
    const give = await net.admin('POST', `/v2.0/agents/${id}/l3-routers`, { router_id: router.id })
    expect(refusal(give)).toEqual([404, 'InvalidL3Agent'])
  })

  test('routers are shown by agent and agents by router, and move by hand', async () => {
    await net.beat('node1', 'l3')
    const router = await make(net.alice, 'router', {})
    await net.beat('node2', 'l3')
    const [one, two] = [await agentOf('node1', 'L3 agent'), await agentOf('node2', 'L3 agent')]
    const serving = async () =>
      (await net.admin('GET', `/v2.0/routers/${router.id}/l3-agents`)).body.agents.map(
        (each: AgentView) => each.host,
      )
    const served = async (id: string) =>
      (await net.admin('GET', `/v2.0/agents/${id}/l3-routers`)).body.routers.map(
        (each: { id: string }) => each.id,
      )
    expect(await serving()).toEqual(['node1'])
    expect(await served(one.id)).toEqual([router.id])
    const give = (id: string) => net.admin('POST', `/v2.0/agents/${id}/l3-routers`, { router_id: router.id })
    expect((await give(two.id)).status).toBe(201)
    expect(await serving()).toEqual(['node2'])
    const wrong = await net.admin('DELETE', `/v2.0/agents/${one.id}/l3-routers/${router.id}`)
    expect(refusal(wrong)).toEqual([409, 'RouterNotHostedByL3Agent'])
    const taken = await net.admin('DELETE', `/v2.0/agents/${two.id}/l3-routers/${router.id}`)
    expect(taken.status).toBe(204)
    expect(await serving()).toEqual([])
    expect(net.casts).toContainEqual(expect.objectContaining({ method: 'routerChanged', host: 'node2' }))
  })

  test('networks are shown by agent and agents by network, and move by hand with their DHCP port', async () => {
    await net.beat('node1', 'dhcp')
    const { network, subnet } = await lan(net.alice, '10.0.0.0/24')
    const port = { host: 'node1', networkId: network.id }
    await net.plugin.ensureDhcpPort(port, net.incoming)
    await net.beat('node2', 'dhcp')
    const two = await agentOf('node2', 'DHCP agent')
    const serving = async () =>
      (await net.admin('GET', `/v2.0/networks/${network.id}/dhcp-agents`)).body.agents.map(
        (each: AgentView) => each.host,
      )
    expect(await serving()).toEqual(['node1'])
    const give = await net.admin('POST', `/v2.0/agents/${two.id}/dhcp-networks`, { network_id: network.id })
    expect(give.status).toBe(201)
    expect(await serving()).toEqual(['node2'])
    const owned = await net.admin('GET', `/v2.0/ports?device_owner=network:dhcp&network_id=${network.id}`)
    expect(owned.body.ports).toMatchObject([
      { 'binding:host_id': 'node2', fixed_ips: [{ subnet_id: subnet.id, ip_address: '10.0.0.2' }] },
    ])
    const served = await net.admin('GET', `/v2.0/agents/${two.id}/dhcp-networks`)
    expect(served.body.networks.map((each: { id: string }) => each.id)).toEqual([network.id])
    const taken = await net.admin('DELETE', `/v2.0/agents/${two.id}/dhcp-networks/${network.id}`)
    expect(taken.status).toBe(204)
    expect(await serving()).toEqual([])
  })

  test('what a deleted agent served goes to another', async () => {
    await net.beat('node1', 'l3')
    const router = await make(net.alice, 'router', {})
    await net.beat('node2', 'l3')
    const { id } = await agentOf('node1', 'L3 agent')
    expect((await net.admin('DELETE', `/v2.0/agents/${id}`)).status).toBe(204)
    const left = (await net.admin('GET', `/v2.0/routers/${router.id}/l3-agents`)).body.agents
    expect(left.map((each: AgentView) => each.host)).toEqual(['node2'])
  })

  test('zones are those of the agents, and hints name one of them', async () => {
    await net.beat('node1', 'l3')
    await net.beat('node1', 'dhcp')
    const zones = (await net.alice('GET', '/v2.0/availability_zones')).body.availability_zones
    expect(zones).toEqual([
      { name: 'nova', resource: 'router', state: 'available' },
      { name: 'nova', resource: 'network', state: 'available' },
    ])
    const some = await net.alice('GET', '/v2.0/availability_zones?resource=network')
    expect(some.body.availability_zones).toHaveLength(1)
    const hinted = (zone: string) =>
      net.alice('POST', '/v2.0/routers', { router: { availability_zone_hints: [zone] } })
    expect(refusal(await hinted('mars'))).toEqual([404, 'AvailabilityZoneNotFound'])
    expect((await hinted('nova')).body.router.availability_zones).toEqual(['nova'])
  })
})

describe('quotas', () => {
  const path = () => `/v2.0/quotas/${net.projects.alice}`

  test('a project sees its limits and its usage, and not those of others', async () => {
    await make(net.alice, 'network', {})
    expect((await net.alice('GET', path())).body.quota).toMatchObject({ network: 100, floatingip: 50 })
    expect((await net.alice('GET', `${path()}/details`)).body.quota.network).toEqual({
      used: 1,
      limit: 100,
      reserved: 0,
    })
    const withSuffix = await net.alice('GET', `${path()}/details.json?fields=network`)
    expect(withSuffix.body.quota.network.used).toBe(1)
    expect((await net.bob('GET', path())).status).toBe(403)
    expect((await net.alice('GET', '/v2.0/quotas')).status).toBe(403)
    expect((await net.alice('PUT', path(), { quota: { network: 1000 } })).status).toBe(403)
    expect((await net.alice('GET', '/v2.0/quotas/project')).body.project.project_id).toBe(net.projects.alice)
  })

  test('an administrator sets them, they hold at once, and go back to the defaults', async () => {
    const set = await net.admin('PUT', path(), { quota: { router: 1, network: -1 } })
    expect(set.body.quota).toMatchObject({ router: 1, network: -1, subnet: 100 })
    expect((await net.admin('GET', '/v2.0/quotas')).body.quotas).toMatchObject([
      { router: 1, project_id: net.projects.alice, tenant_id: net.projects.alice },
    ])
    await make(net.alice, 'router', {})
    expect(refusal(await net.alice('POST', '/v2.0/routers', { router: {} }))).toEqual([409, 'OverQuota'])
    expect((await net.admin('GET', `${path()}/default`)).body.quota.router).toBe(10)
    const low = { quota: { router: 0, check_limit: true } }
    expect(refusal(await net.admin('PUT', path(), low))).toEqual([400, 'InvalidInput'])
    expect((await net.admin('DELETE', path())).status).toBe(204)
    expect(refusal(await net.admin('DELETE', path()))).toEqual([404, 'TenantQuotaNotFound'])
    expect((await net.admin('GET', path())).body.quota.router).toBe(10)
  })

  test.each([
    [{}],
    [{ quota: [] }],
    [{ quota: { router: -2 } }],
    [{ quota: { router: 'many' } }],
    [{ quota: { router: 2 ** 40 } }],
    [{ quota: { wheels: 4 } }],
    [null],
  ])('%j is refused', async (body) => {
    expect((await net.admin('PUT', path(), body)).status).toBe(400)
  })
})

test('extensions are listed by alias, and one that is not there is not found', async () => {
  const { extensions } = (await net.alice('GET', '/v2.0/extensions')).body
  const aliases = extensions.map((each: { alias: string }) => each.alias)
  expect(aliases).toEqual(
    expect.arrayContaining(['router', 'security-group', 'quotas', 'external-net', 'agent']),
  )
  expect(new Set(aliases).size).toBe(aliases.length)
  const one = await net.alice('GET', '/v2.0/extensions/router')
  expect(one.body.extension).toMatchObject({ alias: 'router', name: 'Neutron L3 Router', links: [] })
  expect((await net.alice('GET', '/v2.0/extensions/Availability%20Zone')).status).toBe(404)
  const providers = (await net.alice('GET', '/v2.0/service-providers')).body.service_providers
  expect(providers).toEqual([{ service_type: 'L3_ROUTER_NAT', name: 'single_node', default: true }])
})

test('operators see how many addresses of a network are taken', async () => {
  const { network, subnet } = await lan(net.alice, '10.0.0.0/29')
  await make(net.alice, 'port', { network_id: network.id })
  await lan(net.bob, '2001:db8::/64')
  const path = '/v2.0/network-ip-availabilities'
  const one = await net.admin('GET', `${path}/${network.id}`)
  expect(one.body.network_ip_availability).toEqual({
    network_id: network.id,
    network_name: 'lan',
    project_id: net.projects.alice,
    tenant_id: net.projects.alice,
    total_ips: 5,
    used_ips: 1,
    subnet_ip_availability: [
      {
        subnet_id: subnet.id,
        subnet_name: '',
        cidr: '10.0.0.0/29',
        ip_version: 4,
        total_ips: 5,
        used_ips: 1,
      },
    ],
  })
  const sixes = (await net.admin('GET', `${path}?ip_version=6`)).body.network_ip_availabilities
  const subnets = sixes.map((each: { subnet_ip_availability: unknown[] }) => each.subnet_ip_availability)
  expect(subnets.flat()).toMatchObject([{ cidr: '2001:db8::/64', total_ips: expect.any(Number) }])
  expect(
    (await net.admin('GET', `${path}?project_id=${net.projects.bob}`)).body.network_ip_availabilities,
  ).toHaveLength(1)
  expect((await net.alice('GET', path)).status).toBe(403)
  expect(refusal(await net.admin('GET', `${path}/none`))).toEqual([404, 'NetworkNotFound'])
})
