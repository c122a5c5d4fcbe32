// The embedded AMQP 0-9-1 broker. Rooms: core/ routes and queues, store/ keeps, server/ speaks the protocol,
// admin/ holds what operators set, management/ is their HTTP API.
import type { Duplex } from 'node:stream'
import { connectionError } from '#kit/amqp/error.ts'
import type { Log } from '#kit/log/log.ts'
import type { Address, Connection, Listener, ListenTls, World } from '#kit/world/world.ts'
import { giveUser } from './admin/give-user.ts'
import { Registry } from './admin/registry.ts'
import { deleteUser } from './admin/set-user.ts'
import { deleteVhost, putVhost } from './admin/set-vhost.ts'
import type { User, UserSpec } from './admin/user.ts'
import { Alarms } from './core/alarm.ts'
import { type Lives, livesOf } from './core/life.ts'
import type { Queue } from './core/queue.ts'
import { Vhost } from './core/vhost.ts'
import { ServerConnection } from './server/connection.ts'
import { type ConnectionSettings, connectionHost } from './server/connection-host.ts'
import { admitChannel, admitConnection } from './server/limit.ts'
import { openDiskStore } from './store/disk-store.ts'
import { memoryStore } from './store/memory-store.ts'
import type { Store } from './store/store.ts'

export type BrokerOptions = {
  world: World
  log: Log
  /** Set at each start, whatever operators made of them; other users stay as they are. */
  users?: Record<string, UserSpec>
  /** There at each start, besides those that operators made; the default is '/' alone. */
  vhosts?: string[]
  /** Where durable queues, persistent messages and settings are kept; without it they live as long as the broker. */
  dataDir?: string
} & ConnectionSettings

export type Broker = {
  /** Serves a client over any stream, such as one end of a `duplexPair`. */
  accept(connection: Duplex, peer?: string): void
  /** `admit` may turn a connection away before a word is said, by the certificate that it showed. */
  listen(
    address: Address,
    options?: { tls?: ListenTls; admit?: (connection: Connection) => boolean },
  ): Promise<Listener>
  /** Adds a user, or sets its password, tags and rights in the named virtual hosts; open connections have them at once. */
  setUser(name: string, spec: UserSpec): void
  removeUser(name: string): void
  /** Users, virtual hosts, rights, policies: the files of admin/ change it. */
  readonly registry: Registry
  readonly vhosts: ReadonlyMap<string, Vhost>
  readonly connections: ReadonlySet<ServerConnection>
  /** Memory and disk; `setWatermark` raises one by force. */
  readonly alarms: Alarms
  readonly connectionCount: number
  /** Since the start. */
  readonly lives: Lives
  readonly listeners: readonly BrokerListener[]
  /** False between `stop` and `start`. */
  readonly running: boolean
  /** Milliseconds of the World's clock. */
  readonly startedAt: number
  readonly dataDir: string | undefined
  /** Closes listeners and connections and takes none; all that is kept stays. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Back to how a new broker begins: every queue, message and setting is gone. Only while stopped. */
  reset(): Promise<void>
  /** Tells clients, writes what is left, and closes. */
  close(): Promise<void>
}

export type BrokerListener = { readonly address: Address; readonly tls: ListenTls | undefined }

type OpenListener = BrokerListener & {
  listener: Listener | undefined
  tls: ListenTls | undefined
  admit: ((connection: Connection) => boolean) | undefined
}

export async function openBroker(options: BrokerOptions): Promise<Broker> {
  const { world, log, dataDir } = options
  const alarms = options.alarms ?? new Alarms(world, log, { folder: dataDir })
  const onTrouble = (error: Error | undefined) => alarms.storeTrouble(error !== undefined)
  const store =
    dataDir === undefined
      ? memoryStore(world.clock)
      : await openDiskStore({ world, log, folder: dataDir, onTrouble })
  const connections = new Set<ServerConnection>()
  const listeners: OpenListener[] = []
  let running = true
  let isStarting = true
  const born = { connections: 0, channels: 0 }
  let whenEmpty = () => {}
  const closeWhere = (reason: string, chosen: (connection: ServerConnection) => boolean) => {
    for (const connection of [...connections])
      if (chosen(connection)) connection.close(connectionError(320, reason))
  }
  const registry = new Registry(
    {
      world,
      log,
      openVhost(name) {
        const vhost = new Vhost(world, store, name)
        // What the disk had is of virtual hosts that were there, not of new ones with an old name.
        if (isStarting) vhost.restore()
        return vhost
      },
      vhostDeleted: (name) =>
        closeWhere(`vhost '${name}' is deleted`, ({ isOpen, vhost }) => isOpen && vhost.name === name),
      userDeleted: (name) => closeWhere(`user '${name}' is deleted`, ({ user }) => user?.name === name),
    },
    dataDir === undefined ? undefined : `${dataDir}/definitions.json`,
  )
  const setUp = () => {
    for (const name of options.vhosts ?? (registry.vhosts.size === 0 ? ['/'] : []))
      if (!registry.vhosts.has(name)) putVhost(registry, name, {})
    for (const [name, spec] of Object.entries(options.users ?? {})) giveUser(registry, name, spec)
    registry.giveId()
  }
  try {
    await registry.load()
    setUp()
    await restoreMessages(registry, store)
  } catch (error) {
    await store.close()
    throw error
  }
  isStarting = false
  alarms.start()
  const shared = {
    world,
    log,
    store,
    users: registry.users,
    vhosts: registry.vhosts,
    clusterName: () => registry.clusterName,
    admit(user: User, vhost: string) {
      admitConnection(registry, connections, user, vhost)
      born.connections++
    },
    admitChannel(user: User) {
      admitChannel(connections, user)
      born.channels++
    },
    ended(connection: ServerConnection) {
      connections.delete(connection)
      if (connections.size === 0) whenEmpty()
    },
  }
  const host = connectionHost(shared, { ...options, alarms })
  let withoutPort = 0
  const accept = (stream: Duplex & Partial<Connection>, peer = stream.peer) => {
    if (!running) return void stream.destroy()
    // A connection is told from others by its name, and only ports make that of the two ends unique.
    const hasPort = /:\d+$/.test(peer ?? '')
    const local = hasPort ? stream.local : `${stream.local ?? 'local'}#${++withoutPort}`
    connections.add(new ServerConnection(host, stream, { peer, local, tls: stream.tls }))
  }
  const open = (address: Address, { tls, admit }: Pick<OpenListener, 'tls' | 'admit'>) => {
    const take = (connection: Connection) => {
      if (admit && !admit(connection)) return void connection.destroy()
      connection.setNoDelay?.(true)
      accept(connection)
    }
    return world.sockets.listen(address, take, { tls })
  }
  const closeAll = async (why: string) => {
    running = false
    const empty = new Promise<void>((resolve) => {
      whenEmpty = resolve
      if (connections.size === 0) resolve()
    })
    closeWhere(`broker forced connection closure with reason '${why}'`, () => true)
    // Turns of the event loop, not time: whoever reads has answered by then, and shutdown waits for nobody else.
    for (let turn = 0; turn < 10 && connections.size > 0; turn++)
      await new Promise((resolve) => setImmediate(resolve))
    for (const connection of connections) connection.destroy()
    await Promise.all(listeners.map(({ listener }) => listener?.close()))
    for (const each of listeners) each.listener = undefined
    await empty
  }
  return {
    accept,
    registry,
    connections,
    alarms,
    listeners,
    dataDir,
    startedAt: world.clock.now(),
    vhosts: registry.vhosts,
    setUser: (name, spec) => giveUser(registry, name, spec),
    removeUser: (name) => void (registry.users.has(name) && deleteUser(registry, name)),
    get connectionCount() {
      return connections.size
    },
    get running() {
      return running
    },
    get lives() {
      return livesOf(born, connections, registry.vhosts.values())
    },
    async listen(address, { tls, admit } = {}) {
      const listener = await open(address, { tls, admit })
      const entry: OpenListener = {
        address: listener.address,
        listener,
        tls,
        admit,
      }
      listeners.push(entry)
      return {
        address: listener.address,
        renew(renewed) {
          entry.tls = renewed
          entry.listener?.renew(renewed)
        },
        async close() {
          const at = listeners.indexOf(entry)
          if (at >= 0) listeners.splice(at, 1)
          await entry.listener?.close()
        },
      }
    },
    stop: () => closeAll('stopped'),
    async start() {
      if (running) return
      running = true
      for (const each of listeners) each.listener = await open(each.address, each)
    },
    async reset() {
      for (const name of [...registry.vhosts.keys()]) deleteVhost(registry, name)
      registry.users.clear()
      registry.globalParameters.clear()
      setUp()
      await registry.saved()
    },
    async close() {
      alarms.stop()
      await closeAll('shutdown')
      for (const vhost of registry.vhosts.values()) for (const queue of vhost.queues.values()) queue.rest()
      await registry.saved()
      await store.close()
    },
  }
}

async function restoreMessages(registry: Registry, store: Store): Promise<void> {
  dropForgottenVhosts(registry, store)
  const queues = new Map<number, Queue>()
  for (const vhost of registry.vhosts.values())
    for (const queue of vhost.queues.values()) queues.set(queue.id, queue)
  await store.restore((id) => queues.get(id))
  // What went over its time meanwhile goes, and limits changed by policies hold.
  for (const queue of queues.values()) queue.setLimits(queue.limits)
}

/** The broker died between forgetting a virtual host and what was in it. */
function dropForgottenVhosts(registry: Registry, store: Store): void {
  const { exchanges, queues } = store.recovered
  const names = new Set([...exchanges, ...queues].map(({ vhost }) => vhost))
  for (const name of names) if (!registry.vhosts.has(name)) registry.host.openVhost(name).deleteAll()
}
