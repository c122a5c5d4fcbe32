// Routers' ways to the outside and their extra routes, as their users see them.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type TestNetwork, testNetwork } from './test-network.ts'
import { get, join, lan, make, outside, part, refusal, setGateway, wholeWay } from './test-object.ts'

let net: TestNetwork
beforeEach(async () => {
  net = await testNetwork()
})
afterEach(() => net.close())

describe('gateways', () => {
  test('a router gets an address outside, on a port that is nobody’s', async () => {
    const { network, subnet } = await outside(net)
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
    const { network, subnet } = await outside(net)
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
    const { external, router, port } = await wholeWay(net)
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
    const { network } = await outside(net)
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
