// A kind of fault: what the simulation can do to a cloud, with an end of its own. One file for each kind.
import type { Random } from '#kit/world/world.ts'
import type { SimCloud } from '../cloud.ts'

export type Injected = {
  /** What was done, for people: 'node2 loses its power for 12.4 s'. */
  words: string
  /** Milliseconds of true time until `end`; 0 where nothing is left to be ended. */
  lastsMs: number
  /** Ends it. Called once, when its time is over or when all faults end, whichever is first. */
  end?: () => void
}

/** All chance comes from `random`, which is this one fault's own: leaving another out changes nothing here. */
export type Fault = (cloud: SimCloud, random: Random) => Injected

/** Milliseconds, the most likely short: faults of a moment and of a minute find different things. */
export function duration(random: Random, shortest: number, longest: number): number {
  const scale = Math.log(longest / shortest)
  return Math.round(shortest * Math.exp((scale * random.int(0, 1001)) / 1000))
}

export function oneOf<T>(random: Random, from: readonly T[]): T {
  if (from.length === 0) throw new Error('There is nothing to choose from')
  return from[random.int(0, from.length)] as T
}

/** True in `percent` of all cases. */
export function chance(random: Random, percent: number): boolean {
  return random.int(0, 100) < percent
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
