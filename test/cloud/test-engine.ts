// The message broker of a cloud under test: the embedded one in this process, or, where NIMBO_RABBITMQ_URL names one, a
// RabbitMQ, on a virtual host of the cloud's own.
import type { BusOptions } from '#kit/bus/client.ts'
import type { VirtualWorld } from '#kit/world/virtual.ts'
import { inProcess } from '#main/bus-engine.ts'
import { hostUser } from '#main/bus-rights.ts'
import type { OpenPlatform, PlatformPlan } from '#main/platform.ts'

export type TestEngine = {
  readonly plan: Pick<PlatformPlan, 'agents' | 'external'>
  /** How a host's agent comes to the bus: as itself, with a host's rights. */
  agent(
    platform: OpenPlatform,
    host: string,
  ): Pick<BusOptions, 'connect' | 'user' | 'password' | 'vhost' | 'limited' | 'durableQueueType'>
  close(): Promise<void>
}

export async function testEngine(_world: VirtualWorld, hosts: readonly string[]): Promise<TestEngine> {
  const password = (host: string) => `secret of ${host}`
  return {
    plan: {
      agents: hosts.map((host) => ({ user: hostUser(host), password: password(host), hosts: [host] })),
    },
    agent: (platform, host) => ({
      connect: async () => inProcess(platform.broker!),
      user: hostUser(host),
      password: password(host),
      limited: true,
    }),
    async close() {},
  }
}
