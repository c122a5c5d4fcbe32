// Floating IPs, as their users and compute see them.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type TestNetwork, testNetwork } from './test-network.ts'
import { get, lan, make, outside, part, refusal, setGateway, wholeWay } from './test-object.ts'

let net: TestNetwork
beforeEach(async () => {
  net = await testNetwork()
})
afterEach(() => net.close())

describe('floating IPs', () => {
  test('are allocated unassigned, and lead nowhere', async () => {
    const { network } = await outside(net)
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
    const { external, router, port } = await wholeWay(net)
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
    const { external, inside, port } = await wholeWay(net)
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
    const { external, inside, router, port } = await wholeWay(net)
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
    const { external, inside } = await wholeWay(net)
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
    const { network } = await outside(net, '203.0.113.0/29')
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
