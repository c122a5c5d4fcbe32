// Takes from a RabbitMQ what a cloud made there: the users of its hosts, its queues and exchanges. The virtual host and the users
// that the operator made stay, and so does everything of names that aren't the cloud's.
import { contracts } from '#contracts/all.ts'
import {
  deadQueue,
  exchangeOf,
  fanoutExchange,
  notificationExchange,
  replyExchanges,
} from '#kit/bus/topology.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { hostOf } from './bus-rights.ts'
import { apiPath, askManagement, type ManagementAccess } from './management-access.ts'

export type Cleared = { users: string[]; queues: string[]; exchanges: string[] }

type Permission = { user: string; vhost: string }
type Queue = { name: string; exclusive: boolean }

/** Connections of users who are gone end within a moment. */
const endingMs = 5_000
const lookAgainMs = 500

/**
 * Of a cloud that is down. Throws 'conflict' where somebody listens on its queues all the same: nothing is taken from under
 * another controller that still runs, and from what only looked like a host the users are gone and the queues left.
 */
export async function clearBus(world: World, management: ManagementAccess, vhost: string): Promise<Cleared> {
  const get = async <T>(...path: string[]) => (await askManagement(management, 'GET', apiPath(...path))) as T
  const remove = (...path: string[]) => askManagement(management, 'DELETE', apiPath(...path))

  /** The cloud's queues, once nobody has one of those `held` to itself. */
  const freedQueues = async (held: (name: string) => boolean): Promise<Queue[]> => {
    const until = world.clock.monotonic() + endingMs
    for (;;) {
      const queues = (await get<Queue[]>('queues', vhost)).filter(({ name }) => isCloudQueue(name))
      // Each process that is connected has some of its own; counts of consumers are seconds old.
      const used = queues.find(({ name, exclusive }) => exclusive && held(name))
      if (!used) return queues
      if (world.clock.monotonic() >= until)
        throw new CloudError(
          'conflict',
          `Somebody still listens on queue ${used.name} of virtual host ${vhost}: its queues and exchanges stay`,
        )
      await world.timers.sleep(lookAgainMs)
    }
  }

  await freedQueues(isControllerQueue)
  const permissions = await get<Permission[]>('vhosts', vhost, 'permissions')
  const users = permissions.map(({ user }) => user).filter((user) => hostOf(user) !== undefined)
  for (const user of users) {
    const everywhere = await get<Permission[]>('users', user, 'permissions')
    // Its connections end with it. Of a host by this name in another cloud only what it may do here goes.
    if (everywhere.every((each) => each.vhost === vhost)) await remove('users', user)
    else {
      await remove('topic-permissions', vhost, user)
      await remove('permissions', vhost, user)
    }
  }
  const queues = await freedQueues(() => true)
  for (const { name } of queues) await remove('queues', vhost, name)
  const exchanges = (await get<{ name: string }[]>('exchanges', vhost))
    .map(({ name }) => name)
    .filter((name) => cloudExchanges.has(name))
  for (const name of exchanges) await remove('exchanges', vhost, name)
  return { users, queues: queues.map(({ name }) => name), exchanges }
}

const cloudExchanges = new Set([
  notificationExchange,
  ...Object.values(replyExchanges),
  ...contracts.flatMap((each) => [each.exchange, exchangeOf(each), fanoutExchange(each.topic)]),
])
const fixedQueues = new Set([
  'notifications.info',
  'notifications.error',
  ...contracts.flatMap(({ topic, exchange }) => [topic, deadQueue(exchange)]),
])
const topics = contracts.map(({ topic }) => topic)
const controllerTopics = contracts.filter((each) => each.servedBy === 'controller').map(({ topic }) => topic)

/** As kit/bus/topology.ts names them. */
function isCloudQueue(name: string): boolean {
  return (
    fixedQueues.has(name) ||
    topics.some((topic) => name.startsWith(`${topic}.`)) ||
    (isPassing(name) && (name.startsWith('reply_') || isFanout(name, topics)))
  )
}

/** One that a controller has for as long as it is connected; which reply queue is whose doesn't show. */
function isControllerQueue(name: string): boolean {
  return isPassing(name) && isFanout(name, controllerTopics)
}

const isPassing = (name: string) => /_[0-9a-f]{32}$/.test(name)
const isFanout = (name: string, of: readonly string[]) =>
  of.some((topic) => name.startsWith(`${topic}_fanout_`))
