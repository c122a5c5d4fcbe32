// What L3 agents are told of routers, and which of them has which.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type TestNetwork, testNetwork } from './test-network.ts'
import { get, join, lan, make, part, wholeWay } from './test-object.ts'

let net: TestNetwork
beforeEach(async () => {
  net = await testNetwork()
})
afterEach(() => net.close())

describe('L3 agents', () => {
  const routersOf = (host: string) => net.plugin.hostRouters({ host }, net.incoming)

  test('the agent gets all of its router, and says what has become of it', async () => {
    await net.beat('node1', 'l3')
    const { external, inside, router, port } = await wholeWay(net)
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
    const { inside, router } = await wholeWay(net)
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
    const { inside, router } = await wholeWay(net)
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
