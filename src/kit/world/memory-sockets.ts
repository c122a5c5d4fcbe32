// Sockets within one process, for the virtual world. TLS here encrypts nothing, but who trusts whom is checked with
// the real certificates, so that a cloud under test refuses whom a real one would refuse.
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { duplexPair } from 'node:stream'
import { CloudError } from '../errors/cloud-error.ts'
import { certificatesIn, distrust, peerCertificate } from './certificate.ts'
import type { Address, Clock, Connection, ConnectionTls, ConnectTls, ListenTls, Sockets } from './world.ts'

type Listening = { accept: (connection: Connection) => void; tls: ListenTls | undefined }

export function memorySockets(clock: Clock): Sockets {
  const listeners = new Map<string, Listening>()
  let nextPort = 40_000
  const key = (address: Address) => ('path' in address ? address.path : `port:${address.port}`)
  return {
    async listen(address, accept, options = {}) {
      const bound = 'port' in address && address.port === 0 ? { ...address, port: nextPort++ } : address
      if (listeners.has(key(bound)))
        throw new CloudError('unavailable', `Cannot listen on ${key(bound)}: in use`)
      const listening: Listening = { accept, tls: options.tls }
      listeners.set(key(bound), listening)
      return {
        address: bound,
        renew(tls) {
          if (!listening.tls)
            throw new CloudError('internal', `The listener on ${key(bound)} has no TLS to renew`)
          listening.tls = { ...listening.tls, cert: tls.cert, key: tls.key, ca: tls.ca }
        },
        close: async () => void listeners.delete(key(bound)),
      }
    },

    async connect(address, options = {}) {
      const listening = listeners.get(key(address))
      const refuse = (why: string) =>
        new CloudError('unavailable', `Cannot connect to ${key(address)}: ${why}`)
      if (!listening) throw refuse('nobody listens')
      const { tls } = listening
      if ((tls === undefined) !== (options.tls === undefined))
        throw refuse(tls ? 'it speaks TLS' : 'it speaks no TLS')
      const ends = tls && options.tls ? handshake(address, tls, options.tls, clock.now()) : undefined
      if (typeof ends === 'string') throw refuse(ends)
      const [near, far] = duplexPair()
      listening.accept(Object.assign(far, { peer: 'memory', ...(ends && { tls: ends.far }) }))
      return Object.assign(near, { peer: key(address), ...(ends && { tls: ends.near }) })
    },

    resolve: resolveHere,
  }
}

/** What each end learns of the other, or why there is no connection. */
export function handshake(
  address: Address,
  listener: ListenTls,
  client: ConnectTls,
  nowMs: number,
): { near: ConnectionTls; far: ConnectionTls } | string {
  const seen = (pem: Parameters<typeof certificatesIn>[0] | undefined): ConnectionTls => {
    const [leaf] = pem === undefined ? [] : certificatesIn(pem)
    return {
      protocol: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      certificate: leaf && peerCertificate(leaf),
    }
  }
  if (!client.unverified) {
    const why = distrust(listener.cert, client.ca, nowMs)
    if (why) return why
    const name = client.serverName ?? ('host' in address ? address.host : 'localhost')
    const leaf = new X509Certificate(listener.cert)
    const matches = isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name)
    if (!matches) return `its certificate is not for ${name}`
  }
  const asked = listener.requestClientCert || listener.requireClientCert
  if (!asked || client.cert === undefined)
    return listener.requireClientCert
      ? 'it wants a certificate'
      : { near: seen(listener.cert), far: seen(undefined) }
  const why = distrust(client.cert, listener.ca, nowMs)
  if (why) return `it refuses our certificate: ${why}`
  return { near: seen(listener.cert), far: seen(client.cert) }
}

/** Where there are no name servers, only this host has a name. */
export async function resolveHere(name: string): Promise<string[]> {
  if (name !== 'localhost') throw new CloudError('unavailable', `The name ${name} has no address`)
  return ['127.0.0.1']
}
