// What the scheduler has chosen since a moment. Candidates are read before a host is chosen and claimed, so those who are
// placed at the same time would all see the same host as the emptiest.

export type Load = { vcpus: number; memoryMb: number; diskGb: number; servers: number }

export type RecentChoices = {
  /** Before candidates are read. */
  mark(): number
  /** At once when a host is chosen, and so before it is claimed. */
  chosen(host: string, load: Omit<Load, 'servers'>): void
  /** By host. Some of it the candidates may show already: enough to rank by, not to refuse by. */
  since(mark: number): Map<string, Load>
}

/** More than are placed at a time. */
const mostKept = 1000

export function recentChoices(): RecentChoices {
  const kept: { host: string; load: Omit<Load, 'servers'> }[] = []
  let count = 0
  return {
    mark: () => count,
    chosen(host, load) {
      count++
      kept.push({ host, load })
      if (kept.length > mostKept) kept.shift()
    },
    since(mark) {
      const loads = new Map<string, Load>()
      if (count === mark) return loads
      for (const { host, load } of kept.slice(-(count - mark))) {
        const sum = loads.get(host) ?? { vcpus: 0, memoryMb: 0, diskGb: 0, servers: 0 }
        sum.vcpus += load.vcpus
        sum.memoryMb += load.memoryMb
        sum.diskGb += load.diskGb
        sum.servers++
        loads.set(host, sum)
      }
      return loads
    },
  }
}
