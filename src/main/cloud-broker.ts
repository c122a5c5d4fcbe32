// The embedded broker as the controller sees it: in its own thread, so that a busy bus doesn't slow the APIs nor they the
// bus, or in this one for tests on virtual time.
import { duplexPair } from 'node:stream'
import type { UserSpec } from '#broker/admin/user.ts'
import { type Broker, openBroker } from '#broker/broker.ts'
import type { Log } from '#kit/log/log.ts'
import type { Address, Connection, ListenTls, World } from '#kit/world/world.ts'

export type CloudBrokerPlan = {
  world: World
  log: Log
  users: Record<string, UserSpec>
  /** Where durable queues are kept; absent keeps them in memory. */
  dataDir?: string
}

export type BrokerDoor = {
  address: Address
  tls?: ListenTls
  /** Lets in only those whose certificate `admit` named. */
  membersOnly?: boolean
}
export type OpenDoor = { readonly address: Address; renew(tls: ListenTls): Promise<void> }

export type CloudBroker = {
  /** A stream to it from within the cloud's own process. */
  connect(): Promise<Connection>
  listen(door: BrokerDoor): Promise<OpenDoor>
  /** From now on the members are those, by their certificates' fingerprints. */
  admit(fingerprints: readonly string[]): Promise<void>
  setUser(name: string, spec: UserSpec): Promise<void>
  /** Its connections end. */
  removeUser(name: string): Promise<void>
  deleteQueue(vhost: string, name: string): Promise<void>
  close(): Promise<void>
}

export async function brokerHere({ world, log, users, dataDir }: CloudBrokerPlan): Promise<CloudBroker> {
  const broker = await openBroker({ world, log, users, dataDir })
  return { ...administered(broker), connect: async () => inProcess(broker) }
}

/** All but the way in from this process. */
export function administered(broker: Broker): Omit<CloudBroker, 'connect'> {
  let members: ReadonlySet<string> = new Set()
  // Signed by the authority is not enough: a host that was removed still has its certificate.
  const isMember = ({ tls }: Connection) =>
    tls?.certificate !== undefined && members.has(tls.certificate.fingerprint)
  return {
    async listen({ address, tls, membersOnly }) {
      const listener = await broker.listen(address, { tls, ...(membersOnly && { admit: isMember }) })
      return { address: listener.address, renew: async (next) => listener.renew(next) }
    },
    async admit(fingerprints) {
      members = new Set(fingerprints)
    },
    setUser: async (name, spec) => broker.setUser(name, spec),
    removeUser: async (name) => broker.removeUser(name),
    async deleteQueue(vhost, name) {
      const inside = broker.vhosts.get(vhost)
      const queue = inside?.queues.get(name)
      if (queue) inside?.deleteQueue(queue)
    },
    close: () => broker.close(),
  }
}

/** One thread needs no socket to its own broker; the bytes are the same. */
function inProcess(broker: Broker): Connection {
  const [near, far] = duplexPair()
  broker.accept(far, 'in-process')
  return Object.assign(near, { peer: 'in-process' })
}
