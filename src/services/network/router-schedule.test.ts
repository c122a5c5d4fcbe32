// Which host serves a router: one that reaches the router's networks.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Ask, type Json, type TestNetwork, testNetwork } from './test-network.ts'

let net: TestNetwork
beforeEach(async () => {
  net = await testNetwork()
})
afterEach(() => net.close())

async function make(who: Ask, kind: string, body: object): Promise<Json> {
  const made = await who('POST', `/v2.0/${kind}s`, { [kind]: body })
  expect(made.status, JSON.stringify(made.body)).toBe(201)
  return made.body[kind]
}
/** An external network on physical network `public`. */
async function outside(): Promise<Json> {
  const network = await make(net.admin, 'network', {
    'router:external': true,
    'provider:network_type': 'flat',
    'provider:physical_network': 'public',
  })
  await make(net.admin, 'subnet', {
    network_id: network.id,
    ip_version: 4,
    cidr: '203.0.113.0/24',
    enable_dhcp: false,
  })
  return network
}
/** Ids of the routers that the host's agent is given. */
const routersOn = async (host: string) =>
  (await net.plugin.hostRouters({ host }, net.incoming)).routers.map((each) => each.routerId)

describe('the host of a router', () => {
  test('a router stands on a host that reaches its external network, and goes there when it must', async () => {
    const reaches = { bridge_mappings: { public: 'br-ex' }, tunnel_types: ['vxlan'] }
    for (const [host, configurations] of [
      ['node1', { tunnel_types: ['vxlan'] }],
      ['node2', reaches],
    ] as const) {
      await net.beat(host, 'l2', configurations)
      await net.beat(host, 'l3')
    }
    const inner = await make(net.alice, 'router', {})
    expect(await routersOn('node1'), 'the less busy by name').toEqual([inner.id])
    const network = await outside()
    const outer = await make(net.alice, 'router', {
      external_gateway_info: { network_id: network.id },
    })
    expect(await routersOn('node2')).toEqual([outer.id])
    const changed = await net.alice('PUT', `/v2.0/routers/${inner.id}`, {
      router: { external_gateway_info: { network_id: network.id } },
    })
    expect(changed.status).toBe(200)
    expect(await routersOn('node1')).toEqual([])
    expect(await routersOn('node2')).toHaveLength(2)
    const [gateway] = (
      await net.admin('GET', `/v2.0/ports?device_id=${inner.id}&device_owner=network:router_gateway`)
    ).body.ports
    expect(gateway).toMatchObject({ 'binding:host_id': 'node2', 'binding:vif_type': 'ovs' })
  })

  test('a router that no host could serve is served when one can', async () => {
    await net.beat('node1', 'l2', { tunnel_types: ['vxlan'] })
    await net.beat('node1', 'l3')
    const network = await outside()
    const router = await make(net.alice, 'router', { external_gateway_info: { network_id: network.id } })
    expect(await routersOn('node1')).toHaveLength(1)
    await net.beat('node2', 'l2', { bridge_mappings: { public: 'br-ex' }, tunnel_types: ['vxlan'] })
    await net.beat('node2', 'l3')
    await net.world.advance(20_000)
    expect(await routersOn('node2')).toEqual([router.id])
  })
})
