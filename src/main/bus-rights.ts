// What a host's user may do on the bus, as RabbitMQ's permissions: read and declare the host's own queues, ask the services,
// answer the controllers, and nothing else. Pure; bus-access.ts grants it.
import { contracts } from '#contracts/all.ts'
import type { Contract } from '#kit/bus/contract.ts'
import { deadQueue, exchangeOf, fanoutExchange, replyExchanges } from '#kit/bus/topology.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'

/** Regular expressions, each for the whole name. */
export type Permission = { configure: string; write: string; read: string }
/** Of one topic exchange: routing keys to publish with, binding keys to bind with. */
export type TopicPermission = { exchange: string; write: string; read: string }
export type BusRights = { permission: Permission; topics: TopicPermission[] }

/** kit/world's hexId. */
const id = '[0-9a-f]{32}'

const served = contracts.filter((each) => each.servedBy === 'host')
/** Services that hosts ask: those that have a method with an asking host. */
const asked = contracts.filter(
  (each) =>
    each.servedBy === 'controller' &&
    Object.values(each.methods).some(({ params }) => Object.hasOwn(params.properties ?? {}, 'host')),
)

/** A host's agent as a user of the bus. */
export function hostUser(host: string): string {
  return `agent@${host}`
}

/** The host that the user is, where it is one. */
export function hostOf(user: string): string | undefined {
  return user.startsWith('agent@') ? user.slice('agent@'.length) : undefined
}

/** Durable queues that wait for the host, also while it is away. */
export function hostQueues(host: string): string[] {
  return served.map(({ topic }) => `${topic}.${host}`)
}

/** Throws 'badRequest' for what is no host name: it stands in patterns and routing keys. */
function checkHostName(host: string): void {
  if (!/^[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?$/.test(host))
    throw new CloudError('badRequest', `'${host}' is no host name: letters, digits, dots and dashes make one`)
}

/**
 * Rights of `user`, which is the agent of `hosts`: of one real host, or of all hosts that one process simulates.
 * `controllers` are the users to whose calls it answers.
 */
export function hostRights(
  user: string,
  hosts: readonly string[],
  controllers: readonly string[],
): BusRights {
  for (const host of hosts) checkHostName(host)
  const host = oneOf(hosts)
  const topics = oneOf(served.map(({ topic }) => topic))
  const own = [`${topics}\\.${host}`, `${topics}_fanout_${host}_${id}`, `reply_${literal(user)}_${id}`]
  // To controllers; no queue of a host is bound to these.
  const written = [...new Set(contracts.map(({ exchange }) => exchange))]
  const bound = [...new Set(served.map(exchangeOf))]
  const { controller, host: toHost } = replyExchanges
  return {
    permission: {
      configure: whole(own),
      write: whole([...own, ...written.map(literal), controller]),
      read: whole([
        ...own,
        ...bound.map(literal),
        ...served.map((each) => literal(fanoutExchange(each.topic))),
        toHost,
      ]),
    },
    topics: [
      ...written.map((exchange) => ({
        exchange,
        write: whole([...topicsOn(asked, exchange).map(literal), literal(deadQueue(exchange))]),
        read: nothing,
      })),
      ...bound.map((exchange) => ({
        exchange,
        write: nothing,
        read: whole([`${oneOf(topicsOn(served, exchange))}\\.${host}`]),
      })),
      { exchange: controller, write: whole([`reply_${oneOf(controllers)}_${id}`]), read: nothing },
      { exchange: toHost, write: nothing, read: whole([`reply_${literal(user)}_${id}`]) },
    ],
  }
}

function topicsOn(some: readonly Contract[], exchange: string): string[] {
  return some.filter((each) => exchangeOf(each) === exchange).map(({ topic }) => topic)
}

/** An empty pattern would allow the empty key. */
const nothing = '(?!)'

function whole(alternatives: readonly string[]): string {
  return `^(${alternatives.join('|')})$`
}

function oneOf(names: readonly string[]): string {
  const escaped = names.map(literal)
  return escaped.length === 1 ? escaped[0]! : `(${escaped.join('|')})`
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
