// What the hosts of one process know together of their wiring: the ports of a network and the members of a group are the same
// for all of them, so each change is asked for once, and a thousand simulated hosts hold a thousand ports once. A host alone
// in its process has one to itself. Nothing that was given out is ever changed.
import type { GroupMember, LocatedPort, TunnelPeer, WiringNews } from '#contracts/network-agent.ts'

/** With its network, and with its host, by which each host leaves out its own. */
export type HostedPort = LocatedPort & { networkId: string }
export type SharedNetwork = {
  readonly version: number
  readonly ports: readonly HostedPort[]
  /** Each host with ports of it once. */
  readonly peers: readonly TunnelPeer[]
}
export type SharedGroup = {
  readonly version: number
  /** Each once and in one order, so that the same members make the same rules. */
  readonly addresses: string[]
}

export type SetNews<M> = { version: number; whole: boolean; ports: M[]; gone: string[] }

/** Networks, or groups. */
export type SharedSets<M, S> = {
  /** The newest that any host was told of. */
  get(id: string): S | undefined
  /** To ask with: 0 where nothing is known, or the host doubts it. */
  version(id: string, host: string): number
  /** All versions. */
  versions(): Iterable<[id: string, version: number]>
  /** `news` for who asked with `from`; false where it doesn't fit what is known here: the host asks anew. */
  take(id: string, host: string, from: number, news: SetNews<M>): boolean
  /** All that the host needs; of others nothing is kept once nobody does. */
  need(host: string, ids: ReadonlySet<string>): void
  /** The host will read its sets whole again, but for those that another has read whole since it last doubted them. */
  doubt(host: string): void
}

export type WiringShare = {
  readonly networks: SharedSets<WiringNews['networks'][number]['ports'][number], SharedNetwork>
  readonly groups: SharedSets<GroupMember, SharedGroup>
}

export function openWiringShare(): WiringShare {
  return { networks: openSets(growingNetwork), groups: openSets(growingGroup) }
}

/** One set as it changes. */
type Growing<M, S> = {
  put(member: M): void
  drop(portId: string): void
  /** As it is now; what was given before stays as it was. */
  at(version: number): S
}

type Entry<M, S> = {
  version: number
  state: S
  growing: Growing<M, S>
  users: Set<string>
  doubters: Set<string>
  /** How often each host has read it whole. */
  wholeReads: Map<string, number>
  /** Of each host that has doubted it, how often others had read it whole by then. */
  doubtedAfter: Map<string, number>
}

function openSets<M extends { portId: string }, S>(open: (id: string) => Growing<M, S>): SharedSets<M, S> {
  const entries = new Map<string, Entry<M, S>>()
  /** The other way round: a host's turn looks at its own sets, not at those of a thousand others. */
  const usedBy = new Map<string, Set<string>>()
  const use = (id: string, entry: Entry<M, S>, host: string) => {
    entry.users.add(host)
    const used = usedBy.get(host) ?? new Set()
    usedBy.set(host, used.add(id))
  }
  const opened = (id: string): Entry<M, S> => {
    const growing = open(id)
    return {
      version: 0,
      state: growing.at(0),
      growing,
      users: new Set(),
      doubters: new Set(),
      wholeReads: new Map(),
      doubtedAfter: new Map(),
    }
  }
  return {
    get: (id) => entries.get(id)?.state,
    version(id, host) {
      const entry = entries.get(id)
      return entry && !entry.doubters.has(host) ? entry.version : 0
    },
    *versions() {
      for (const [id, { version }] of entries) yield [id, version]
    },
    take(id, host, from, { version, whole, ports, gone }) {
      const known = entries.get(id)
      if (!whole && (known === undefined || known.version < from)) return false
      const entry = known ?? opened(id)
      entries.set(id, entry)
      use(id, entry, host)
      // What a host that doubts is told holds, though it be older: a database may have lost its last changes.
      const doubted = whole && entry.doubters.delete(host)
      // Another host has been told of it and more.
      if (!doubted && (version < entry.version || (version === entry.version && !whole))) return true
      if (whole) {
        entry.wholeReads.set(host, (entry.wholeReads.get(host) ?? 0) + 1)
        entry.growing = open(id)
      }
      for (const portId of gone) entry.growing.drop(portId)
      for (const port of ports) entry.growing.put(port)
      entry.version = version
      entry.state = entry.growing.at(version)
      return true
    },
    need(host, ids) {
      for (const id of ids) {
        const entry = entries.get(id)
        if (entry) use(id, entry, host)
      }
      const used = usedBy.get(host) ?? new Set()
      for (const id of used) {
        if (ids.has(id)) continue
        used.delete(id)
        const { users } = entries.get(id)!
        users.delete(host)
        if (users.size === 0) entries.delete(id)
      }
      if (used.size === 0) usedBy.delete(host)
    },
    doubt(host) {
      for (const id of usedBy.get(host) ?? []) {
        const entry = entries.get(id)!
        let byOthers = 0
        for (const [reader, count] of entry.wholeReads) if (reader !== host) byOthers += count
        if (byOthers === (entry.doubtedAfter.get(host) ?? 0)) entry.doubters.add(host)
        entry.doubtedAfter.set(host, byOthers)
      }
    },
  }
}

function growingNetwork(networkId: string): Growing<LocatedPort, SharedNetwork> {
  const ports = new Map<string, HostedPort>()
  return {
    put: (port) => void ports.set(port.portId, { ...port, networkId }),
    drop: (portId) => void ports.delete(portId),
    at: (version) => ({
      version,
      ports: [...ports.values()],
      peers: [...new Map([...ports.values()].map(({ host, peer }) => [host, { host, ip: peer }])).values()],
    }),
  }
}

/** A group of ten thousand members takes one at a time: it isn't sorted anew for each. */
function growingGroup(): Growing<GroupMember, SharedGroup> {
  const members = new Map<string, readonly string[]>()
  /** How many members have each address. */
  const holders = new Map<string, number>()
  let sorted: string[] = []
  const came: string[] = []
  const went = new Set<string>()
  const drop = (portId: string) => {
    for (const address of members.get(portId) ?? []) {
      const left = holders.get(address)! - 1
      if (left > 0) holders.set(address, left)
      else {
        holders.delete(address)
        went.add(address)
      }
    }
    members.delete(portId)
  }
  return {
    put({ portId, addresses }) {
      drop(portId)
      for (const address of addresses) {
        const held = holders.get(address) ?? 0
        if (held === 0 && !went.delete(address)) came.push(address)
        holders.set(address, held + 1)
      }
      members.set(portId, addresses)
    },
    drop,
    at(version) {
      if (came.length + went.size > 0) {
        const kept = went.size === 0 ? sorted : sorted.filter((address) => !went.has(address))
        sorted = merged(kept, came.filter((address) => !went.has(address)).sort())
        came.length = 0
        went.clear()
      }
      return { version, addresses: sorted }
    },
  }
}

/** Both are sorted, and neither has what the other has. */
function merged(one: readonly string[], other: readonly string[]): string[] {
  const all: string[] = []
  let next = 0
  for (const text of one) {
    while (next < other.length && other[next]! < text) all.push(other[next++]!)
    all.push(text)
  }
  for (; next < other.length; next++) all.push(other[next]!)
  return all
}
