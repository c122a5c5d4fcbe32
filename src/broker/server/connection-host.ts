// What all connections of a broker share.
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import { Alarms } from '../core/alarm.ts'
import type { Vhost } from '../core/vhost.ts'
import type { Store } from '../store/store.ts'
import type { ServerConnection } from './connection.ts'
import { Turns } from './intake.ts'
import type { LoginRules } from './login.ts'
import type { ReplyChannels } from './reply-to.ts'
import type { User } from './user.ts'

/** Beyond this many unfinished handshakes the oldest is cut: a flood of them must not use up memory and files. */
const mostHandshakes = 1024
/** RabbitMQ's. */
const defaultConsumerTimeoutMs = 30 * 60_000

export type ConnectionHost = {
  readonly world: World
  readonly log: Log
  readonly store: Store
  readonly users: ReadonlyMap<string, User>
  readonly vhosts: ReadonlyMap<string, Vhost>
  /** Offered to clients; 0 is off. */
  readonly heartbeatSeconds: number
  /** For an answer to a delivery; 0 is for ever. */
  readonly consumerTimeoutMs: number
  readonly loginRules: LoginRules
  readonly alarms: Alarms
  readonly turns: Turns
  readonly replyChannels: ReplyChannels
  /** Oldest first. */
  readonly handshakes: Set<ServerConnection>
  /** Told to clients; operators may change it. */
  clusterName(): string
  /** Throws 530 where a limit of the user or the virtual host is reached. */
  admit(user: User, vhost: string): void
  /** The same for one more channel. */
  admitChannel(user: User): void
  /** The connection is gone. */
  ended(connection: ServerConnection): void
}

export type ConnectionSettings = {
  heartbeatSeconds?: number
  /** How long a client may keep a delivery without an answer; the default is 30 minutes, 0 is for ever. */
  consumerTimeoutMs?: number
  /** Users who may log in from this machine alone; the default is 'guest'. */
  loopbackUsers?: readonly string[]
  /** What of a client's certificate is its user's name; the default is the common name. */
  certificateName?: LoginRules['certificateName']
  /** The default has RabbitMQ's watermarks and no disk to watch. */
  alarms?: Alarms
}

type Given =
  | 'clusterName'
  | 'world'
  | 'log'
  | 'store'
  | 'users'
  | 'vhosts'
  | 'admit'
  | 'admitChannel'
  | 'ended'

export function connectionHost(
  given: Pick<ConnectionHost, Given>,
  settings: ConnectionSettings = {},
): ConnectionHost {
  return {
    ...given,
    heartbeatSeconds: settings.heartbeatSeconds ?? 60,
    consumerTimeoutMs: settings.consumerTimeoutMs ?? defaultConsumerTimeoutMs,
    loginRules: {
      loopbackUsers: new Set(settings.loopbackUsers ?? ['guest']),
      certificateName: settings.certificateName ?? 'commonName',
    },
    alarms: settings.alarms ?? new Alarms(given.world, given.log),
    turns: new Turns(),
    replyChannels: new Map(),
    handshakes: new Set(),
  }
}

export function beginHandshake({ handshakes }: ConnectionHost, connection: ServerConnection): void {
  handshakes.add(connection)
  const [oldest] = handshakes
  if (handshakes.size <= mostHandshakes) return
  // At once: the next may come before the oldest has ended.
  handshakes.delete(oldest!)
  oldest!.destroy()
}
