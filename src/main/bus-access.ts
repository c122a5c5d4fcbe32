// Gives hosts their users on the bus and takes them away: by RabbitMQ's management API, or in the embedded broker.
import { createHash } from 'node:crypto'
import type { SpeaksFor } from '#kit/bus/asker.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import { type BusRights, hostOf, hostQueues, hostRights, hostUser } from './bus-rights.ts'
import type { CloudBroker } from './cloud-broker.ts'
import { apiPath, askManagement, type ManagementAccess } from './management-access.ts'

export type BusLogin = { user: string; password: string }
/** An agent and the hosts that it speaks for: one, or all that a process simulates. */
export type BusAgent = BusLogin & { hosts: readonly string[] }

export type BusAccess = {
  /** Idempotent: makes the user, and sets its password and rights. */
  grant(agent: BusAgent): Promise<void>
  /** A host's own user with a new password; the old one holds no longer. */
  grantHost(host: string): Promise<BusLogin>
  /** Closes its connections; its queues, and what waits in them, go too. */
  revokeHost(host: string): Promise<void>
}

const retryMs = 5_000

/** What the engine does of it. */
type Engine = {
  setUser(name: string, passwordHash: string, rights: BusRights): Promise<void>
  deleteUser(name: string): Promise<void>
  deleteQueue(name: string): Promise<void>
}

/** `controllers` are the users to whose calls hosts answer. */
function accessOf(world: World, engine: Engine, controllers: readonly string[]): BusAccess {
  const grant = ({ user, password, hosts }: BusAgent) =>
    engine.setUser(user, passwordHash(password, world.random.bytes(4)), hostRights(user, hosts, controllers))
  return {
    grant,
    async grantHost(host) {
      const login = { user: hostUser(host), password: world.random.bytes(24).toString('base64url') }
      await grant({ ...login, hosts: [host] })
      return login
    },
    async revokeHost(host) {
      await engine.deleteUser(hostUser(host))
      for (const queue of hostQueues(host)) await engine.deleteQueue(queue)
    },
  }
}

/** Of the embedded broker. */
export function embeddedBusAccess(
  world: World,
  broker: CloudBroker,
  controllers: readonly string[],
  vhost = '/',
): BusAccess {
  const engine: Engine = {
    setUser: (name, hash, { permission, topics }) =>
      broker.setUser(name, {
        passwordHash: hash,
        permissions: { [vhost]: permission },
        topicPermissions: {
          [vhost]: Object.fromEntries(topics.map(({ exchange, ...patterns }) => [exchange, patterns])),
        },
      }),
    deleteUser: (name) => broker.removeUser(name),
    deleteQueue: (name) => broker.deleteQueue(vhost, name),
  }
  return accessOf(world, engine, controllers)
}

export type ManagementPlan = ManagementAccess & {
  world: World
  vhost: string
  controllers: readonly string[]
}

/** Over RabbitMQ's management API, or ours. */
export function managementBusAccess(plan: ManagementPlan): BusAccess {
  const { world, vhost, controllers } = plan
  const ask = async (method: 'PUT' | 'DELETE', path: string, body?: object) => {
    await askManagement(plan, method, path, body)
  }
  const engine: Engine = {
    async setUser(name, hash, { permission, topics }) {
      const body = { password_hash: hash, hashing_algorithm: 'rabbit_password_hashing_sha256', tags: '' }
      await ask('PUT', apiPath('users', name), body)
      // What it may do at all comes last: never more than in the end.
      for (const topic of topics) await ask('PUT', apiPath('topic-permissions', vhost, name), topic)
      await ask('PUT', apiPath('permissions', vhost, name), permission)
    },
    deleteUser: (name) => ask('DELETE', apiPath('users', name)),
    deleteQueue: (name) => ask('DELETE', apiPath('queues', vhost, name)),
  }
  return accessOf(world, engine, controllers)
}

/** Agents that were away with the management API get in when it is back: what they were given before still holds. */
export function grantSoon(
  { world, log }: { world: World; log: Log },
  access: BusAccess,
  agents: readonly BusAgent[],
): { stop(): void } {
  const stopped = new AbortController()
  const { signal } = stopped
  const goOn = async () => {
    for (const agent of agents)
      for (;;) {
        await world.timers.sleep(retryMs, { background: true, signal })
        try {
          await access.grant(agent)
          log.info({ user: agent.user }, 'a user of the bus has its rights now')
          break
        } catch (error) {
          log.debug(
            { user: agent.user, error: fullMessage(error) },
            'a user of the bus still waits for its rights',
          )
        }
      }
  }
  goOn().catch(() => {
    // Only the signal ends it early.
  })
  return { stop: () => stopped.abort() }
}

/** RabbitMQ's form: base64 of a 4-octet salt and SHA-256 of salt and password. */
function passwordHash(password: string, salt: Buffer): string {
  const digest = createHash('sha256').update(salt).update(password).digest()
  return Buffer.concat([salt, digest]).toString('base64')
}

/** Who may be taken for which host: `controllers` for all, an agent for its own. */
export function speaker(controllers: readonly string[], agents: readonly BusAgent[]): SpeaksFor {
  const hosts = new Map(agents.map((agent) => [agent.user, new Set(agent.hosts)]))
  return (user, host) => {
    if (user === undefined) return false
    if (controllers.includes(user)) return true
    if (host === undefined) return false
    return hosts.get(user)?.has(host) ?? hostOf(user) === host
  }
}
