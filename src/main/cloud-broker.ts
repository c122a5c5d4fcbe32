// The embedded broker as the controller sees it, wherever it runs: in a thread of its own (broker-thread.ts), so that a busy
// bus and the APIs don't slow each other, or in this one (broker-here.ts) for tests on virtual time.
import type { UserSpec } from '#broker/admin/user.ts'
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
  /** The management API is served with its page. */
  protocol: 'amqp' | 'management'
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
