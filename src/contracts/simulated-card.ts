// Where a simulated guest meets the simulated network: what each side asks of the other through a network card.
// The virt driver knows guests, the wiring driver knows networks, and neither knows the other; both know this.
import type { Duplex } from 'node:stream'

export type CardPlace = { portId: string; mac: string; networkId: string }

/** `via` is null for what is on the wire itself. */
export type CardRoute = { to: string; via: string | null }

/** What the guest has set on its card. Addresses with their prefix: '10.0.0.5/24'. */
export type CardSettings = { addresses: readonly string[]; routes: readonly CardRoute[] }

/** The guest's end: what it does with what reaches its card. */
export type CardGuest = {
  answersPing(): boolean
  /** Undefined where nothing listens on the port; `null` where the guest doesn't even refuse. */
  accept(port: number): ((connection: Duplex, from: string) => void) | undefined | null
}

export type DhcpMessage = { kind: 'discover' } | { kind: 'request'; address: string; server: string }

/** What a DHCP server answers; options are those that a guest acts on. */
export type DhcpReply = {
  kind: 'offer' | 'ack' | 'nak'
  address: string
  prefix: number
  server: string
  leaseS: number
  /** Option 3; ignored where there are classless routes (RFC 3442). */
  routers: readonly string[]
  /** Option 121. */
  classlessRoutes: readonly CardRoute[]
  dnsServers: readonly string[]
  domain?: string
  hostname?: string
  mtu?: number
}

/** An autonomous prefix that a router announces (RFC 4861, 4862), and the router's own address. */
export type RouterAdvertisement = { prefix: string; router: string; dnsServers: readonly string[] }

/** Why nothing came back: for those who look after the cloud; the guest itself can't know. */
export type Silence = { silence: string }

/** The network's end. */
export type Card = {
  configure(settings: CardSettings): void
  dhcp(message: DhcpMessage): Promise<DhcpReply | Silence>
  solicitRouters(): RouterAdvertisement[]
  /** 'ok', or why no answer came back. */
  ping(address: string): Promise<string>
  /** Rejects with kind 'unavailable' and the reason. */
  connect(address: string, port: number): Promise<Duplex>
  remove(): void
}

/** A host's switch, as guests' cards see it. A card may be there before its tap, and stay after it. */
export type CardNetwork = { insert(place: CardPlace, guest: CardGuest): Card }
