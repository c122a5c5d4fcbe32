// What users do, each with how often; a client does one after the other, as many at once as there are clients.
import type { Random } from '#kit/world/world.ts'
import type { Client } from './client.ts'

export type Act = {
  readonly name: string
  /** How often, beside the others. */
  readonly weight: number
  /** Whether it makes sense with what the client has; false picks another. */
  possible?(client: Client): boolean
  run(client: Client): Promise<void>
}

export function pickAct(acts: readonly Act[], client: Client, random: Random): Act | undefined {
  const open = acts.filter((act) => act.possible?.(client) ?? true)
  const total = open.reduce((sum, { weight }) => sum + weight, 0)
  if (total === 0) return undefined
  let left = random.int(0, total)
  return open.find((act) => {
    left -= act.weight
    return left < 0
  })
}
