// From which address a request comes, through the proxies that are ours.
import type { FastifyRequest } from 'fastify'
import { header } from './reply.ts'

/** What stands for requests that came without a socket: from this process, or over a simulated network. */
export const within = 'local'

/** Whose connection it is: the client's or the last proxy's. IPv4 addresses in their own form, whatever the socket. */
export function peerOf(request: FastifyRequest): string {
  return plain(request.raw.socket.remoteAddress ?? within)
}

export function addressOf(request: FastifyRequest, trustedProxies: readonly string[]): string {
  const peer = peerOf(request)
  if (!trustedProxies.includes(peer)) return peer
  const hops = (header(request, 'x-forwarded-for') ?? '').split(',').map((hop) => plain(hop.trim()))
  // Each proxy adds its peer at the end; what stands before the last one that isn't ours, anybody may have written.
  return hops.findLast((hop) => hop !== '' && !trustedProxies.includes(hop)) ?? peer
}

function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
}
