// Which hosts can take a server: pure functions, one for each reason to refuse. Named as operators know them from Nova.
import type { ImageNeeds } from '../resources/request-spec.ts'
import type { GroupPolicy } from '../resources/server-group.ts'

export type HostState = {
  host: string
  node: string
  providerId: string
  zone: string
  up: boolean
  enabled: boolean
  hypervisorType: string
  hypervisorVersion: number
  architecture: string
  /** Metadata of each aggregate that the host is in. */
  aggregates: readonly Record<string, string>[]
  freeVcpus: number
  freeMemoryMb: number
  freeDiskGb: number
  servers: number
  building: number
  /** Ids of those servers on the host that hints or groups speak of. */
  neighbours: ReadonlySet<string>
}

export type Wanted = {
  zone: string | null
  vcpus: number
  memoryMb: number
  diskGb: number
  extraSpecs: Readonly<Record<string, string>>
  image: ImageNeeds | null
  exclude: readonly string[]
  forcedHost: string | null
  forcedNode: string | null
  requestedHost: string | null
  requestedNode: string | null
  sameHost: readonly string[]
  differentHost: readonly string[]
  group: { policy: GroupPolicy; members: readonly string[]; mostPerHost: number } | null
}

export type HostFilter = { name: string; passes(host: HostState, wanted: Wanted): boolean }

const amongNeighbours = (host: Pick<HostState, 'neighbours'>, ids: readonly string[]) =>
  ids.filter((id) => host.neighbours.has(id)).length

const groupFilters: readonly {
  name: string
  passes(host: Pick<HostState, 'neighbours'>, wanted: Pick<Wanted, 'group'>): boolean
}[] = [
  {
    name: 'ServerGroupAntiAffinityFilter',
    passes: (host, { group }) =>
      group?.policy !== 'anti-affinity' || amongNeighbours(host, group.members) < group.mostPerHost,
  },
  {
    name: 'ServerGroupAffinityFilter',
    // The first of a group may go anywhere; `neighbours` of a placed group are on some host.
    passes: (host, { group }) =>
      group?.policy !== 'affinity' || group.members.length === 0 || amongNeighbours(host, group.members) > 0,
  },
]

const hostFilters: readonly HostFilter[] = [
  { name: 'ComputeFilter', passes: (host) => host.up && host.enabled },
  {
    name: 'RequestedHostFilter',
    passes: (host, { exclude, forcedHost, forcedNode, requestedHost, requestedNode }) =>
      !exclude.includes(host.host) &&
      [forcedHost, requestedHost].every((name) => name === null || name === host.host) &&
      [forcedNode, requestedNode].every((name) => name === null || name === host.node),
  },
  { name: 'AvailabilityZoneFilter', passes: (host, { zone }) => zone === null || zone === host.zone },
  {
    name: 'CapacityFilter',
    passes: (host, wanted) =>
      host.freeVcpus >= wanted.vcpus &&
      host.freeMemoryMb >= wanted.memoryMb &&
      host.freeDiskGb >= wanted.diskGb,
  },
  { name: 'ComputeCapabilitiesFilter', passes: (host, { extraSpecs }) => hasCapabilities(host, extraSpecs) },
  {
    name: 'AggregateInstanceExtraSpecsFilter',
    passes: (host, { extraSpecs }) =>
      Object.entries(extraSpecs).every(([key, wish]) => {
        const name = /^aggregate_instance_extra_specs:(.+)$/.exec(key)?.[1]
        return (
          name === undefined ||
          host.aggregates.some((each) => each[name] !== undefined && matches(each[name], wish))
        )
      }),
  },
  { name: 'ImagePropertiesFilter', passes: (host, { image }) => image === null || runsImage(host, image) },
  {
    name: 'SameHostFilter',
    passes: (host, { sameHost }) => sameHost.length === 0 || amongNeighbours(host, sameHost) > 0,
  },
  {
    name: 'DifferentHostFilter',
    passes: (host, { differentHost }) => amongNeighbours(host, differentHost) === 0,
  },
  ...groupFilters,
]

/** Asked again where a host is written: others of the group may have taken theirs since the filters ran. */
export const admitsGroup = (host: Pick<HostState, 'neighbours'>, group: Wanted['group']): boolean =>
  groupFilters.every((filter) => filter.passes(host, { group }))

export type FilterResult = { name: string; hosts: string[] }

/** The hosts that every filter lets pass, and who was left after each. Ends where nobody is. */
export function filterHosts(
  hosts: readonly HostState[],
  wanted: Wanted,
): { left: HostState[]; results: FilterResult[] } {
  let left = [...hosts]
  const results: FilterResult[] = []
  for (const filter of hostFilters) {
    left = left.filter((host) => filter.passes(host, wanted))
    results.push({ name: filter.name, hosts: left.map((host) => host.host) })
    if (left.length === 0) break
  }
  return { left, results }
}

function hasCapabilities(host: HostState, extraSpecs: Readonly<Record<string, string>>): boolean {
  const facts: Record<string, string> = {
    hypervisor_type: host.hypervisorType,
    hypervisor_version: String(host.hypervisorVersion),
    'cpu_info:arch': host.architecture,
    free_ram_mb: String(host.freeMemoryMb),
    free_disk_mb: String(host.freeDiskGb * 1024),
    host: host.host,
    hypervisor_hostname: host.node,
  }
  return Object.entries(extraSpecs).every(([key, wish]) => {
    const name = /^capabilities:(.+)$/.exec(key)?.[1]
    if (name === undefined) return true
    const fact = facts[name]
    return fact !== undefined && matches(fact, wish)
  })
}

const comparisons: Record<string, (fact: string, wish: string) => boolean> = {
  '=': (fact, wish) => Number(fact) >= Number(wish),
  '==': (fact, wish) => Number(fact) === Number(wish),
  '!=': (fact, wish) => Number(fact) !== Number(wish),
  '>=': (fact, wish) => Number(fact) >= Number(wish),
  '<=': (fact, wish) => Number(fact) <= Number(wish),
  's==': (fact, wish) => fact === wish,
  's!=': (fact, wish) => fact !== wish,
  's<': (fact, wish) => fact < wish,
  's<=': (fact, wish) => fact <= wish,
  's>': (fact, wish) => fact > wish,
  's>=': (fact, wish) => fact >= wish,
  '<in>': (fact, wish) => fact.includes(wish),
}

/** The operators of extra specs: `>= 4`, `s== x`, `<in> x`, `<or> a <or> b`, or plain equality. */
export function matches(fact: string, wish: string): boolean {
  const [operator = '', ...rest] = wish.trim().split(/\s+/)
  if (operator === '<or>')
    return wish.split('<or>').some((each) => each.trim() !== '' && each.trim() === fact)
  const compare = comparisons[operator]
  return compare && rest.length > 0 ? compare(fact, rest.join(' ')) : fact === wish
}

/** Properties by their present and their old names. */
function runsImage(host: HostState, { properties }: ImageNeeds): boolean {
  const architecture = properties.hw_architecture ?? properties.architecture
  const hypervisor = properties.img_hv_type ?? properties.hypervisor_type
  const sameKind = (wish: string) => {
    const kind = wish.toLowerCase()
    // An image for KVM runs on any QEMU, and 'hyperv', 'xen' do not.
    const qemu = ['kvm', 'qemu', 'hvm']
    return (
      kind === host.hypervisorType.toLowerCase() ||
      (qemu.includes(kind) && qemu.includes(host.hypervisorType.toLowerCase()))
    )
  }
  return (
    (architecture === undefined || architecture === host.architecture) &&
    (hypervisor === undefined || sameKind(hypervisor))
  )
}
