// Guests' network cards: what they ask of the network is walked there and back, so that the answer comes only where a
// real one would.
import type { Duplex } from 'node:stream'
import { duplexPair } from 'node:stream'
import type {
  Card,
  CardGuest,
  CardNetwork,
  CardPlace,
  CardSettings,
  DhcpMessage,
  DhcpReply,
  RouterAdvertisement,
  Silence,
} from '#contracts/simulated-card.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { linkLocalOf } from '#kit/net/mac.ts'
import { covers } from './command.ts'
import type { Program } from './process.ts'
import { addressKey, bare, type SimCard, type SimFabric, type SimHost, type SimPort, wired } from './state.ts'
import { type Arrival, type Flow, hears, nextHop, type Spot, send, type Walk } from './walk.ts'

export function cardNetwork(fabric: SimFabric, host: SimHost): CardNetwork {
  return { insert: (place, guest) => insertCard(fabric, host, place, guest) }
}

function insertCard(fabric: SimFabric, host: SimHost, place: CardPlace, guest: CardGuest): Card {
  const card: SimCard = { host, ...place, guest, addresses: [], routes: [] }
  const keys = () => card.addresses.map((text) => addressKey(card.networkId, bare(text)))
  const configure = ({ addresses, routes }: CardSettings) => {
    for (const key of keys()) fabric.owners.delete(key, card)
    card.addresses = addresses
    card.routes = routes
    for (const key of keys()) fabric.owners.add(key, card)
  }
  host.cards.set(card.portId, card)
  const spot: Spot = { kind: 'card', card }
  const source = (to: string) => sourceAddress(card, to)
  return {
    configure,
    dhcp: (message) => askDhcp(fabric, card, message),
    solicitRouters: () => solicit(fabric, card),
    ping: (to) => pingFrom(fabric, host, spot, source(to), to),
    connect: (to, port) => connectFrom(fabric, host, spot, source(to), to, port),
    remove() {
      configure({ addresses: [], routes: [] })
      // A new card of the port may have taken its place already.
      if (host.cards.get(card.portId) === card) host.cards.delete(card.portId)
    },
  }
}

function sourceAddress(card: SimCard, to: string): string | undefined {
  const via = nextHop(card.routes, card.addresses, to)
  const own = card.addresses.filter((text) => text.includes(':') === to.includes(':'))
  const near = own.find((text) => via !== undefined && covers(text, via)) ?? own[0]
  return near && bare(near)
}

/** Devices in namespaces on the card's wire, with why those that don't hear it don't. */
function listenersOf(fabric: SimFabric, card: SimCard): { heard: SimPort[]; why: string } {
  const port = wired(card.host, card.portId)
  if (!port) return { heard: [], why: 'the sender is not wired' }
  let why = 'no DHCP server is on the network'
  const heard = fabric.listeners.get(card.networkId).filter((listener) => {
    const way = hears(fabric, { host: card.host, port }, listener)
    if (way !== 'ok') why = way
    return way === 'ok'
  })
  return { heard, why }
}

function programsAt({ host, namespace }: SimPort): Program[] {
  const processes = host.namespaces.get(namespace ?? '')?.processes ?? []
  return processes.flatMap(({ program }) => program ?? [])
}

/** DHCP passes security groups, both ways: they let a guest be a client and never a server. */
async function askDhcp(fabric: SimFabric, card: SimCard, message: DhcpMessage): Promise<DhcpReply | Silence> {
  const { heard, why } = listenersOf(fabric, card)
  let reason = why
  for (const device of heard)
    for (const program of programsAt(device)) {
      if (!program.dhcp) continue
      const reply = program.dhcp(device, card.mac, message)
      reason = 'no DHCP server knows the card'
      if (!reply) continue
      await wait(card.host, 2 * fabric.delayMs(card.host.name, device.host.name))
      return reply
    }
  return { silence: reason }
}

function solicit(fabric: SimFabric, card: SimCard): RouterAdvertisement[] {
  return listenersOf(fabric, card).heard.flatMap((device) =>
    programsAt(device).flatMap((program) => program.advertisements?.(device) ?? []),
  )
}

type Round = { walk: Walk; there: Arrival }

/** There, to somebody who answers, and back. */
function roundTrip(
  fabric: SimFabric,
  from: Spot,
  flow: Flow,
  answers: (arrival: Arrival) => string,
): Round | string {
  const walk: Walk = { fabric, tracked: [], established: false, delayMs: 0, hops: 0 }
  const there = send(walk, from, flow)
  if (typeof there === 'string') return there
  const judged = answers(there)
  if (judged !== 'ok') return judged
  walk.established = true
  const answer = { ...there.flow, src: there.flow.dst, dst: there.flow.src }
  const back = send(walk, there.spot, answer)
  if (typeof back === 'string') return `no answer comes back: ${back}`
  return isSame(back.spot, from) ? { walk, there } : 'the answer goes astray'
}

function isSame(one: Spot, other: Spot): boolean {
  if (one.kind === 'card') return other.kind === 'card' && one.card === other.card
  return one.kind === other.kind
}

export async function pingFrom(
  fabric: SimFabric,
  host: SimHost | undefined,
  from: Spot,
  source: string | undefined,
  to: string,
): Promise<string> {
  if (source === undefined) return 'the sender has no address of that version'
  const trip = roundTrip(fabric, from, { src: source, dst: to, protocol: 'icmp' }, ({ spot }) =>
    spot.kind === 'card' && !spot.card.guest.answersPing() ? 'the guest does not answer' : 'ok',
  )
  if (typeof trip === 'string') return trip
  if (host) await wait(host, trip.walk.delayMs)
  return 'ok'
}

export async function connectFrom(
  fabric: SimFabric,
  host: SimHost | undefined,
  from: Spot,
  source: string | undefined,
  to: string,
  port: number,
): Promise<Duplex> {
  const refused = (why: string) => new CloudError('unavailable', `Cannot connect to ${to}:${port}: ${why}`)
  if (source === undefined) throw refused('the sender has no address of that version')
  let accept: ((connection: Duplex, from: string) => void) | undefined
  const trip = roundTrip(fabric, from, { src: source, dst: to, protocol: 'tcp', port }, (arrival) => {
    const found = acceptAt(arrival)
    if (typeof found === 'string') return found
    accept = found
    return 'ok'
  })
  if (typeof trip === 'string' || !accept)
    throw refused(typeof trip === 'string' ? trip : 'connection refused')
  if (host) await wait(host, trip.walk.delayMs)
  const [near, far] = duplexPair()
  accept(far, trip.there.flow.src)
  return near
}

function acceptAt({ spot, flow }: Arrival): ((connection: Duplex, from: string) => void) | string {
  const port = flow.port ?? 0
  if (spot.kind === 'card') {
    const accept = spot.card.guest.accept(port)
    return accept ?? (accept === null ? 'the guest does not answer' : 'connection refused')
  }
  if (spot.kind === 'cable') return 'connection refused'
  for (const { program } of spot.namespace.processes) {
    const accept = program?.accept?.(port)
    if (accept) return accept
  }
  return 'connection refused'
}

async function wait({ world }: SimHost, ms: number): Promise<void> {
  if (ms > 0) await world.timers.sleep(ms)
}

/** Routers are known by their link-local address, too. */
export function ownKeys(port: SimPort): string[] {
  const { networkId, mac } = port.identity
  return [...port.addresses.map(bare), linkLocalOf(mac)].map((address) => addressKey(networkId, address))
}
