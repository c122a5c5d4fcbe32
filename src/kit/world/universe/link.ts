// The network between machines: how long a way takes, what is cut, and what waits for it to be mended.
import type { Cancel, Random } from '../world.ts'
import type { Loop } from './loop.ts'
import type { Owner } from './queue.ts'

export type Latency = { readonly minMs: number; readonly maxMs: number }

export type Links = {
  /** One way, from the seed. */
  delay(from: string, to: string): number
  isCut(from: string, to: string): boolean
  cut(a: string, b: string): void
  isolate(machine: string): void
  heal(a?: string, b?: string): void
  /** Undefined is the usual one again. */
  latency(range: Latency | undefined, between?: readonly [string, string]): void
  /** Called once when the way from one to the other is open again. */
  onceOpen(from: string, to: string, go: () => void): Cancel
}

/** Within a machine. */
const loopback: Latency = { minMs: 0.01, maxMs: 0.05 }
const localNetwork: Latency = { minMs: 0.1, maxMs: 0.4 }

export function openLinks(loop: Loop, random: Random, owner: Owner): Links {
  let usual = localNetwork
  const special = new Map<string, Latency>()
  const cuts = new Set<string>()
  const isolated = new Set<string>()
  let waiting: { from: string; to: string; go: () => void }[] = []
  const pair = (a: string, b: string) => (a < b ? `${a} ${b}` : `${b} ${a}`)
  const isCut = (from: string, to: string) =>
    from !== to && (isolated.has(from) || isolated.has(to) || cuts.has(pair(from, to)))
  const release = () => {
    const open = waiting.filter((each) => !isCut(each.from, each.to))
    waiting = waiting.filter((each) => isCut(each.from, each.to))
    for (const { go } of open) loop.after(owner, 0, 'healed', go)
  }
  return {
    delay(from, to) {
      const { minMs, maxMs } = from === to ? loopback : (special.get(pair(from, to)) ?? usual)
      return minMs + ((maxMs - minMs) * random.int(0, 1_000_000)) / 1_000_000
    },
    isCut,
    cut: (a, b) => void cuts.add(pair(a, b)),
    isolate: (machine) => void isolated.add(machine),
    heal(a, b) {
      if (a === undefined) {
        cuts.clear()
        isolated.clear()
      } else if (b === undefined) {
        isolated.delete(a)
        for (const each of [...cuts]) if (each.split(' ').includes(a)) cuts.delete(each)
      } else cuts.delete(pair(a, b))
      release()
    },
    latency(range, between) {
      if (!between) usual = range ?? localNetwork
      else if (range) special.set(pair(...between), range)
      else special.delete(pair(...between))
    },
    onceOpen(from, to, go) {
      const entry = { from, to, go }
      waiting.push(entry)
      return () => {
        waiting = waiting.filter((each) => each !== entry)
      }
    },
  }
}
