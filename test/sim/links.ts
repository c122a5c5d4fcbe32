// The network as faults use it: several may hold the same way cut or slow, and it is free again when the last one ends.
import type { Universe } from '#kit/world/universe/universe.ts'

export type Latency = { minMs: number; maxMs: number }

/** Each gives back how to end it; ending it twice does no harm. */
export type SimLinks = {
  cut(a: string, b: string): () => void
  isolate(machine: string): () => void
  slow(a: string, b: string, latency: Latency): () => void
}

export function openLinks(network: Universe['network'], machines: () => readonly string[]): SimLinks {
  const cuts = new Map<string, number>()
  const slows = new Map<string, Latency[]>()
  const key = (a: string, b: string) => (a < b ? `${a} ${b}` : `${b} ${a}`)
  const once = (work: () => void) => {
    let done = false
    return () => {
      if (done) return
      done = true
      work()
    }
  }
  const cut = (a: string, b: string) => {
    const way = key(a, b)
    const held = cuts.get(way) ?? 0
    cuts.set(way, held + 1)
    if (held === 0) network.cut(a, b)
    return once(() => {
      const left = cuts.get(way)! - 1
      cuts.set(way, left)
      if (left === 0) network.heal(a, b)
    })
  }
  return {
    cut,
    isolate(machine) {
      const ends = machines()
        .filter((other) => other !== machine)
        .map((other) => cut(machine, other))
      return () => {
        for (const end of ends) end()
      }
    },
    slow(a, b, latency) {
      const way = key(a, b)
      const held = slows.get(way) ?? []
      slows.set(way, held)
      held.push(latency)
      network.latency(latency, [a, b])
      return once(() => {
        held.splice(held.indexOf(latency), 1)
        network.latency(held.at(-1), [a, b])
      })
    },
  }
}
