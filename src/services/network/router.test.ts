// Routers and floating IPs, as their users and the L3 agents see them.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Answered, type Ask, type TestNetwork, testNetwork } from './test-network.ts'

let net: TestNetwork
beforeEach(async () => {
  net = await testNetwork()
})
afterEach(() => net.close())

const make = async (as: Ask, kind: string, body: object) => {
  const made = await as('POST', `/v2.0/${kind}s`, { [kind]: body })
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  return made.body[kind]
}
const refusal = (answer: Answered) => [answer.status, answer.body?.NeutronError?.type]
const lan = async (as: Ask, cidr: string, more: object = {}) => {
  const made = await make(as, 'network', { name: 'lan' })
  const ip_version = cidr.includes(':') ? 6 : 4
  return {
    network: made,
    subnet: await make(as, 'subnet', { network_id: made.id, ip_version, cidr, ...more }),
  }
}
const outside = async (cidr = '203.0.113.0/24', physnet = 'public') => {
  const made = await make(net.admin, 'network', {
    name: 'public',
    'router:external': true,
    'provider:network_type': 'flat',
    'provider:physical_network': physnet,
  })
  const subnet = await make(net.admin, 'subnet', {
    network_id: made.id,
    ip_version: 4,
    cidr,
    enable_dhcp: false,
  })
  return { network: made, subnet }
}
const join = (as: Ask, router: { id: string }, wish: object) =>
  as('PUT', `/v2.0/routers/${router.id}/add_router_interface`, wish)
const part = (as: Ask, router: { id: string }, wish: object) =>
  as('PUT', `/v2.0/routers/${router.id}/remove_router_interface`, wish)
const setGateway = (as: Ask, router: { id: string }, info: object | null) =>
  as('PUT', `/v2.0/routers/${router.id}`, { router: { external_gateway_info: info } })
const get = async (as: Ask, kind: string, id: string) => (await as('GET', `/v2.0/${kind}s/${id}`)).body[kind]

/** A router of alice between her network and the outside, with a guest's port behind it. */
async function wholeWay() {
  const external = await outside()
  const inside = await lan(net.alice, '10.0.0.0/24')
  const router = await make(net.alice, 'router', {
    name: 'r',
    external_gateway_info: { network_id: external.network.id },
  })
  expect((await join(net.alice, router, { subnet_id: inside.subnet.id })).status).toBe(200)
  const port = await make(net.alice, 'port', { network_id: inside.network.id })
  return { external, inside, router, port }
}

describe('routers', () => {
  test('come with defaults, and only an administrator sees how they are spread', async () => {
    const made = await make(net.alice, 'router', { name: 'r1' })
    expect(made).toMatchObject({
      name: 'r1',
      admin_state_up: true,
      status: 'ACTIVE',
      external_gateway_info: null,
      routes: [],
      availability_zones: [],
      availability_zone_hints: [],
      flavor_id: null,
      tenant_id: net.projects.alice,
      project_id: net.projects.alice,
      tags: [],
      revision_number: 1,
    })
    expect(made).not.toHaveProperty('ha')
    expect(await get(net.admin, 'router', made.id)).toMatchObject({ ha: false, distributed: false })
    const twice = { router: { name: 'r2', ha: true } }
    expect((await net.alice('POST', '/v2.0/routers', twice)).status).toBe(403)
    expect(refusal(await net.admin('POST', '/v2.0/routers', twice))).toEqual([400, 'BadRequest'])
  })

  test("are not there for another project, and a reader can't change them", async () => {
    const made = await make(net.alice, 'router', { name: 'r1' })
    const path = `/v2.0/routers/${made.id}`
    expect(refusal(await net.bob('GET', path))).toEqual([404, 'RouterNotFound'])
    expect(refusal(await net.bob('DELETE', path))).toEqual([404, 'RouterNotFound'])
    expect((await net.bob('GET', '/v2.0/routers')).body.routers).toEqual([])
    const { subnet } = await lan(net.bob, '10.9.0.0/24')
    expect(refusal(await join(net.bob, made, { subnet_id: subnet.id }))).toEqual([404, 'RouterNotFound'])
    expect((await net.reader('GET', path)).status).toBe(200)
    expect(refusal(await net.reader('DELETE', path))).toEqual([403, 'PolicyNotAuthorized'])
    expect(refusal(await net.alice('GET', '/v2.0/routers/no-such-router'))).toEqual([404, 'RouterNotFound'])
  })

  test('are counted against the quota exactly, however many are made at once', async () => {
    const small = await testNetwork({ quotaRouter: 3 })
    const made = await Promise.all(
      Array.from({ length: 6 }, () => small.alice('POST', '/v2.0/routers', { router: {} })),
    )
    expect(made.filter((each) => each.status === 201)).toHaveLength(3)
    expect(made.filter((each) => each.status !== 201).map(refusal)).toEqual(
      Array.from({ length: 3 }, () => [409, 'OverQuota']),
    )
    await small.close()
  })

  test('take tags, filters and a change only of the revision that was seen', async () => {
    const made = await make(net.alice, 'router', { name: 'r1' })
    const path = `/v2.0/routers/${made.id}`
    expect((await net.alice('PUT', `${path}/tags/blue`)).status).toBe(201)
    expect((await net.alice('GET', '/v2.0/routers?tags=blue&fields=name')).body.routers).toEqual([
      { name: 'r1' },
    ])
    expect((await net.alice('GET', '/v2.0/routers?name=other')).body.routers).toEqual([])
    const change = { router: { name: 'r2' } }
    expect((await net.alice('PUT', path, change, { 'if-match': 'revision_number=1' })).status).toBe(412)
    expect((await net.alice('PUT', path, change, { 'if-match': 'revision_number=2' })).status).toBe(200)
  })
})

describe('interfaces', () => {
  test('a subnet is joined on its gateway address, and a port of its own stands there', async () => {
    const { network, subnet } = await lan(net.alice, '10.0.0.0/24')
    const router = await make(net.alice, 'router', {})
    const joined = await join(net.alice, router, { subnet_id: subnet.id })
    expect(joined).toMatchObject({
      status: 200,
      body: {
        id: router.id,
        tenant_id: net.projects.alice,
        project_id: net.projects.alice,
        network_id: network.id,
        subnet_id: subnet.id,
        subnet_ids: [subnet.id],
      },
    })
    expect(await get(net.alice, 'port', joined.body.port_id)).toMatchObject({
      device_id: router.id,
      device_owner: 'network:router_interface',
      fixed_ips: [{ subnet_id: subnet.id, ip_address: '10.0.0.1' }],
      security_groups: [],
      project_id: net.projects.alice,
    })
    expect((await get(net.alice, 'router', router.id)).revision_number).toBe(2)
    const left = await part(net.alice, router, { subnet_id: subnet.id })
    expect(left).toMatchObject({ status: 200, body: { port_id: joined.body.port_id, subnet_id: subnet.id } })
    expect((await net.alice('GET', `/v2.0/ports/${joined.body.port_id}`)).status).toBe(404)
  })

  test('a port that somebody made may be joined, unless something has it', async () => {
    const { network, subnet } = await lan(net.alice, '10.0.0.0/24')
    const router = await make(net.alice, 'router', {})
    const port = await make(net.alice, 'port', {
      network_id: network.id,
      fixed_ips: [{ subnet_id: subnet.id }],
    })
    const used = await make(net.alice, 'port', { network_id: network.id, device_id: 'something' })
    expect(refusal(await join(net.alice, router, { port_id: used.id }))).toEqual([409, 'PortInUse'])
    expect((await join(net.alice, router, { port_id: port.id })).body.port_id).toBe(port.id)
    expect(await get(net.alice, 'port', port.id)).toMatchObject({
      device_id: router.id,
      device_owner: 'network:router_interface',
    })
    expect(refusal(await net.alice('DELETE', `/v2.0/ports/${port.id}`))).toEqual([409, 'ServicePortInUse'])
  })

  test('what cannot be joined is refused by name', async () => {
    const { network, subnet } = await lan(net.alice, '10.0.0.0/24')
    const same = await lan(net.alice, '10.0.0.128/25')
    const foreign = await lan(net.bob, '10.1.0.0/24')
    const bare = await lan(net.alice, '10.2.0.0/24', { gateway_ip: null })
    const router = await make(net.alice, 'router', {})
    const port = await make(net.alice, 'port', { network_id: network.id })
    const tries = async (wish: object) => refusal(await join(net.alice, router, wish))
    expect(await tries({})).toEqual([400, 'BadRequest'])
    expect(await tries({ subnet_id: subnet.id, port_id: port.id })).toEqual([400, 'BadRequest'])
    expect(await tries({ subnet_id: 'x' })).toEqual([400, 'BadRequest'])
    expect(await tries({ subnet_id: foreign.subnet.id })).toEqual([404, 'SubnetNotFound'])
    expect(await tries({ port_id: foreign.subnet.id })).toEqual([404, 'PortNotFound'])
    expect(await tries({ subnet_id: bare.subnet.id })).toEqual([400, 'BadRequest'])
    expect((await join(net.alice, router, { subnet_id: subnet.id })).status).toBe(200)
    expect(await tries({ subnet_id: subnet.id })).toEqual([400, 'BadRequest'])
    expect(await tries({ subnet_id: same.subnet.id })).toEqual([400, 'BadRequest'])
    const other = await make(net.alice, 'router', {})
    expect(refusal(await join(net.alice, other, { subnet_id: subnet.id }))).toEqual([
      409,
      'IpAddressAlreadyAllocated',
    ])
    expect(refusal(await part(net.alice, other, { subnet_id: subnet.id }))).toEqual([
      404,
      'RouterInterfaceNotFoundForSubnet',
    ])
    expect(refusal(await part(net.alice, other, { port_id: port.id }))).toEqual([
      404,
      'RouterInterfaceNotFound',
    ])
  })

  test('IPv6 subnets of one network share a port', async () => {
    const { network, subnet } = await lan(net.alice, '2001:db8:1::/64')
    const second = await make(net.alice, 'subnet', {
      network_id: network.id,
      ip_version: 6,
      cidr: '2001:db8:2::/64',
    })
    const router = await make(net.alice, 'router', {})
    const one = await join(net.alice, router, { subnet_id: subnet.id })
    const two = await join(net.alice, router, { subnet_id: second.id })
    expect(two.body.port_id).toBe(one.body.port_id)
    expect((await get(net.alice, 'port', one.body.port_id)).fixed_ips).toHaveLength(2)
    expect((await part(net.alice, router, { subnet_id: subnet.id })).status).toBe(200)
    expect((await get(net.alice, 'port', one.body.port_id)).fixed_ips).toEqual([
      { subnet_id: second.id, ip_address: '2001:db8:2::1' },
    ])
  })

  test('a router with interfaces stays, and so does what it stands on', async () => {
    const { network, subnet } = await lan(net.alice, '10.0.0.0/24')
    const router = await make(net.alice, 'router', {})
    await join(net.alice, router, { subnet_id: subnet.id })
    expect(refusal(await net.alice('DELETE', `/v2.0/routers/${router.id}`))).toEqual([409, 'RouterInUse'])
    expect(refusal(await net.alice('DELETE', `/v2.0/subnets/${subnet.id}`))).toEqual([409, 'SubnetInUse'])
    expect(refusal(await net.alice('DELETE', `/v2.0/networks/${network.id}`))).toEqual([409, 'NetworkInUse'])
    await part(net.alice, router, { subnet_id: subnet.id })
    expect((await net.alice('DELETE', `/v2.0/routers/${router.id}`)).status).toBe(204)
    expect((await net.alice('DELETE', `/v2.0/networks/${network.id}`)).status).toBe(204)
  })
})

describe('gateways', () => {
  test('a router gets an address outside, on a port that is nobody’s', async () => {
    const { network, subnet } = await outside()
    const router = await make(net.alice, 'router', { external_gateway_info: { network_id: network.id } })
    const info = {
      network_id: network.id,
      enable_snat: true,
      external_fixed_ips: [{ subnet_id: subnet.id, ip_address: '203.0.113.2' }],
    }
    expect(router.external_gateway_info).toEqual(info)
    const path = `/v2.0/ports?device_id=${router.id}`
    expect((await net.alice('GET', path)).body.ports).toEqual([])
    expect((await net.admin('GET', path)).body.ports).toMatchObject([
      { device_owner: 'network:router_gateway', project_id: '' },
    ])
    expect((await setGateway(net.alice, router, {})).body.router.external_gateway_info).toBeNull()
    expect((await net.admin('GET', path)).body.ports).toEqual([])
  })

  test('its parts are for administrators, and it must be external', async () => {
    const { network, subnet } = await outside()
    const inside = await lan(net.alice, '10.0.0.0/24')
    const hidden = await lan(net.bob, '10.1.0.0/24')
    const router = await make(net.alice, 'router', {})
    const chosen = { external_fixed_ips: [{ subnet_id: subnet.id, ip_address: '203.0.113.77' }] }
    expect(
      refusal(await setGateway(net.alice, router, { network_id: network.id, enable_snat: false })),
    ).toEqual([403, 'PolicyNotAuthorized'])
    expect(refusal(await setGateway(net.alice, router, { network_id: network.id, ...chosen }))).toEqual([
      403,
      'PolicyNotAuthorized',
    ])
    expect(refusal(await setGateway(net.alice, router, { network_id: inside.network.id }))).toEqual([
      400,
      'BadRequest',
    ])
    expect(refusal(await setGateway(net.alice, router, { network_id: hidden.network.id }))).toEqual([
      404,
      'NetworkNotFound',
    ])
    expect((await get(net.alice, 'router', router.id)).external_gateway_info).toBeNull()
    const set = await setGateway(net.admin, router, { network_id: network.id, enable_snat: false, ...chosen })
    expect(set.body.router.external_gateway_info).toMatchObject({ enable_snat: false, ...chosen })
    expect(
      refusal(
        await setGateway(net.admin, router, {
          network_id: network.id,
          external_fixed_ips: [{ ip_address: '203.0.113.1' }],
        }),
      ),
    ).toEqual([400, 'BadRequest'])
    const moved = [{ subnet_id: subnet.id, ip_address: '203.0.113.78' }]
    const again = { network_id: network.id, external_fixed_ips: moved }
    expect((await setGateway(net.admin, router, again)).body.router.external_gateway_info).toMatchObject({
      external_fixed_ips: moved,
    })
  })

  test('floating IPs that lead nowhere go with their network, and one that leads to a port keeps it', async () => {
    const { external, router, port } = await wholeWay()
    const floating_network_id = external.network.id
    const free = await make(net.alice, 'floatingip', { floating_network_id })
    const used = await make(net.alice, 'floatingip', { floating_network_id, port_id: port.id })
    const path = `/v2.0/networks/${floating_network_id}`
    expect(refusal(await net.admin('DELETE', path))).toEqual([409, 'NetworkInUse'])
    expect(await get(net.alice, 'floatingip', free.id)).toEqual(free)
    await net.alice('PUT', `/v2.0/floatingips/${used.id}`, { floatingip: { port_id: null } })
    expect((await setGateway(net.alice, router, null)).status).toBe(200)
    expect((await net.admin('DELETE', path)).status).toBe(204)
    expect((await net.alice('GET', '/v2.0/floatingips')).body.floatingips).toEqual([])
  })

  test('an external network with gateways is not deleted, nor made internal', async () => {
    const { network } = await outside()
    const router = await make(net.alice, 'router', { external_gateway_info: { network_id: network.id } })
    const path = `/v2.0/networks/${network.id}`
    expect(refusal(await net.admin('DELETE', path))).toEqual([409, 'NetworkInUse'])
    expect(refusal(await net.admin('PUT', path, { network: { 'router:external': false } }))).toEqual([
      409,
      'ExternalNetworkInUse',
    ])
    expect((await net.alice('DELETE', `/v2.0/routers/${router.id}`)).status).toBe(204)
    expect((await net.admin('DELETE', path)).status).toBe(204)
  })
})

describe('extra routes', () => {
  test('lead to neighbours of the router, and keep the interface that they need', async () => {
    const { subnet } = await lan(net.alice, '10.0.0.0/24')
    const router = await make(net.alice, 'router', {})
    const path = `/v2.0/routers/${router.id}`
    const via = (nexthop: string) => ({ router: { routes: [{ destination: '172.16.0.0/16', nexthop }] } })
    expect(refusal(await net.alice('PUT', path, via('10.0.0.9')))).toEqual([400, 'InvalidRoutes'])
    await join(net.alice, router, { subnet_id: subnet.id })
    expect(refusal(await net.alice('PUT', path, via('10.0.0.1')))).toEqual([400, 'InvalidRoutes'])
    const set = await net.alice('PUT', path, via('10.0.0.9'))
    expect(set.body.router.routes).toEqual([{ destination: '172.16.0.0/16', nexthop: '10.0.0.9' }])
    expect(refusal(await part(net.alice, router, { subnet_id: subnet.id }))).toEqual([
      409,
      'RouterInterfaceInUseByRoute',
    ])
    const more = { router: { routes: [{ destination: '172.17.0.0/16', nexthop: '10.0.0.9' }] } }
    const added = await net.alice('PUT', `${path}/add_extraroutes`, more)
    expect(added.body.router.routes).toHaveLength(2)
    const less = await net.alice('PUT', `${path}/remove_extraroutes`, via('10.0.0.9'))
    expect(less.body.router.routes).toEqual(more.router.routes)
    expect((await net.alice('PUT', path, { router: { routes: null } })).body.router.routes).toEqual([])
    const many = Array.from({ length: 31 }, (_, n) => ({
      destination: `10.99.${n}.0/24`,
      nexthop: '10.0.0.9',
    }))
    expect(refusal(await net.alice('PUT', path, { router: { routes: many } }))).toEqual([
      400,
      'RoutesExhausted',
    ])
  })
})

describe('floating IPs', () => {
  test('are allocated unassigned, and lead nowhere', async () => {
    const { network } = await outside()
    const made = await make(net.alice, 'floatingip', { floating_network_id: network.id })
    expect(made).toMatchObject({
      floating_network_id: network.id,
      floating_ip_address: '203.0.113.2',
      port_id: null,
      fixed_ip_address: null,
      router_id: null,
      port_details: null,
      status: 'DOWN',
      project_id: net.projects.alice,
    })
    expect(made).not.toHaveProperty('subnet_id')
    const list = await net.alice('GET', '/v2.0/floatingips?floating_ip_address=203.0.113.2')
    expect(list.body.floatingips).toEqual([made])
    expect(refusal(await net.bob('GET', `/v2.0/floatingips/${made.id}`))).toEqual([404, 'FloatingIPNotFound'])
    expect((await net.alice('DELETE', `/v2.0/floatingips/${made.id}`)).status).toBe(204)
    expect((await net.admin('GET', `/v2.0/ports?network_id=${network.id}`)).body.ports).toEqual([])
  })

  test('lead to a port through the router of its subnet, and back to nowhere', async () => {
    const { external, router, port } = await wholeWay()
    const made = await make(net.alice, 'floatingip', { floating_network_id: external.network.id })
    const path = `/v2.0/floatingips/${made.id}`
    const to = (port_id: string | null) => net.alice('PUT', path, { floatingip: { port_id } })
    expect((await to(port.id)).body.floatingip).toMatchObject({
      port_id: port.id,
      router_id: router.id,
      fixed_ip_address: port.fixed_ips[0].ip_address,
      port_details: { mac_address: port.mac_address, network_id: port.network_id },
    })
    const described = await net.alice('PUT', path, { floatingip: { description: 'web' } })
    expect(described.body.floatingip).toMatchObject({ port_id: port.id, description: 'web' })
    expect((await to(null)).body.floatingip).toMatchObject({ port_id: null, router_id: null, status: 'DOWN' })
  })

  test('what they cannot lead to is refused by name', async () => {
    const { external, inside, port } = await wholeWay()
    const apart = await lan(net.alice, '10.7.0.0/24')
    const alone = await make(net.alice, 'port', { network_id: apart.network.id })
    const bare = await make(net.alice, 'port', { network_id: apart.network.id, fixed_ips: [] })
    const foreign = await lan(net.bob, '10.8.0.0/24')
    const theirs = await make(net.bob, 'port', { network_id: foreign.network.id })
    const floating_network_id = external.network.id
    const tries = async (more: object) =>
      refusal(await net.alice('POST', '/v2.0/floatingips', { floatingip: { floating_network_id, ...more } }))
    expect(await tries({ floating_network_id: inside.network.id })).toEqual([400, 'BadRequest'])
    expect(await tries({ port_id: alone.id })).toEqual([404, 'ExternalGatewayForFloatingIPNotFound'])
    expect(await tries({ port_id: bare.id })).toEqual([400, 'BadRequest'])
    expect(await tries({ port_id: theirs.id })).toEqual([404, 'PortNotFound'])
    expect(await tries({ port_id: port.id, fixed_ip_address: '10.0.0.99' })).toEqual([400, 'BadRequest'])
    expect(await tries({ fixed_ip_address: '10.0.0.2' })).toEqual([400, 'BadRequest'])
    expect(await tries({ floating_ip_address: '203.0.113.9' })).toEqual([403, 'PolicyNotAuthorized'])
    expect(await tries({ subnet_id: inside.subnet.id })).toEqual([400, 'BadRequest'])
    expect(await tries({ port_id: port.id })).toEqual([201, undefined])
    expect(await tries({ port_id: port.id })).toEqual([409, 'FloatingIPPortAlreadyAssociated'])
    // What was refused left nothing behind: the gateway's port and one floating IP's are all that is there.
    const left = await net.admin('GET', `/v2.0/ports?network_id=${floating_network_id}`)
    expect(left.body.ports).toHaveLength(2)
  })

  test('hold the router, its gateway and its interface', async () => {
    const { external, inside, router, port } = await wholeWay()
    const made = await make(net.alice, 'floatingip', {
      floating_network_id: external.network.id,
      port_id: port.id,
    })
    expect(refusal(await part(net.alice, router, { subnet_id: inside.subnet.id }))).toEqual([
      409,
      'RouterInterfaceInUseByFloatingIP',
    ])
    expect(refusal(await setGateway(net.alice, router, null))).toEqual([
      409,
      'RouterExternalGatewayInUseByFloatingIp',
    ])
    const own = await net.admin('GET', `/v2.0/ports?device_id=${made.id}`)
    expect(own.body.ports).toMatchObject([{ device_owner: 'network:floatingip' }])
    expect(refusal(await net.admin('DELETE', `/v2.0/ports/${own.body.ports[0].id}`))).toEqual([
      409,
      'ServicePortInUse',
    ])
  })

  test('let go of a port that is deleted, and compute is told what changed', async () => {
    const { external, inside } = await wholeWay()
    const device_id = '11111111-2222-3333-4444-555555555555'
    const port = await make(net.admin, 'port', {
      network_id: inside.network.id,
      device_id,
      device_owner: 'compute:nova',
      project_id: net.projects.alice,
    })
    const made = await make(net.alice, 'floatingip', {
      floating_network_id: external.network.id,
      port_id: port.id,
    })
    expect(made.port_details).toMatchObject({ device_id, device_owner: 'compute:nova' })
    await net.world.settle()
    expect(net.told).toContainEqual(expect.objectContaining({ name: 'network-changed', serverId: device_id }))
    expect((await net.alice('DELETE', `/v2.0/ports/${port.id}`)).status).toBe(204)
    expect(await get(net.alice, 'floatingip', made.id)).toMatchObject({ port_id: null, router_id: null })
  })

  test('an address is given once, however many ask at once', async () => {
    const { network } = await outside('203.0.113.0/29')
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        net.alice('POST', '/v2.0/floatingips', { floatingip: { floating_network_id: network.id } }),
      ),
    )
    const given = answers.filter((each) => each.status === 201)
    expect(new Set(given.map((each) => each.body.floatingip.floating_ip_address)).size).toBe(5)
    expect(given).toHaveLength(5)
    for (const each of answers.filter((one) => one.status !== 201))
      expect(refusal(each)).toEqual([409, 'IpAddressGenerationFailure'])
  })
})

describe('L3 agents', () => {
  const routersOf = (host: string) => net.plugin.hostRouters({ host }, net.incoming)

  test('the agent gets all of its router, and says what has become of it', async () => {
    await net.beat('node1', 'l3')
    const { external, inside, router, port } = await wholeWay()
    const floating = await make(net.alice, 'floatingip', {
      floating_network_id: external.network.id,
      port_id: port.id,
    })
    const route = { destination: '172.16.0.0/16', nexthop: '10.0.0.9' }
    await net.alice('PUT', `/v2.0/routers/${router.id}`, { router: { routes: [route] } })
    const before = await routersOf('node1')
    expect(before.routers).toMatchObject([
      {
        routerId: router.id,
        adminUp: true,
        enableSnat: true,
        gateway: {
          networkId: external.network.id,
          fixedIps: [{ ipAddress: '203.0.113.2', prefix: 24 }],
          subnets: [{ cidr: '203.0.113.0/24', gatewayIp: '203.0.113.1' }],
        },
        interfaces: [
          { networkId: inside.network.id, fixedIps: [{ ipAddress: '10.0.0.1', prefix: 24 }], mtu: 1450 },
        ],
        floatingIps: [
          { floatingIpId: floating.id, floatingIp: floating.floating_ip_address, portId: port.id },
        ],
        routes: [route],
      },
    ])
    const [wiring] = before.routers
    const statuses = [{ floatingIpId: floating.id, status: 'ACTIVE' as const }]
    const told = { host: 'node1', routerId: router.id, statuses }
    await net.plugin.floatingIpStatus({ ...told, host: 'stranger' }, net.incoming)
    expect((await get(net.alice, 'floatingip', floating.id)).status).toBe('DOWN')
    await net.plugin.floatingIpStatus(told, net.incoming)
    expect((await get(net.alice, 'floatingip', floating.id)).status).toBe('ACTIVE')
    const status = {
      host: 'node1',
      routerId: router.id,
      generation: wiring!.generation,
      status: 'ERROR' as const,
    }
    await net.plugin.routerStatus({ ...status, generation: wiring!.generation - 1 }, net.incoming)
    expect((await get(net.alice, 'router', router.id)).status).toBe('ACTIVE')
    await net.plugin.routerStatus(status, net.incoming)
    expect((await get(net.alice, 'router', router.id)).status).toBe('ERROR')
  })

  test('each change raises the generation and nudges the agent; what is gone is no longer wired', async () => {
    await net.beat('node1', 'l3')
    const { inside, router } = await wholeWay()
    const before = await routersOf('node1')
    net.casts.length = 0
    await net.alice('PUT', `/v2.0/routers/${router.id}`, { router: { admin_state_up: false } })
    const after = await routersOf('node1')
    expect(after.generation).toBeGreaterThan(before.generation)
    expect(after.routers[0]!.generation).toBeGreaterThan(before.routers[0]!.generation)
    expect(after.routers[0]!.adminUp).toBe(false)
    expect(net.casts).toContainEqual(
      expect.objectContaining({ method: 'routerChanged', params: { routerId: router.id }, host: 'node1' }),
    )
    const ports = (await net.plugin.hostWiring({ host: 'node1' }, net.incoming)).ports
    expect(ports.map((each) => each.deviceOwner).sort()).toEqual([
      'network:router_gateway',
      'network:router_interface',
    ])
    await part(net.alice, router, { subnet_id: inside.subnet.id })
    expect((await routersOf('node1')).routers[0]!.interfaces).toEqual([])
    net.casts.length = 0
    await net.alice('DELETE', `/v2.0/routers/${router.id}`)
    expect((await routersOf('node1')).routers).toEqual([])
    expect((await net.plugin.hostWiring({ host: 'node1' }, net.incoming)).ports).toEqual([])
    expect(net.casts).toContainEqual(expect.objectContaining({ method: 'routerChanged', host: 'node1' }))
  })

  test('the agent hears of a network that carries larger packets', async () => {
    await net.beat('node1', 'l3')
    const { inside, router } = await wholeWay()
    net.casts.length = 0
    await net.alice('PUT', `/v2.0/networks/${inside.network.id}`, { network: { mtu: 1400 } })
    expect(net.casts).toContainEqual(
      expect.objectContaining({ method: 'routerChanged', params: { routerId: router.id } }),
    )
    const [wiring] = (await routersOf('node1')).routers
    expect(wiring!.interfaces[0]!.mtu).toBe(1400)
  })

  test('a router waits for an agent, goes to the least busy, and moves away from a dead one', async () => {
    const first = await make(net.alice, 'router', {})
    expect((await routersOf('node1')).routers).toEqual([])
    await net.beat('node1', 'l3')
    expect((await routersOf('node1')).routers.map((each) => each.routerId)).toEqual([first.id])
    expect((await get(net.alice, 'router', first.id)).availability_zones).toEqual(['nova'])
    await net.beat('node2', 'l3')
    const second = await make(net.alice, 'router', {})
    expect((await routersOf('node2')).routers.map((each) => each.routerId)).toEqual([second.id])
    const { subnet } = await lan(net.alice, '10.0.0.0/24')
    const joined = await join(net.alice, first, { subnet_id: subnet.id })
    const hostOf = async () => (await get(net.admin, 'port', joined.body.port_id))['binding:host_id']
    expect(await hostOf()).toBe('node1')
    await net.world.advance(60_000)
    await net.beat('node2', 'l3')
    await net.world.advance(40_000)
    await net.world.settle()
    expect((await routersOf('node1')).routers).toEqual([])
    expect((await routersOf('node2')).routers).toHaveLength(2)
    expect(await hostOf()).toBe('node2')
  })
})
