// What this host knows of its wiring: put together from the news of the network service, and given to the driver as a whole.
import type {
  GroupMember,
  HostWiring,
  LocatedPort,
  PortWiring,
  RemotePort,
  TunnelPeer,
  WiringKnown,
  WiringNews,
} from '#contracts/network-agent.ts'
import type { WiringShare } from './share.ts'

export type WiringView = {
  /** To ask with. */
  known(): WiringKnown
  /** `news` came in answer to the newest `known`; the same object again where there were none, none where they are older. */
  take(news: WiringNews): HostWiring | undefined
  /** From now on it knows nothing. */
  forget(): void
}

type Versioned<M> = { version: number; ports: readonly M[] }
type Sets<M> = Map<string, Versioned<M>>

export function openWiringView(host: string, share: WiringShare): WiringView {
  let generation = 0
  let own: PortWiring[] = []
  let wiring: HostWiring | undefined
  const networks: Sets<LocatedPort> = new Map()
  const groups: Sets<GroupMember> = new Map()

  const compose = (): HostWiring => {
    const peers = new Map<string, string[]>()
    const remotePorts: RemotePort[] = []
    const tunnelPeers = new Map<string, TunnelPeer>()
    for (const [networkId, { version, ports }] of networks) {
      const tunnels = share.of(`peers ${networkId}`, version, () => peersOf(ports))
      const elsewhere = tunnels.filter((each) => each.host !== host)
      for (const each of elsewhere) tunnelPeers.set(each.host, each)
      peers.set(networkId, [...new Set(elsewhere.map(({ ip }) => ip))].sort())
      for (const each of share.of(`ports ${networkId}`, version, () => ports.map(remotePort(networkId))))
        if (each.host !== host) remotePorts.push(each)
    }
    const remoteGroups: Record<string, string[]> = {}
    for (const [groupId, { version, ports }] of groups)
      remoteGroups[groupId] = share.of(`group ${groupId}`, version, () => addressesOf(ports))
    return {
      generation,
      ports: own.map((port) => ({ ...port, tunnelPeers: peers.get(port.networkId) ?? [] })),
      remoteGroups,
      tunnelPeers: [...tunnelPeers.values()],
      remotePorts,
    }
  }

  return {
    known: () => ({ host, generation, networks: versionsOf(networks), groups: versionsOf(groups) }),
    take(news) {
      if (news.generation < generation) return undefined
      if (wiring && !news.ports && news.networks.length + news.groups.length === 0) return wiring
      if (news.ports) own = news.ports
      generation = news.generation
      for (const { networkId, ...change } of news.networks)
        follow(networks, networkId, change, share, share.located)
      for (const { groupId, ...change } of news.groups) follow(groups, groupId, change, share, share.member)
      keepOnly(networks, new Set(own.map((port) => port.networkId)))
      keepOnly(groups, new Set(own.flatMap(groupsNamed)))
      wiring = compose()
      return wiring
    },
    forget() {
      generation = 0
      networks.clear()
      groups.clear()
      wiring = undefined
    },
  }
}

const groupsNamed = ({ securityRules }: PortWiring) =>
  securityRules.flatMap((rule) => rule.remoteGroupId ?? [])

function versionsOf<M>(sets: Sets<M>): Record<string, number> {
  return Object.fromEntries([...sets].map(([id, { version }]) => [id, version]))
}

function keepOnly<M>(sets: Sets<M>, wanted: ReadonlySet<string>): void {
  for (const id of sets.keys()) if (!wanted.has(id)) sets.delete(id)
}

type Change<M> = { version: number; whole: boolean; ports: M[]; gone: string[] }

function follow<M extends { portId: string }>(
  sets: Sets<M>,
  id: string,
  { version, whole, ports, gone }: Change<M>,
  share: WiringShare,
  one: (member: M) => M,
): void {
  if (version < (sets.get(id)?.version ?? 0)) return
  const before = whole ? [] : (sets.get(id)?.ports ?? [])
  const next = share.of(`set ${id}`, version, () => {
    const replaced = new Set([...gone, ...ports.map((each) => each.portId)])
    return [...before.filter((each) => !replaced.has(each.portId)), ...ports.map(one)]
  })
  sets.set(id, { version, ports: next })
}

/** With the host, by which each host leaves out its own. */
type HostedPort = RemotePort & { host: string }

const remotePort =
  (networkId: string) =>
  ({ mac, ipAddresses, host, peer }: LocatedPort): HostedPort => ({ networkId, mac, ipAddresses, peer, host })

function peersOf(ports: readonly LocatedPort[]): TunnelPeer[] {
  return [...new Map(ports.map(({ host, peer }) => [host, { host, ip: peer }])).values()]
}

/** In one order, so that the same members make the same rules. */
function addressesOf(members: readonly GroupMember[]): string[] {
  return [...new Set(members.flatMap(({ addresses }) => addresses))].sort()
}
