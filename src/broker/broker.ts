// The embedded AMQP 0-9-1 broker. Rooms: core/ routes and queues, store/ keeps, server/ speaks the protocol.
import type { Duplex } from 'node:stream'
import { connectionError } from '#kit/amqp/error.ts'
import type { Log } from '#kit/log/log.ts'
import type { Address, Listener, World } from '#kit/world/world.ts'
import type { Queue } from './core/queue.ts'
import { Vhost } from './core/vhost.ts'
import { type ConnectionHost, ServerConnection } from './server/connection.ts'
import { type User, type UserSpec, user } from './server/user.ts'
import { openLogStore } from './store/log-store.ts'
import { memoryStore, type Store } from './store/store.ts'

export type BrokerOptions = {
  world: World
  log: Log
  users?: Record<string, UserSpec>
  /** The default is '/' alone. */
  vhosts?: string[]
  /** Where durable queues and persistent messages are kept; without it they live as long as the broker. */
  dataDir?: string
  /** Offered to clients; 0 is off, the default is 60. */
  heartbeatSeconds?: number
}

export type Broker = {
  /** Serves a client over any stream, such as one end of a `duplexPair`. */
  accept(connection: Duplex, peer?: string): void
  listen(address: Address): Promise<Listener>
  /** Adds a user or replaces it; open connections keep the rights they came with. */
  setUser(name: string, spec: UserSpec): void
  removeUser(name: string): void
  readonly vhosts: ReadonlyMap<string, Vhost>
  readonly connectionCount: number
  /** Tells clients, writes what is left, and closes. */
  close(): Promise<void>
}

export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const { world, log } = options
  const store =
    options.dataDir === undefined ? memoryStore() : await openLogStore(world, log, options.dataDir)
  const users = new Map<string, User>()
  const setUser = (name: string, spec: UserSpec) =>
    void users.set(name, user(name, spec, world.random.bytes(4)))
  for (const [name, spec] of Object.entries(options.users ?? {})) setUser(name, spec)
  const vhosts = restore(world, store, options.vhosts ?? ['/'])
  const connections = new Set<ServerConnection>()
  const listeners = new Set<Listener>()
  let whenEmpty = () => {}
  const host: ConnectionHost = {
    world,
    log,
    store,
    users,
    vhosts,
    heartbeatSeconds: options.heartbeatSeconds ?? 60,
    ended(connection) {
      connections.delete(connection)
      if (connections.size === 0) whenEmpty()
    },
  }
  const accept = (stream: Duplex, peer = 'local') => {
    connections.add(new ServerConnection(host, stream, peer))
  }
  return {
    accept,
    setUser,
    removeUser: (name) => void users.delete(name),
    vhosts,
    get connectionCount() {
      return connections.size
    },
    async listen(address) {
      const listener = await world.sockets.listen(address, (connection) => {
        connection.setNoDelay?.(true)
        accept(connection, connection.peer)
      })
      listeners.add(listener)
      return listener
    },
    async close() {
      const empty = new Promise<void>((resolve) => {
        whenEmpty = resolve
        if (connections.size === 0) resolve()
      })
      for (const connection of connections)
        connection.close(connectionError(320, "broker forced connection closure with reason 'shutdown'"))
      // Turns of the event loop, not time: whoever reads has answered by then, and shutdown waits for nobody else.
      for (let turn = 0; turn < 10 && connections.size > 0; turn++)
        await new Promise((resolve) => setImmediate(resolve))
      for (const connection of connections) connection.destroy()
      await Promise.all([...listeners].map((listener) => listener.close()))
      await empty
      for (const vhost of vhosts.values()) for (const queue of vhost.queues.values()) queue.rest()
      await store.close()
    },
  }
}

function restore(world: World, store: Store, names: string[]): Map<string, Vhost> {
  const vhosts = new Map(names.map((name) => [name, new Vhost(world, store, name)]))
  const queues = new Map<number, Queue>()
  for (const vhost of vhosts.values()) {
    vhost.restore()
    for (const queue of vhost.queues.values()) queues.set(queue.id, queue)
  }
  // It may have been delivered before the restart: only the flag tells a consumer so.
  for (const { message, queueIds } of store.recovered.messages.splice(0))
    for (const id of queueIds) queues.get(id)?.push(message, true)
  return vhosts
}
