// TCP and unix sockets of the host, with TLS where it is asked for.
import { lookup } from 'node:dns/promises'
import { chmod, rm } from 'node:fs/promises'
import * as net from 'node:net'
import * as tls from 'node:tls'
import { CloudError } from '../errors/cloud-error.ts'
import { peerCertificate } from './certificate.ts'
import type { Address, Connection, ConnectTls, ListenTls, Sockets } from './world.ts'

/** For a peer to finish its TLS handshake. */
const handshakeMs = 10_000
/** Beyond this many unfinished TLS handshakes of one listener the oldest goes: each holds memory and a file. */
const mostHandshakes = 256

export const realSockets: Sockets = {
  async listen(address, accept, options = {}) {
    if ('path' in address) await rm(address.path, { force: true })
    const open = new Set<net.Socket>()
    const take = (socket: net.Socket) => {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      accept(named(socket, address))
    }
    const server = options.tls ? tlsServer(address, options.tls, take) : net.createServer(take)
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) =>
        reject(new CloudError('unavailable', `Cannot listen on ${show(address)}`, { cause: error })),
      )
      server.listen('path' in address ? { path: address.path } : address, resolve)
    })
    if ('path' in address) await chmod(address.path, address.mode ?? 0o600)
    const bound = server.address()
    return {
      address:
        'port' in address && bound && typeof bound === 'object'
          ? { host: address.host, port: bound.port }
          : address,
      renew(next) {
        if (!(server instanceof tls.Server))
          throw new CloudError('internal', `The listener on ${show(address)} has no TLS to renew`)
        server.setSecureContext({ cert: next.cert, key: next.key, ca: next.ca })
      },
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve())
          for (const socket of open) socket.destroy()
        }),
    }
  },

  connect(address, options = {}) {
    return new Promise((resolve, reject) => {
      const target = 'path' in address ? { path: address.path } : address
      const socket = options.tls
        ? tls.connect({ ...target, ...clientTls(address, options.tls) })
        : net.connect(target)
      const fail = (error: Error) => {
        socket.destroy()
        reject(new CloudError('unavailable', `Cannot connect to ${show(address)}`, { cause: error }))
      }
      const ended = () => fail(new Error('the other end hung up'))
      socket.setTimeout(options.timeoutMs ?? 10_000, () => fail(new Error('no answer in time')))
      socket.once('error', fail)
      socket.once('close', ended)
      socket.once(options.tls ? 'secureConnect' : 'connect', () => {
        socket.setTimeout(0)
        socket.off('error', fail)
        socket.off('close', ended)
        resolve(named(socket, address))
      })
    })
  },

  async resolve(name) {
    try {
      return (await lookup(name, { all: true })).map(({ address }) => address)
    } catch (error) {
      throw new CloudError('unavailable', `The name ${name} has no address`, { cause: error })
    }
  },
}

function tlsServer(address: Address, options: ListenTls, take: (socket: net.Socket) => void): tls.Server {
  const { cert, key, ca } = options
  const server = tls.createServer({
    cert,
    key,
    ca,
    minVersion: 'TLSv1.2',
    handshakeTimeout: handshakeMs,
    requestCert: options.requestClientCert || options.requireClientCert,
    // Whether none is enough is asked below: Node knows only 'all of them good' and 'anything'.
    rejectUnauthorized: false,
  })
  const unfinished = new Map<string, net.Socket>()
  server.on('connection', (socket: net.Socket) => {
    const peer = peerOf(socket, address)
    unfinished.set(peer, socket)
    socket.once('close', () => unfinished.delete(peer))
    if (unfinished.size <= mostHandshakes) return
    const [oldest] = unfinished.values()
    oldest!.destroy()
  })
  // A peer that is no TLS, or trusts us not. It has been closed; there is nobody to tell.
  server.on('tlsClientError', (_error, socket) => {
    unfinished.delete(peerOf(socket, address))
    socket.destroy()
  })
  server.on('secureConnection', (socket) => {
    unfinished.delete(peerOf(socket, address))
    const shown = socket.getPeerX509Certificate()
    if (shown ? !socket.authorized : options.requireClientCert) socket.destroy()
    else take(socket)
  })
  return server
}

function clientTls(address: Address, options: ConnectTls): tls.ConnectionOptions {
  const { ca, cert, key, serverName, unverified } = options
  const host = serverName ?? ('host' in address ? address.host : 'localhost')
  return {
    ca,
    cert,
    key,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: !unverified,
    // The name that is asked for (SNI) can't be an address; what the certificate must hold can.
    servername: net.isIP(host) === 0 ? host : '',
    checkServerIdentity: (_name, certificate) => tls.checkServerIdentity(host, certificate),
  }
}

function named(socket: net.Socket, address: Address): Connection {
  const ends = {
    peer: peerOf(socket, address),
    local: socket.localAddress ? joined(socket.localAddress, socket.localPort) : show(address),
  }
  if (!(socket instanceof tls.TLSSocket)) return Object.assign(socket, ends)
  const certificate = socket.getPeerX509Certificate()
  const secured = {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher().standardName,
    certificate: certificate && peerCertificate(certificate),
  }
  return Object.assign(socket, ends, { tls: secured })
}

function peerOf(socket: net.Socket, address: Address): string {
  return socket.remoteAddress ? joined(socket.remoteAddress, socket.remotePort) : show(address)
}

/** IPv4 addresses of a listener on both families come without their IPv6 clothes. */
function joined(host: string, port: number | undefined): string {
  return `${host.replace(/^::ffff:(?=\d)/, '')}:${port}`
}

function show(address: Address): string {
  return 'path' in address ? address.path : `${address.host}:${address.port}`
}
