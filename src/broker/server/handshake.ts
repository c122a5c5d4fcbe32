// From a client's first octet to connection.open, one step after the other: protocol header, login, limits, virtual host.
import { connectionError } from '#kit/amqp/error.ts'
import type { Method } from '#kit/amqp/methods.ts'
import type { Outbox } from '#kit/amqp/outbox.ts'
import { protocolHeader } from '#kit/amqp/protocol.ts'
import type { Table } from '#kit/amqp/table.ts'
import type { ConnectionTls } from '#kit/world/world.ts'
import type { Vhost } from '../core/vhost.ts'
import type { ConnectionHost } from './connection-host.ts'
import { isLoopback, login, mechanisms, type Peer } from './login.ts'
import { negotiate, offer, type Tuned } from './negotiation.ts'
import { serverProperties } from './property.ts'
import type { User } from './user.ts'

/** Of the connection that is being opened. */
export type HandshakeEnds = {
  readonly name: string
  readonly peer: string
  readonly tls: ConnectionTls | undefined
  readonly outbox: Outbox
}

/** What is awaited of the client next. */
type Stage = 'header' | 'start-ok' | 'tune-ok' | 'open' | 'over'

const expected = {
  'start-ok': 'connection.start-ok',
  'tune-ok': 'connection.tune-ok',
  open: 'connection.open',
} as const

export class Handshake {
  stage: Stage = 'header'
  clientProperties: Table = {}
  mechanism = ''
  tuned: Tuned = { ...offer, heartbeatSeconds: 0 }
  user: User | undefined
  vhost: Vhost | undefined
  readonly #host: ConnectionHost
  readonly #ends: HandshakeEnds
  #header = Buffer.alloc(0)

  constructor(host: ConnectionHost, ends: HandshakeEnds) {
    this.#host = host
    this.#ends = ends
  }

  /** What follows the header in the chunk; undefined where it is the header of something else. */
  takeHeader(chunk: Buffer): Buffer | undefined {
    this.#header = Buffer.concat([this.#header, chunk])
    if (!protocolHeader.subarray(0, this.#header.length).equals(this.#header.subarray(0, 8))) return undefined
    if (this.#header.length < 8) return Buffer.alloc(0)
    const { users, loginRules, clusterName } = this.#host
    this.stage = 'start-ok'
    this.#ends.outbox.method(0, 'connection.start', {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties: serverProperties(clusterName()),
      mechanisms: mechanisms(users, loginRules, this.#peer()),
      locales: 'en_US',
    })
    return this.#header.subarray(8)
  }

  /** Throws 503 where the method isn't the one whose turn it is. */
  take({ name, fields }: Method): void {
    const { stage } = this
    if (stage === 'header' || stage === 'over') throw connectionError(503, `${name} came out of turn`)
    if (name !== expected[stage]) throw connectionError(503, `expected ${expected[stage]}, got ${name}`)
    if (name === 'connection.start-ok') {
      this.clientProperties = fields.clientProperties
      this.#login(fields.mechanism, Buffer.from(fields.response))
      this.stage = 'tune-ok'
      const heartbeat = this.#host.heartbeatSeconds
      this.#ends.outbox.method(0, 'connection.tune', { ...offer, heartbeat })
    } else if (name === 'connection.tune-ok') {
      this.tuned = negotiate(fields)
      this.stage = 'open'
    } else this.#open(fields.virtualHost)
  }

  #peer(): Peer {
    const { peer, tls } = this.#ends
    return { isLoopback: isLoopback(peer), certificate: tls?.certificate }
  }

  #login(mechanism: string, response: Buffer): void {
    const { users, loginRules, log } = this.#host
    const explain = (why: string) =>
      log.warn({ connection: this.#ends.name, mechanism, why }, 'a login was refused')
    this.mechanism = mechanism
    this.user = login(users, loginRules, this.#peer(), { mechanism, response }, explain)
  }

  #open(name: string): void {
    const vhost = this.#host.vhosts.get(name)
    if (!vhost) throw connectionError(530, `vhost ${name} not found`)
    checkAccess(this.user!, name)
    this.#host.admit(this.user!, name)
    this.vhost = vhost
    this.stage = 'over'
    this.#ends.outbox.method(0, 'connection.open-ok', {})
  }
}

/** Throws 530 where the user has no right of any kind in the virtual host. */
export function checkAccess(user: User, vhost: string): void {
  if (!user.permissions.has(vhost))
    throw connectionError(530, `access to vhost '${vhost}' refused for user '${user.name}'`)
}
