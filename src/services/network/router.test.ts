// Routers and what they join, as their users see them.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type TestNetwork, testNetwork } from './test-network.ts'
import { get, join, lan, make, part, refusal } from './test-object.ts'

let net: TestNetwork
beforeEach(async () => {
  net = await testNetwork()
})
afterEach(() => net.close())

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
