// The message broker of a cloud under test: the embedded one in this process, or, where NIMBO_RABBITMQ_URL and
// NIMBO_RABBITMQ_MANAGEMENT_URL name one, a RabbitMQ, on a virtual host of the cloud's own.
import type { BusOptions } from '#kit/bus/client.ts'
import { connectToAny } from '#kit/bus/transport.ts'
import { type VirtualOptions, type VirtualWorld, virtualWorld } from '#kit/world/virtual.ts'
import { hostUser } from '#main/bus-rights.ts'
import type { OpenPlatform, PlatformPlan } from '#main/platform.ts'
import { namedRabbit, ownVhost } from '#test/interop/bus-engine.ts'
import { rabbitSockets } from './rabbit-sockets.ts'

export type TestEngine = {
  readonly world: VirtualWorld
  readonly plan: Pick<PlatformPlan, 'agents' | 'external'>
  /** How a host's agent comes to the bus: as itself, with a host's rights. */
  agent(platform: OpenPlatform, host: string): AgentLogin
  close(): Promise<void>
}
type AgentLogin = Pick<
  BusOptions,
  'connect' | 'user' | 'password' | 'vhost' | 'limited' | 'durableQueueType' | 'heartbeatSeconds'
>

export async function testEngine(options: VirtualOptions, hosts: readonly string[]): Promise<TestEngine> {
  const rabbit = namedRabbit()
  const agents = (suffix: string) =>
    hosts.map((host) => ({
      user: `${hostUser(host)}${suffix}`,
      password: `secret of ${host}`,
      hosts: [host],
    }))
  const login = (suffix: string, host: string) => {
    const { user, password } = agents(suffix).find(({ hosts }) => hosts.includes(host))!
    return { user, password, limited: true }
  }
  if (!rabbit)
    return {
      world: virtualWorld(options),
      plan: { agents: agents('') },
      agent: (platform, host) => ({ ...login('', host), connect: () => platform.broker!.connect() }),
      async close() {},
    }
  const world = virtualWorld({ ...options, outside: rabbitSockets() })
  const { external, drop } = await ownVhost(rabbit)
  // Users are the whole broker's, and other clouds under test have a node1 too.
  const suffix = `.${external.transport.vhost}`
  // Virtual hours pass without a beat.
  const heartbeatSeconds = 0
  return {
    world,
    plan: { agents: agents(suffix), external: { ...external, heartbeatSeconds } },
    agent: (_, host) => ({
      ...login(suffix, host),
      connect: connectToAny(world, external.transport),
      vhost: external.transport.vhost,
      durableQueueType: external.durableQueueType,
      heartbeatSeconds,
    }),
    close: () => drop(agents(suffix).map(({ user }) => user)),
  }
}
