// TCP and unix sockets of the host.
import { chmod, rm } from 'node:fs/promises'
import * as net from 'node:net'
import { CloudError } from '../errors/cloud-error.ts'
import type { Address, Connection, Sockets } from './world.ts'

export const realSockets: Sockets = {
  async listen(address, accept) {
    if ('path' in address) await rm(address.path, { force: true })
    const open = new Set<net.Socket>()
    const server = net.createServer((socket) => {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      accept(named(socket, address))
    })
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
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve())
          for (const socket of open) socket.destroy()
        }),
    }
  },

  connect(address, options = {}) {
    return new Promise((resolve, reject) => {
      const socket = net.connect('path' in address ? { path: address.path } : address)
      const fail = (error: Error) => {
        socket.destroy()
        reject(new CloudError('unavailable', `Cannot connect to ${show(address)}`, { cause: error }))
      }
      socket.setTimeout(options.timeoutMs ?? 10_000, () => fail(new Error('no answer in time')))
      socket.once('error', fail)
      socket.once('connect', () => {
        socket.setTimeout(0)
        socket.off('error', fail)
        resolve(named(socket, address))
      })
    })
  },
}

function named(socket: net.Socket, address: Address): Connection {
  const peer = socket.remoteAddress ? `${socket.remoteAddress}:${socket.remotePort}` : show(address)
  return Object.assign(socket, { peer })
}

function show(address: Address): string {
  return 'path' in address ? address.path : `${address.host}:${address.port}`
}
