// Opens a fabric and its hosts, and keeps what is looked up in it in step with what is on the hosts.
import type { HostWiring } from '#contracts/network-agent.ts'
import type { CardNetwork } from '#contracts/simulated-card.ts'
import type { World } from '#kit/world/world.ts'
import { deviceName, type NamespaceDevice, type PortIdentity, type WiringResult } from '../driver.ts'
import { cardNetwork, connectFrom, ownKeys, pingFrom } from './card.ts'
import { openIndex } from './index-by.ts'
import { openLinks } from './link.ts'
import { emptyNat } from './nat.ts'
import {
  addressKey,
  type SimFabric,
  type SimHost,
  type SimNamespace,
  type SimPort,
  type Wanted,
} from './state.ts'

/** Of somebody outside; from the block for documentation (RFC 5737), so that no cloud has it. */
const outsideAddress = '203.0.113.1'

export function simFabric(): SimFabric {
  const fabric: SimFabric = {
    ...openLinks(),
    hosts: new Map(),
    owners: openIndex(),
    listeners: openIndex(),
    wanted: openIndex(),
    given: openIndex(),
    outside: (physicalNetwork) => {
      const spot = { kind: 'cable', physicalNetwork } as const
      return {
        ping: (address) => pingFrom(fabric, undefined, spot, outsideAddress, address),
        connect: (address, port) => connectFrom(fabric, undefined, spot, outsideAddress, address, port),
      }
    },
  }
  return fabric
}

/** The host of the name, made at first on the given world. */
export function hostOf(fabric: SimFabric, name: string, world: World): SimHost {
  let host = fabric.hosts.get(name)
  if (!host) {
    host = {
      name,
      world,
      powered: true,
      prepared: { physicalNetworks: {} },
      ports: new Map(),
      namespaces: new Map(),
      cards: new Map(),
      wiring: undefined,
      wanted: new Map(),
      nextPid: 100_000,
      tell: () => {},
    }
    fabric.hosts.set(name, host)
  }
  return host
}

/** What the machine has of its host's network. */
export type SimHostNetwork = {
  readonly cards: CardNetwork
  /** Taps, namespaces with their processes and all wiring are gone; nothing passes. */
  powerOff(): void
  powerOn(): void
}

/** A machine joins the fabric; one of the same name that was there before has lost its power. */
export function openHostNetwork(fabric: SimFabric, name: string, world: World): SimHostNetwork {
  const host = hostOf(fabric, name, world)
  if (host.world !== world) {
    clearHost(fabric, host)
    host.world = world
  }
  return {
    cards: cardNetwork(fabric, host),
    powerOff() {
      clearHost(fabric, host)
      host.powered = false
    },
    powerOn() {
      host.powered = true
    },
  }
}

export function putPort(
  fabric: SimFabric,
  host: SimHost,
  identity: PortIdentity,
  device: NamespaceDevice | undefined,
): SimPort {
  const known = host.ports.get(identity.portId)
  if (known) forgetPort(fabric, known)
  const port: SimPort = {
    host,
    identity,
    device: deviceName(identity),
    kind: device ? 'namespace' : 'tap',
    ...(device && { namespace: device.namespace }),
    addresses: device?.addresses ?? [],
    localVlan: known?.localVlan ?? 0,
  }
  host.ports.set(identity.portId, port)
  if (port.namespace !== undefined) {
    host.namespaces.get(port.namespace)?.devices.set(port.device, port)
    fabric.listeners.add(identity.networkId, port)
    for (const key of ownKeys(port)) fabric.owners.add(key, port)
  }
  if (!known) host.tell({ kind: 'appeared', portId: identity.portId })
  return port
}

export function removePort(fabric: SimFabric, host: SimHost, portId: string): void {
  const port = host.ports.get(portId)
  if (!port) return
  host.ports.delete(portId)
  forgetPort(fabric, port)
  const namespace = host.namespaces.get(port.namespace ?? '')
  if (namespace) namespace.routes = namespace.routes.filter((route) => route.device !== port.device)
  host.tell({ kind: 'disappeared', portId })
}

function forgetPort(fabric: SimFabric, port: SimPort): void {
  if (port.namespace === undefined) return
  port.host.namespaces.get(port.namespace)?.devices.delete(port.device)
  fabric.listeners.delete(port.identity.networkId, port)
  for (const key of ownKeys(port)) fabric.owners.delete(key, port)
}

export function putNamespace(host: SimHost, name: string): void {
  if (host.namespaces.has(name)) return
  const made: SimNamespace = {
    name,
    devices: new Map(),
    processes: [],
    commands: [],
    routes: [],
    nat: emptyNat,
  }
  host.namespaces.set(name, made)
}

export function removeNamespace(fabric: SimFabric, host: SimHost, name: string): void {
  const namespace = host.namespaces.get(name)
  if (!namespace) return
  for (const process of [...namespace.processes]) process.end({ code: null, signal: 'SIGTERM' })
  for (const port of [...namespace.devices.values()]) removePort(fabric, host, port.identity.portId)
  host.namespaces.delete(name)
}

/** All that agents made on the host; guests' cards stay in their guests. */
export function clearHost(fabric: SimFabric, host: SimHost): void {
  for (const name of [...host.namespaces.keys()]) removeNamespace(fabric, host, name)
  for (const portId of [...host.ports.keys()]) removePort(fabric, host, portId)
  for (const wanted of host.wanted.values()) forgetWanted(fabric, wanted)
  host.wanted.clear()
  host.wiring = undefined
  host.prepared = { physicalNetworks: {} }
}

export function applyWiring(fabric: SimFabric, host: SimHost, desired: HostWiring): WiringResult {
  const before = host.wiring
  let changes = before && sameRemote(before, desired) ? 0 : 1
  // Members of groups and ports of other hosts are lists that all hosts share: they are kept as they are, never copied.
  host.wiring = desired
  const gone = new Map(host.wanted)
  for (const wiring of desired.ports) {
    const known = gone.get(wiring.portId)
    gone.delete(wiring.portId)
    if (known && JSON.stringify(known.wiring) === JSON.stringify(wiring)) continue
    changes++
    if (known) forgetWanted(fabric, known)
    const wanted = { host, wiring: { ...wiring } }
    host.wanted.set(wiring.portId, wanted)
    fabric.wanted.add(wiring.portId, wanted)
    for (const key of givenKeys(wanted)) fabric.given.add(key, wanted)
  }
  for (const [portId, wanted] of gone) {
    changes++
    host.wanted.delete(portId)
    forgetWanted(fabric, wanted)
  }
  const present = desired.ports.filter((port) => host.ports.has(port.portId))
  giveVlans(host, present)
  return {
    wired: present.map(({ portId, generation }) => ({ portId, generation })),
    absent: desired.ports.filter((port) => !host.ports.has(port.portId)).map((port) => port.portId),
    changes,
  }
}

function sameRemote(one: HostWiring, other: HostWiring): boolean {
  const groups = Object.keys(other.remoteGroups)
  return (
    one === other ||
    (groups.length === Object.keys(one.remoteGroups).length &&
      groups.every((id) => sameList(one.remoteGroups[id], other.remoteGroups[id])))
  )
}

function sameList(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  if (one === other) return true
  return one?.length === other?.length && one?.at(-1) === other?.at(-1) && one?.[0] === other?.[0]
}

function forgetWanted(fabric: SimFabric, wanted: Wanted): void {
  fabric.wanted.delete(wanted.wiring.portId, wanted)
  for (const key of givenKeys(wanted)) fabric.given.delete(key, wanted)
}

function givenKeys({ wiring }: Wanted): string[] {
  return wiring.fixedIps.map(({ ipAddress }) => addressKey(wiring.networkId, ipAddress))
}

/** As on a real host: a network keeps its number while a port of it is here. */
function giveVlans(host: SimHost, present: readonly { portId: string; networkId: string }[]): void {
  const wanted = new Set(present.map(({ portId }) => portId))
  const vlans = new Map<string, number>()
  for (const port of host.ports.values()) {
    if (!wanted.has(port.identity.portId)) port.localVlan = 0
    else if (port.localVlan > 0) vlans.set(port.identity.networkId, port.localVlan)
  }
  const taken = new Set(vlans.values())
  let free = 1
  for (const { portId, networkId } of present) {
    if (!vlans.has(networkId)) {
      while (taken.has(free)) free++
      taken.add(free)
      vlans.set(networkId, free)
    }
    host.ports.get(portId)!.localVlan = vlans.get(networkId)!
  }
}
