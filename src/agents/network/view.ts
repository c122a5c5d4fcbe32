// What this host knows of its wiring: put together from the news of the network service, and given to the driver as a whole.
import type {
  HostWiring,
  PortWiring,
  RemotePort,
  TunnelPeer,
  WiringKnown,
  WiringNews,
} from '#contracts/network-agent.ts'
import type { SharedGroup, SharedNetwork, SharedSets, WiringShare } from './share.ts'

export type WiringView = {
  /** To ask with. */
  known(): WiringKnown
  /**
   * `news` came in answer to the newest `known`; the same object again where there were none, none where they are older, or
   * more has to be asked for.
   */
  take(news: WiringNews): HostWiring | undefined
  /** From now on it knows nothing. */
  forget(): void
}

/** So many sets that it doesn't need a host asks with: more would cost more than they save. */
const mostOthers = 100

export function openWiringView(host: string, share: WiringShare): WiringView {
  let generation = 0
  let own: PortWiring[] = []
  let wiring: HostWiring | undefined
  let asked: WiringKnown | undefined
  /** Those that the wiring is made of. */
  const networks = new Map<string, SharedNetwork>()
  const groups = new Map<string, SharedGroup>()

  const compose = (): HostWiring => {
    const peers = new Map<string, string[]>()
    const remotePorts: RemotePort[] = []
    const tunnelPeers = new Map<string, TunnelPeer>()
    for (const [networkId, network] of networks) {
      const elsewhere = network.peers.filter((each) => each.host !== host)
      for (const each of elsewhere) tunnelPeers.set(each.host, each)
      peers.set(networkId, [...new Set(elsewhere.map(({ ip }) => ip))].sort())
      for (const each of network.ports) if (each.host !== host) remotePorts.push(each)
    }
    return {
      generation,
      ports: own.map((port) => ({ ...port, tunnelPeers: peers.get(port.networkId) ?? [] })),
      remoteGroups: Object.fromEntries([...groups].map(([id, { addresses }]) => [id, addresses])),
      tunnelPeers: [...tunnelPeers.values()],
      remotePorts,
    }
  }

  return {
    known() {
      asked = {
        host,
        generation,
        networks: versionsOf(share.networks, networks.keys(), host),
        groups: versionsOf(share.groups, groups.keys(), host),
        ...othersOf(share, networks, groups),
      }
      return asked
    },
    take(news) {
      if (news.generation < generation) return undefined
      const ports = news.ports ?? own
      const nets = {
        sets: share.networks,
        held: networks,
        needed: new Set(ports.map((each) => each.networkId)),
      }
      const named = { sets: share.groups, held: groups, needed: new Set(ports.flatMap(groupsNamed)) }
      const fits = [
        ...news.networks.map(({ networkId, ...change }) =>
          share.networks.take(networkId, host, askedWith(asked, 'networks', networkId), change),
        ),
        ...news.groups.map(({ groupId, ...change }) =>
          share.groups.take(groupId, host, askedWith(asked, 'groups', groupId), change),
        ),
        isThere(share.networks, nets.needed, (id) => askedWith(asked, 'networks', id)),
        isThere(share.groups, named.needed, (id) => askedWith(asked, 'groups', id)),
      ]
      if (fits.includes(false)) return undefined
      generation = news.generation
      own = ports
      const moved = [hold(nets, host), hold(named, host)].includes(true)
      if (moved || news.ports || !wiring) wiring = compose()
      return wiring
    },
    forget() {
      generation = 0
      share.networks.doubt(host)
      share.groups.doubt(host)
      wiring = undefined
    },
  }
}

const groupsNamed = ({ securityRules }: PortWiring) =>
  securityRules.flatMap((rule) => rule.remoteGroupId ?? [])

type Sets<S> = Pick<SharedSets<never, S>, 'get' | 'need'>

/** The newest of each that is needed, and no other; true where that is something else than before. */
function hold<S>(
  { sets, held, needed }: { sets: Sets<S>; held: Map<string, S>; needed: ReadonlySet<string> },
  host: string,
): boolean {
  sets.need(host, needed)
  let moved = false
  for (const id of held.keys()) if (!needed.has(id)) moved = held.delete(id)
  for (const id of needed) {
    const newest = sets.get(id)
    if (newest === undefined || newest === held.get(id)) continue
    held.set(id, newest)
    moved = true
  }
  return moved
}

/** What was asked with is there still: other hosts that needed it may not need it any more. */
function isThere(
  sets: Pick<SharedSets<never, { readonly version: number }>, 'get'>,
  needed: ReadonlySet<string>,
  asked: (id: string) => number,
): boolean {
  return [...needed].every((id) => (sets.get(id)?.version ?? 0) >= asked(id))
}

function askedWith(asked: WiringKnown | undefined, kind: 'networks' | 'groups', id: string): number {
  return asked?.[kind][id] ?? asked?.others?.[kind][id] ?? 0
}

function versionsOf(
  sets: Pick<SharedSets<never, unknown>, 'version'>,
  ids: Iterable<string>,
  host: string,
): Record<string, number> {
  return Object.fromEntries([...ids].map((id) => [id, sets.version(id, host)]))
}

/** What other hosts of the process know: this one may come to need it. */
function othersOf(
  share: WiringShare,
  networks: ReadonlyMap<string, unknown>,
  groups: ReadonlyMap<string, unknown>,
): Pick<WiringKnown, 'others'> {
  const beside = (sets: Pick<SharedSets<never, unknown>, 'versions'>, held: ReadonlyMap<string, unknown>) => {
    const found: [string, number][] = []
    for (const each of sets.versions()) {
      if (held.has(each[0])) continue
      found.push(each)
      if (found.length === mostOthers) break
    }
    return Object.fromEntries(found)
  }
  const others = { networks: beside(share.networks, networks), groups: beside(share.groups, groups) }
  return Object.keys(others.networks).length + Object.keys(others.groups).length > 0 ? { others } : {}
}
