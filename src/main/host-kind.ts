// Which hosts a simulated cloud has: their number, and of which kinds they are where nimbo.yaml tells.
import type { Cloud } from './data-folder.ts'
import type { CloudSettings } from './settings.ts'

/** As in nimbo.yaml; what is left out is as in hosts of no kind. */
export type HostKind = { count: number; vcpus?: number; memory_mb?: number; disk_gb?: number }

export type SimulatedHostSpec = {
  name: string
  resources: { vcpus?: number; memoryMb?: number; diskGb?: number }
  /** Of the usual time that its guests take for everything. */
  pace: number
}

/** Of one cloud. */
export const mostHosts = 1000

const most = { count: mostHosts, vcpus: 4096, memory_mb: 64 * 1024 * 1024, disk_gb: 1024 * 1024 }

/** What is wrong with the option, for whoever wrote it; undefined where nothing is. */
export function hostKindsProblem(value: unknown): string | undefined {
  if (!Array.isArray(value))
    return 'must be a list of kinds, such as [{count: 3, vcpus: 8, memory_mb: 16384}]'
  for (const [index, kind] of value.entries()) {
    const where = `item ${index + 1}`
    if (typeof kind !== 'object' || kind === null) return `has no kind of host as ${where}`
    if (!('count' in kind)) return `misses count in ${where}`
    for (const [name, number] of Object.entries(kind)) {
      const limit = most[name as keyof HostKind]
      if (limit === undefined)
        return `has an unknown '${name}' in ${where}: known are ${Object.keys(most).join(', ')}`
      if (!Number.isInteger(number) || (number as number) < 1 || (number as number) > limit)
        return `takes a whole number from 1 to ${limit} for ${name} in ${where}, not ${JSON.stringify(number)}`
    }
  }
  const total = (value as HostKind[]).reduce((sum, { count }) => sum + count, 0)
  return total > mostHosts ? `makes ${total} hosts: ${mostHosts} are the most` : undefined
}

type Settings = Pick<CloudSettings, 'hosts' | 'hostKinds' | 'guestSpeed'>

/** node1, node2 ...: those of a kind first, in the order of the kinds. */
export function simulatedHosts({ hosts, hostKinds, guestSpeed }: Settings): SimulatedHostSpec[] {
  const ofKinds = hostKinds.flatMap(({ count, vcpus, memory_mb: memoryMb, disk_gb: diskGb }) =>
    Array.from({ length: count }, () => ({ vcpus, memoryMb, diskGb })),
  )
  const others = Array.from({ length: Math.max(0, hosts - ofKinds.length) }, () => ({}))
  return [...ofKinds, ...others].map((resources, index) => ({
    name: `node${index + 1}`,
    resources: JSON.parse(JSON.stringify(resources)) as SimulatedHostSpec['resources'],
    pace: 1 / guestSpeed,
  }))
}

/** Those whose agents run for this folder. */
export function simulatedHostsHere({ member, settings }: Pick<Cloud, 'member' | 'settings'>) {
  if (!member) return simulatedHosts(settings)
  return [{ ...simulatedHosts({ ...settings, hosts: 1, hostKinds: [] })[0]!, name: member.host }]
}
