// Whether an agent is to be counted on: by its last heart-beat.
import type { NetworkApp } from '../app.ts'
import type { Agent } from '../resources/agent.ts'
import type { Condition } from '../store/list.ts'

export function isAlive({ world, config }: NetworkApp, agent: Pick<Agent, 'heartbeatAt'>): boolean {
  return world.clock.now() - agent.heartbeatAt < config.agentDownTime
}

/** The same as a condition on agents: those that live, those that don't, both or neither. */
export function whereAlive({ world, config }: NetworkApp, alive: boolean, dead: boolean): Condition {
  const limit = world.clock.now() - config.agentDownTime
  return (on) =>
    on.or([
      ...(alive ? [on('heartbeatAt', '>', limit)] : []),
      ...(dead ? [on('heartbeatAt', '<=', limit)] : []),
      on.lit(false),
    ])
}
