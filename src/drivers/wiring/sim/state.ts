// What simulated hosts hold. A fabric joins the hosts of one simulated cloud: tunnels and physical networks between them.
// It is no driver's: agents come and go, and find here what the last one left.
import type { HostWiring, PortWiring } from '#contracts/network-agent.ts'
import type { Card, CardGuest, CardRoute } from '#contracts/simulated-card.ts'
import type { World } from '#kit/world/world.ts'
import type { PortIdentity, PrepareOptions, WiringEvent } from '../driver.ts'
import type { Index } from './index-by.ts'
import type { SimLinks } from './link.ts'
import type { Nat } from './nat.ts'
import type { SimProcess } from './process.ts'

export type SimPort = {
  host: SimHost
  identity: PortIdentity
  device: string
  kind: 'tap' | 'namespace'
  namespace?: string
  /** As set on a device in a namespace, with prefix; a tap has none of its own. */
  addresses: readonly string[]
  localVlan: number
}

export type SimRoute = CardRoute & { device: string; protocol?: string }

export type SimNamespace = {
  name: string
  devices: Map<string, SimPort>
  processes: SimProcess[]
  /** The last ones that were run in it. */
  commands: string[][]
  routes: SimRoute[]
  nat: Nat
}

/** A guest's card. It outlives its tap, which agents make and remove. */
export type SimCard = {
  host: SimHost
  portId: string
  networkId: string
  mac: string
  guest: CardGuest
  addresses: readonly string[]
  routes: readonly CardRoute[]
}

/** A port that the cloud wants on a host. */
export type Wanted = { host: SimHost; wiring: PortWiring }

export type SimHost = {
  name: string
  /** The machine's: no agent's life ends it. */
  world: World
  powered: boolean
  prepared: PrepareOptions
  ports: Map<string, SimPort>
  namespaces: Map<string, SimNamespace>
  cards: Map<string, SimCard>
  /** As applied last. */
  wiring: HostWiring | undefined
  /** The ports of `wiring`, by id. */
  wanted: Map<string, Wanted>
  nextPid: number
  /** Of the driver that was opened last. */
  tell: (event: WiringEvent) => void
}

export type SimFabric = SimLinks & {
  hosts: Map<string, SimHost>
  /** Who answers for an address, by `addressKey`: devices in namespaces, and guests' cards. */
  owners: Index<SimPort | SimCard>
  /** Devices in namespaces, by network: who hears a broadcast. */
  listeners: Index<SimPort>
  /** Ports that the cloud wants somewhere, by id, and by the addresses that it gave them. */
  wanted: Index<Wanted>
  given: Index<Wanted>
  /** Somebody on a provider's cable, outside of the cloud, who calls an address. */
  outside(physicalNetwork: string): Pick<Card, 'ping' | 'connect'>
}

export function addressKey(networkId: string, address: string): string {
  return `${networkId} ${address}`
}

/** A port that is both wanted and here: what the flows of a real switch would stand for. */
export function wired(host: SimHost, portId: string): PortWiring | undefined {
  if (!host.powered || !host.ports.has(portId)) return undefined
  const wanted = host.wanted.get(portId)
  return wanted?.wiring.adminUp ? wanted.wiring : undefined
}

/** An address without its prefix. */
export function bare(address: string): string {
  const slash = address.indexOf('/')
  return slash < 0 ? address : address.slice(0, slash)
}
