// A card's lease in a guest, and how the guest sets its card by it.
import type { CardRoute, CardSettings, DhcpReply, RouterAdvertisement } from '#contracts/simulated-card.ts'
import { formatAddress } from '#kit/net/address.ts'
import { cidr } from '#kit/net/cidr.ts'
import { slaacAddress } from '#kit/net/mac.ts'

export type Lease = {
  /** With prefix; absent where only routers were heard (IPv6). */
  address?: string
  server: string
  /** 0 where there is nothing to renew. */
  leaseS: number
  /** Milliseconds since the epoch. */
  renewAt: number
  endsAt: number
  routes: CardRoute[]
  /** By SLAAC, with prefix. */
  six: string[]
  sixRoutes: CardRoute[]
  mtu?: number
}

/** Half of it, as RFC 2131 has it. */
export function leaseOf(reply: DhcpReply, now: number): Lease {
  const { address, prefix, server, leaseS, routers, classlessRoutes, mtu } = reply
  const byRouter = routers.slice(0, 1).map((via) => ({ to: '0.0.0.0/0', via }))
  return {
    address: `${address}/${prefix}`,
    server,
    leaseS,
    renewAt: now + leaseS * 500,
    endsAt: now + leaseS * 1000,
    // A client that got classless routes takes no router from option 3 (RFC 3442).
    routes: classlessRoutes.length > 0 ? [...classlessRoutes] : byRouter,
    six: [],
    sixRoutes: [],
    ...(mtu !== undefined && { mtu }),
  }
}

/** An address in each announced prefix, and the first router as the way out. */
export function withAdvertisements(
  lease: Lease | undefined,
  mac: string,
  heard: readonly RouterAdvertisement[],
): Lease | undefined {
  if (heard.length === 0) return lease
  const six = heard.map(
    ({ prefix }) => `${formatAddress(slaacAddress(cidr(prefix), mac))}/${cidr(prefix).prefix}`,
  )
  const sixRoutes = [{ to: '::/0', via: heard[0]!.router }]
  const empty: Lease = { server: '', leaseS: 0, renewAt: 0, endsAt: 0, routes: [], six: [], sixRoutes: [] }
  return { ...(lease ?? empty), six: [...new Set(six)], sixRoutes }
}

export function settingsOf(lease: Lease): CardSettings {
  return {
    addresses: [...(lease.address === undefined ? [] : [lease.address]), ...lease.six],
    routes: [...lease.routes, ...lease.sixRoutes],
  }
}
