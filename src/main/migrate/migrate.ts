// Moves what a broker holds to another one: definitions first, then message after message. May be cut off at any point
// and run again: definitions are set again, and what was carried and acknowledged isn't carried twice.
import { type Api, at } from '#cli/mq/api.ts'
import { type ClientConnection, connectAmqp } from '#kit/amqp/client/connection.ts'
import { asError } from '#kit/errors/cloud-error.ts'
import type { Connection, World } from '#kit/world/world.ts'
import { type Drained, drainQueue } from './drain.ts'
import {
  type Definitions,
  type OperatorPolicy,
  ownPrefix,
  type Plan,
  planMigration,
  type SourceQueue,
} from './plan.ts'

/** One of the two brokers: its management API as an administrator, and a way to its AMQP port. */
export type End = { api: Api; connect: () => Promise<Connection> }

export type Migration = { world: World; source: End; target: End; info(line: string): void }

export type DrainedQueue = Drained & { vhost: string; name: string }

export async function readPlan(
  { source, target }: Pick<Migration, 'source' | 'target'>,
  asQuorum: boolean,
): Promise<Plan> {
  const queues = await source.api.get<SourceQueue[]>('queues', {
    columns: 'name,vhost,durable,exclusive,consumers,messages',
  })
  return planMigration(await readSide(source.api), queues, await readSide(target.api), {
    entering: target.api.login.user,
    asQuorum,
  })
}

async function readSide(api: Api) {
  return {
    definitions: await api.get<Definitions>('definitions'),
    operatorPolicies: await api.get<OperatorPolicy[]>('operator-policies'),
  }
}

/** The caller has looked at the plan's conflicts. */
export async function migrate(migration: Migration, plan: Plan): Promise<DrainedQueue[]> {
  const { source, target, info } = migration
  await target.api.post('definitions', plan.definitions)
  for (const { vhost, name, ...policy } of plan.operatorPolicies)
    await target.api.put(at`operator-policies/${vhost}/${name}`, policy)
  info('The definitions are there. Carrying messages ...')
  const password = migration.world.random.bytes(24).toString('base64url')
  const vhosts = [...new Set(plan.queues.map(({ vhost }) => vhost))]
  try {
    for (const end of [source, target]) await openCarrier(end.api, password, vhosts)
    const drained: DrainedQueue[] = []
    for (const vhost of vhosts) drained.push(...(await drainVhost(migration, plan, vhost, password)))
    return drained
  } finally {
    for (const { api } of [source, target])
      await api.remove(at`users/${ownPrefix}`).catch((error: unknown) => {
        info(`The user '${ownPrefix}' is left behind at ${api.login.url}: ${asError(error).message}`)
      })
  }
}

/**
 * A user for the time of the move alone: it may read and write all that is moved, and hand on messages in the name of those
 * who wrote them (user-id).
 */
async function openCarrier(api: Api, password: string, vhosts: readonly string[]): Promise<void> {
  await api.put(at`users/${ownPrefix}`, { password, tags: 'impersonator' })
  for (const vhost of vhosts) {
    await api.put(at`permissions/${vhost}/${ownPrefix}`, { configure: '.*', write: '.*', read: '.*' })
    // Left behind by a move that was cut off.
    for (const { name } of await api.get<{ name: string }[]>(at`exchanges/${vhost}`, { columns: 'name' }))
      if (name.startsWith(`${ownPrefix}.`)) await api.remove(at`exchanges/${vhost}/${name}`)
  }
}

async function drainVhost(
  migration: Migration,
  plan: Plan,
  vhost: string,
  password: string,
): Promise<DrainedQueue[]> {
  const { world, source, target, info } = migration
  const from = await enter(world, source, vhost, password)
  const to = await enter(world, target, vhost, password)
  to.onBlocked = (reason) =>
    info(
      reason === undefined
        ? 'The target takes messages again.'
        : `The target takes no messages for now: ${reason}`,
    )
  try {
    const drained: DrainedQueue[] = []
    for (const { name } of plan.queues.filter((each) => each.vhost === vhost)) {
      const result = await drainOne(world, { source, from, to }, vhost, name)
      if (result.carried > 0 || result.left > 0 || result.problem) drained.push({ vhost, name, ...result })
      if (result.carried > 0) info(`  ${vhost} ${name}: ${result.carried}`)
    }
    return drained
  } finally {
    await from.close()
    await to.close()
  }
}

/** Channels of its own: what goes wrong with one queue ends them, and the next queue goes on. */
async function drainOne(
  world: World,
  ends: { source: End; from: ClientConnection; to: ClientConnection },
  vhost: string,
  queue: string,
): Promise<Drained> {
  const source = await ends.from.openChannel()
  const target = await ends.to.openChannel()
  try {
    await target.confirmPublishing()
    const found = await ends.source.api.find<{ message_bytes?: number }>(at`queues/${vhost}/${queue}`)
    return await drainQueue({ world, source, target, queue, bytes: found?.message_bytes })
  } catch (error) {
    if (ends.from.over || ends.to.over) throw error
    return { carried: 0, redelivered: 0, left: 0, problem: asError(error) }
  } finally {
    await source.close()
    await target.close()
  }
}

async function enter(world: World, end: End, vhost: string, password: string): Promise<ClientConnection> {
  const stream = await end.connect()
  return connectAmqp({ world, stream, user: ownPrefix, password, vhost, name: ownPrefix })
}
