// Two hosts with agents for their switches, and what people and agents do with them. Only tests import this.
import { Check } from 'typebox/value'
import { expect } from 'vitest'
import { HostWiringSchema } from '#contracts/network-agent.ts'
import { type Json, type TestNetwork, testNetwork } from './test-network.ts'

type Plugin = TestNetwork['plugin']
export type TestWiring = Awaited<ReturnType<typeof testWiring>>

export const server = '11111111-2222-4333-8444-555555555555'

/** Hosts 'one' and 'two'. */
export async function testWiring() {
  const net = await testNetwork()
  const plugin = new Proxy(
    {} as { [M in keyof Plugin]: (params: Parameters<Plugin[M]>[0]) => ReturnType<Plugin[M]> },
    { get: (_, method: keyof Plugin) => (params: never) => net.plugin[method](params, net.incoming) },
  )
  /** With an L2 agent that can do everything. */
  const host = (name: string, tunnelIp: string) =>
    net.beat(name, 'l2', {
      bridge_mappings: { public: 'br-ex', physnet1: 'br-vlan' },
      tunnel_types: ['vxlan', 'gre'],
      tunneling_ip: tunnelIp,
    })
  const make = async (kind: string, body: object, path = `/v2.0/${kind}s`): Promise<Json> => {
    const made = await net.admin('POST', path, { [kind]: body })
    expect(made.status, JSON.stringify(made.body)).toBe(201)
    return made.body[kind]
  }
  const wiring = async (host: string) => {
    const answer = await plugin.hostWiring({ host })
    expect(Check(HostWiringSchema, answer)).toBe(true)
    return answer
  }
  const wiringOf = async (host: string, portId: string) =>
    (await wiring(host)).ports.find((each) => each.portId === portId)
  await host('one', '10.255.0.1')
  await host('two', '10.255.0.2')
  return {
    net,
    plugin,
    host,
    make,
    wiring,
    wiringOf,
    async makeNetwork(cidr = '10.0.0.0/24', more: object = {}, networkMore: object = {}): Promise<Json> {
      const network = await make('network', { name: 'n', ...networkMore })
      await make('subnet', { network_id: network.id, ip_version: 4, cidr, ...more })
      return network
    },
    guestPort: (networkId: string, host: string, more: object = {}) =>
      make('port', {
        network_id: networkId,
        device_id: server,
        device_owner: 'compute:nova',
        'binding:host_id': host,
        ...more,
      }),
    async put(id: string, port: object) {
      const answer = await net.admin('PUT', `/v2.0/ports/${id}`, { port })
      expect(answer.status, JSON.stringify(answer.body)).toBe(200)
      return answer.body.port
    },
    show: async (id: string) => (await net.admin('GET', `/v2.0/ports/${id}`)).body.port,
    async up(host: string, portId: string) {
      const { generation } = (await wiringOf(host, portId))!
      return plugin.portUp({ host, portId, generation })
    },
    nudged: () => net.casts.filter((each) => each.method === 'wiringChanged').map((each) => each.host),
  }
}
