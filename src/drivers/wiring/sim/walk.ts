// A packet's way from a guest, a namespace or a provider's cable to whoever answers for its address: over switches, and
// through routers with their routes and NAT. It is walked at once; links that are slow add to its time.
import { linkLocalOf } from '#kit/net/mac.ts'
import { covers, interfaceOf, onWire } from './command.ts'
import { type NatPacket, verdict } from './nat.ts'
import { joined, mayLeave, type Place, passes } from './pass.ts'
import {
  addressKey,
  bare,
  type SimCard,
  type SimFabric,
  type SimHost,
  type SimNamespace,
  type SimPort,
  wired,
} from './state.ts'

export type Flow = Pick<NatPacket, 'src' | 'dst' | 'protocol' | 'port'>

export type Spot =
  | { kind: 'card'; card: SimCard }
  | { kind: 'namespace'; host: SimHost; namespace: SimNamespace }
  | { kind: 'cable'; physicalNetwork: string }

/** A change of addresses that a router made and will undo for the answers. */
type Tracked = { namespace: SimNamespace; before: Flow; after: Flow }

export type Walk = {
  fabric: SimFabric
  tracked: Tracked[]
  established: boolean
  delayMs: number
  hops: number
}
export type Arrival = { spot: Spot; flow: Flow }

/** Where a packet stops going round in circles; the initial TTL of most systems. */
const mostHops = 64

/** Where it arrives, or why it doesn't. */
export function send(walk: Walk, from: Spot, flow: Flow): Arrival | string {
  if (from.kind === 'card') return leaveGuest(walk, from.card, flow)
  if (from.kind === 'cable') return arriveFromCable(walk, from, flow)
  const changed = answered(walk, from.namespace, flow) ?? translate(walk, from.namespace, 'output', flow)
  return forward(walk, from.host, from.namespace, changed, undefined)
}

function leaveGuest(walk: Walk, card: SimCard, flow: Flow): Arrival | string {
  const via = nextHop(card.routes, card.addresses, flow.dst)
  if (via === undefined) return 'the guest has no route there'
  const port = wired(card.host, card.portId)
  if (!port) return 'the sender is not wired'
  return cross(walk, { host: card.host, port }, card.mac, via, flow)
}

/** The longest prefix wins; undefined where there is no way. */
export function nextHop(
  routes: readonly { to: string; via: string | null }[],
  addresses: readonly string[],
  address: string,
): string | undefined {
  let best: { prefix: number; via: string } | undefined
  const offer = (prefix: string, via: string) => {
    const bits = interfaceOf(prefix)?.prefix ?? 0
    if (covers(prefix, address) && (!best || bits > best.prefix)) best = { prefix: bits, via }
  }
  for (const own of addresses) offer(own, address)
  for (const { to, via } of routes) offer(to, via ?? address)
  return best?.via
}

/** Over one wire to whoever has the next hop's address. */
function cross(walk: Walk, from: Place, mac: string, via: string, flow: Flow): Arrival | string {
  if (++walk.hops > mostHops) return 'it goes round in circles'
  const { fabric } = walk
  const frame = {
    protocol: flow.protocol,
    port: flow.port,
    sourceIp: flow.src,
    sourceMac: mac,
    targetIp: flow.dst,
    established: walk.established,
  }
  const may = mayLeave(from, frame)
  if (may !== 'ok') return may
  const { networkId, physicalNetwork, portId } = from.port
  let why = 'nobody has that address on the network'
  for (const owner of fabric.owners.get(addressKey(networkId, via))) {
    const id = 'identity' in owner ? owner.identity.portId : owner.portId
    const port = wired(owner.host, id)
    if (id === portId || !port) continue
    const to = { host: owner.host, port }
    const way = passes(fabric, from, to, frame)
    if (way !== 'ok') {
      why = way
      continue
    }
    walk.delayMs += fabric.delayMs(from.host.name, to.host.name)
    if (!('identity' in owner)) return { spot: { kind: 'card', card: owner }, flow }
    return arrive(walk, owner, flow)
  }
  if (physicalNetwork !== null && why.startsWith('nobody'))
    return leaveCloud(from.host, physicalNetwork, flow)
  return why
}

/** Beyond the provider's cable is the rest of the world. */
function leaveCloud(host: SimHost, physicalNetwork: string, flow: Flow): Arrival | string {
  if (!host.prepared.physicalNetworks[physicalNetwork])
    return 'the host has no bridge to the physical network'
  return { spot: { kind: 'cable', physicalNetwork }, flow }
}

function arriveFromCable(
  walk: Walk,
  { physicalNetwork }: Extract<Spot, { kind: 'cable' }>,
  flow: Flow,
): Arrival | string {
  const { fabric } = walk
  let why = 'nobody has that address on the network'
  for (const host of fabric.hosts.values()) {
    if (!host.prepared.physicalNetworks[physicalNetwork]) continue
    for (const { wiring } of host.wanted.values()) {
      if (wiring.physicalNetwork !== physicalNetwork || !wired(host, wiring.portId)) continue
      const owner = fabric.owners
        .get(addressKey(wiring.networkId, flow.dst))
        .find((each) => ('identity' in each ? each.identity.portId : each.portId) === wiring.portId)
      if (!owner || owner.host !== host) continue
      const place = { host, port: wiring }
      const way = passes(fabric, { host, port: { ...wiring, portSecurityEnabled: false } }, place, {
        protocol: flow.protocol,
        port: flow.port,
        sourceIp: flow.src,
        sourceMac: '',
        targetIp: flow.dst,
        established: walk.established,
      })
      if (way !== 'ok') {
        why = way
        continue
      }
      if (!('identity' in owner)) return { spot: { kind: 'card', card: owner }, flow }
      return arrive(walk, owner, flow)
    }
  }
  return why
}

/** At a device in a namespace: for itself, or further on. */
function arrive(walk: Walk, device: SimPort, flow: Flow): Arrival | string {
  const { host } = device
  const namespace = host.namespaces.get(device.namespace ?? '')
  if (!namespace) return 'the namespace has gone'
  const back = answered(walk, namespace, flow)
  const changed = back ?? translate(walk, namespace, 'prerouting', flow, { inDevice: device.device })
  if (isOwn(namespace, changed.dst)) {
    const judged = verdict(namespace.nat, 'input', { ...changed, inDevice: device.device })
    return judged?.kind === 'drop'
      ? 'the router drops it'
      : { spot: { kind: 'namespace', host, namespace }, flow: changed }
  }
  if (!forwards(namespace)) return 'nobody forwards it there'
  return forward(walk, host, namespace, changed, device, back !== undefined)
}

function forward(
  walk: Walk,
  host: SimHost,
  namespace: SimNamespace,
  flow: Flow,
  inward: SimPort | undefined,
  isAnswer = false,
): Arrival | string {
  const route = routeOf(namespace, flow.dst)
  if (!route) return 'the router has no route there'
  const { device, via } = route
  const devices = { inDevice: inward?.device, outDevice: device.device }
  const known = isAnswer || walk.established
  const changed = known ? flow : translate(walk, namespace, 'postrouting', flow, devices)
  const port = wired(host, device.identity.portId)
  if (!port) return "the router's port is not wired"
  return cross(walk, { host, port }, device.identity.mac, via, changed)
}

function routeOf(namespace: SimNamespace, address: string): { device: SimPort; via: string } | undefined {
  // Addresses of their own (/32) lead nowhere: what is theirs has been taken before.
  const near = [...namespace.devices.values()].find((port) =>
    port.addresses.some((own) => !/\/(32|128)$/.test(own) && covers(own, address)),
  )
  if (near) return { device: near, via: address }
  const via = nextHop(namespace.routes, [], address)
  if (via === undefined) return undefined
  const route = namespace.routes.find((each) => each.via === via)
  const device = namespace.devices.get(route?.device ?? '') ?? onWire(namespace, via)
  return device && { device, via }
}

function isOwn(namespace: SimNamespace, address: string): boolean {
  for (const port of namespace.devices.values())
    if (port.addresses.some((own) => bare(own) === address) || linkLocalOf(port.identity.mac) === address)
      return true
  return false
}

/** Routers have a ruleset; the namespaces of DHCP have none, and pass nothing on. */
function forwards(namespace: SimNamespace): boolean {
  return namespace.nat.size > 0
}

/** The answer to something that was changed here gets its old addresses back. */
function answered(walk: Walk, namespace: SimNamespace, flow: Flow): Flow | undefined {
  if (!walk.established) return undefined
  const known = walk.tracked.filter((each) => each.namespace === namespace)
  if (known.length === 0) return undefined
  let changed = flow
  // Latest first: the change that was made last is undone first.
  for (const { before, after } of known.toReversed())
    if (changed.src === after.dst && changed.dst === after.src)
      changed = { ...changed, src: before.dst, dst: before.src }
  return changed
}

function translate(
  walk: Walk,
  namespace: SimNamespace,
  hook: 'prerouting' | 'output' | 'postrouting',
  flow: Flow,
  devices: Pick<NatPacket, 'inDevice' | 'outDevice'> = {},
): Flow {
  if (walk.established) return flow
  const dnat = walk.tracked.some((each) => each.namespace === namespace && each.before.dst !== each.after.dst)
  const judged = verdict(namespace.nat, hook, { ...flow, ...devices, dnat })
  const after = changedBy(judged, namespace, flow, devices.inDevice)
  if (after !== flow) walk.tracked.push({ namespace, before: flow, after })
  return after
}

function changedBy(
  judged: ReturnType<typeof verdict>,
  namespace: SimNamespace,
  flow: Flow,
  inDevice: string | undefined,
): Flow {
  if (judged?.kind === 'dnat') return { ...flow, dst: judged.address }
  if (judged?.kind === 'snat') return { ...flow, src: judged.address }
  if (judged?.kind !== 'redirect') return flow
  const own = namespace.devices.get(inDevice ?? '')?.addresses.find((text) => !text.includes(':'))
  return own === undefined ? flow : { ...flow, dst: bare(own), port: judged.port }
}

/** For a broadcast on the wire of a network: whether it gets from one host to the other. */
export function hears(fabric: SimFabric, from: Place, listener: SimPort): string {
  const port = wired(listener.host, listener.identity.portId)
  return port ? joined(fabric, from, { host: listener.host, port }) : 'the listener is not wired'
}
