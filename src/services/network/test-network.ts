// For tests of this service: the real thing on virtual time and a database in memory, callers by made-up tokens, and a
// bus that hands calls over at once and keeps the casts.
import { agentTypes, networkPlugin } from '#contracts/network-agent.ts'
import type { Bus, Handlers } from '#kit/bus/bus.ts'
import { withDefaults } from '#kit/config/section.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { authenticateBy, callsTo, testCaller, testPlatform } from '#kit/service/test-platform.ts'
import type { ComputeClient, ExternalEvent } from '#services/compute/client.ts'
import { type NetworkConfig, networkConfig } from './config.ts'
import { openNetwork } from './service.ts'

export type SentCast = {
  topic: string
  method: string
  host: string | undefined
  params: Record<string, unknown>
}

export async function testNetwork(given: Partial<NetworkConfig> = {}) {
  const casts: SentCast[] = []
  const told: ExternalEvent[] = []
  let computeAway = false
  // biome-ignore lint/suspicious/noExplicitAny: handlers of any contract
  let served: any
  const bus = {
    caller: (contract: { topic: string; methods: object }) =>
      Object.fromEntries(
        Object.keys(contract.methods).map((method) => [
          method,
          async (params: Record<string, unknown>, options: { host?: string }) => {
            casts.push({ topic: contract.topic, method, host: options.host, params })
          },
        ]),
      ),
    serve: async (_contract: unknown, _host: string, _service: string, handlers: unknown) => {
      served = handlers
      return { stop: async () => {} }
    },
    notify: async () => {},
    connected: true,
    close: async () => {},
  } as unknown as Bus
  const platform = testPlatform({ bus })
  const compute: ComputeClient = {
    async sendExternalEvents(_trace, _token, events) {
      if (computeAway) throw new CloudError('unavailable', 'compute is away')
      told.push(...events)
      return []
    },
  }
  const callers = {
    admin: testCaller({ roles: ['admin', 'member', 'reader'], projectId: 'a'.repeat(32) }),
    alice: testCaller({ roles: ['member', 'reader'], projectId: 'b'.repeat(32) }),
    bob: testCaller({ roles: ['member', 'reader'], projectId: 'c'.repeat(32) }),
    reader: testCaller({ roles: ['reader'], projectId: 'b'.repeat(32) }),
  }
  const service = await openNetwork(platform, withDefaults(networkConfig, given), authenticateBy(callers), {
    compute,
    serviceToken: async () => 'a token',
  })
  const trace = platform.journal.newTrace()
  const plugin = Object.fromEntries(
    Object.keys(networkPlugin.methods).map((method) => [
      method,
      (params: unknown) =>
        served[method](params, { trace, messageId: 'm', deadline: undefined, redelivered: false }),
    ]),
  ) as unknown as {
    [M in keyof Handlers<typeof networkPlugin.methods>]: (
      params: Parameters<Handlers<typeof networkPlugin.methods>[M]>[0],
    ) => ReturnType<Handlers<typeof networkPlugin.methods>[M]>
  }
  const { world } = platform
  const report = (
    kind: keyof typeof agentTypes,
    host: string,
    configurations: Record<string, unknown> = {},
  ) =>
    plugin.agentReport({
      host,
      ...agentTypes[kind],
      topic: 'N/A',
      availabilityZone: 'nova',
      configurations,
      startedAt: 1,
    })
  return {
    service,
    world,
    platform,
    plugin,
    casts,
    told,
    setComputeAway: (away: boolean) => {
      computeAway = away
    },
    admin: callsTo(service.http, 'admin'),
    alice: callsTo(service.http, 'alice'),
    bob: callsTo(service.http, 'bob'),
    reader: callsTo(service.http, 'reader'),
    stranger: callsTo(service.http, undefined),
    projects: { admin: 'a'.repeat(32), alice: 'b'.repeat(32), bob: 'c'.repeat(32) },
    report,
    /** A host with an L2 agent that can do everything. */
    host: (name: string, tunnelIp: string) =>
      report('l2', name, {
        bridge_mappings: { public: 'br-ex', physnet1: 'br-vlan' },
        tunnel_types: ['vxlan', 'gre'],
        tunneling_ip: tunnelIp,
      }),
  }
}
export type TestNetwork = Awaited<ReturnType<typeof testNetwork>>
