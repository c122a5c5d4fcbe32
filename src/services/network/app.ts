// What the parts of network share; wired in service.ts.
import type { dhcpAgent, l2Agent, l3Agent } from '#contracts/network-agent.ts'
import type { Bus, Caller } from '#kit/bus/bus.ts'
import type { Database } from '#kit/db/database.ts'
import type { Context } from '#kit/http/route.ts'
import { routeOf } from '#kit/http/route.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { Enforcer } from '#kit/policy/policy.ts'
import type { World } from '#kit/world/world.ts'
import type { NetworkConfig } from './config.ts'
import type { Recent } from './ops/recent.ts'
import type { SpreadNews } from './ops/spread.ts'

export type NetworkApp = {
  readonly world: World
  readonly log: Log
  /** Under the name neutron-server. */
  readonly journal: Journal
  readonly db: Database
  readonly policy: Enforcer
  readonly config: NetworkConfig
  readonly bus: Bus
  readonly l2Agents: Caller<typeof l2Agent.methods>
  readonly dhcpAgents: Caller<typeof dhcpAgent.methods>
  readonly l3Agents: Caller<typeof l3Agent.methods>
  /** By subnet, the place in its pools from which the next free address is looked for. Lost at a restart, without harm. */
  readonly nextAddress: Map<string, bigint>
  /** Which ports the last changes of networks' and groups' versions concerned. */
  readonly recent: Recent
  /** Tells the hosts that wire something of these networks, or have rules that name these groups, to look again. */
  readonly spread: (news: SpreadNews) => void
  /** Rows wait for their delivery to compute. */
  readonly nudgeEvents: () => void
}

export type NetworkContext = Context<NetworkApp>
export const route = routeOf<NetworkApp>()
