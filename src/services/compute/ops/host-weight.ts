// Which of the suitable hosts is best: each weigher's values are spread over 0 to 1, times its multiplier, and summed up.
import type { Random } from '#kit/world/world.ts'
import type { ComputeConfig } from '../config.ts'
import type { HostState, Wanted } from './host-filter.ts'

type Weigher = {
  name: string
  multiplier(config: ComputeConfig): number
  value(host: HostState, wanted: Wanted): number
}

const groupMembers = (host: HostState, wanted: Wanted) =>
  wanted.group?.members.filter((id) => host.neighbours.has(id)).length ?? 0

const weighers: readonly Weigher[] = [
  { name: 'RAMWeigher', multiplier: (config) => config.ramWeight, value: (host) => host.freeMemoryMb },
  { name: 'CPUWeigher', multiplier: (config) => config.cpuWeight, value: (host) => host.freeVcpus },
  { name: 'DiskWeigher', multiplier: (config) => config.diskWeight, value: (host) => host.freeDiskGb },
  { name: 'IoOpsWeigher', multiplier: (config) => config.ioOpsWeight, value: (host) => host.building },
  {
    name: 'ServerGroupSoftAffinityWeigher',
    multiplier: () => 1,
    value: (host, wanted) => (wanted.group?.policy === 'soft-affinity' ? groupMembers(host, wanted) : 0),
  },
  {
    name: 'ServerGroupSoftAntiAffinityWeigher',
    multiplier: () => 1,
    value: (host, wanted) =>
      wanted.group?.policy === 'soft-anti-affinity' ? -groupMembers(host, wanted) : 0,
  },
]

export type Weighed = { host: HostState; weight: number; parts: Record<string, number> }

/** The best first; equal ones in an order by chance, so that many at once are spread. */
export function weighHosts(
  hosts: readonly HostState[],
  wanted: Wanted,
  config: ComputeConfig,
  random: Random,
): Weighed[] {
  const weighed = hosts.map((host) => ({
    host,
    weight: 0,
    parts: {} as Record<string, number>,
    tie: random.int(0, 2 ** 30),
  }))
  for (const weigher of weighers) {
    const values = hosts.map((host) => weigher.value(host, wanted))
    const least = Math.min(...values)
    const spread = Math.max(...values) - least
    if (spread === 0) continue
    for (const [at, each] of weighed.entries()) {
      const part = (weigher.multiplier(config) * (values[at]! - least)) / spread
      each.parts[weigher.name] = part
      each.weight += part
    }
  }
  weighed.sort((a, b) => b.weight - a.weight || a.tie - b.tie)
  return weighed.map(({ tie: _, ...each }) => each)
}
