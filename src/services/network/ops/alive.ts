// Whether an agent is to be counted on: by its last heart-beat.
import type { NetworkApp } from '../app.ts'
import type { Agent } from '../resources/agent.ts'

export function isAlive({ world, config }: NetworkApp, agent: Pick<Agent, 'heartbeatAt'>): boolean {
  return world.clock.now() - agent.heartbeatAt < config.agentDownTime
}
