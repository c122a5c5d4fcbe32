// The ways between hosts, which faults cut and slow: whatever goes from host to host, in tunnels or on a provider's cable.

export type SimLinks = {
  /** Nothing passes between the two, or between one and all others; the result heals it. */
  cut(one: string, other?: string): () => void
  /** Each way takes this much longer, in milliseconds; the result ends it. */
  delay(one: string, other: string, ms: number): () => void
  isCut(one: string, other: string): boolean
  delayMs(one: string, other: string): number
}

/** No host has this name. */
const everybody = '*'

export function openLinks(): SimLinks {
  const cuts: string[] = []
  const delays: { pair: string; ms: number }[] = []
  return {
    cut(one, other = everybody) {
      const pair = pairOf(one, other)
      cuts.push(pair)
      return once(() => cuts.splice(cuts.indexOf(pair), 1))
    },
    delay(one, other, ms) {
      const entry = { pair: pairOf(one, other), ms }
      delays.push(entry)
      return once(() => delays.splice(delays.indexOf(entry), 1))
    },
    isCut(one, other) {
      if (cuts.length === 0 || one === other) return false
      return [pairOf(one, other), pairOf(one, everybody), pairOf(other, everybody)].some((pair) =>
        cuts.includes(pair),
      )
    },
    delayMs(one, other) {
      if (delays.length === 0 || one === other) return 0
      const pair = pairOf(one, other)
      return delays.reduce((sum, each) => (each.pair === pair ? sum + each.ms : sum), 0)
    },
  }
}

const pairOf = (one: string, other: string) => [one, other].sort().join('\n')

function once(work: () => void): () => void {
  let done = false
  return () => {
    if (!done) work()
    done = true
  }
}
