// Which names of queues and exchanges a client may use, and who may act on them.
// Which right each method asks for is RabbitMQ's table: https://www.rabbitmq.com/docs/access-control#authorisation
import { channelError } from '#kit/amqp/error.ts'
import type { Exchange } from '../core/exchange.ts'
import type { Queue } from '../core/queue.ts'
import type { Channel } from './channel.ts'
import { authorize, authorizeTopic, type Right } from './user.ts'

export function allow(channel: Channel, right: Right, kind: 'queue' | 'exchange', name: string): void {
  authorize(channel.host.user, channel.host.vhost.name, right, kind, name)
}

/** An empty name is the queue that the channel declared last. */
export function queueName(channel: Channel, name: string): string {
  if (name !== '') return cleaned(name)
  if (channel.lastQueue === '') throw channelError(404, `no previously declared queue`)
  return channel.lastQueue
}

/** The queue, if the user has the right to it. */
export function queueFor(channel: Channel, right: Right, name: string): Queue {
  const actual = queueName(channel, name)
  allow(channel, right, 'queue', actual)
  return channel.host.vhost.queue(actual, channel.host.session)
}

export type BindingEnds = { source: Exchange; destination: Exchange | Queue }

/**
 * Both ends of a binding: writing to the destination and reading from the source must be allowed.
 * Undefined where one end isn't there and `isRemoval`: there is nothing to remove. Throws 403, 404, 405.
 */
export function bindingEnds(
  channel: Channel,
  kind: 'queue' | 'exchange',
  names: { source: string; destination: string; routingKey: string },
  isRemoval: boolean,
): BindingEnds | undefined {
  const { vhost, user, session } = channel.host
  const name = kind === 'queue' ? queueName(channel, names.destination) : cleaned(names.destination)
  const from = cleaned(names.source)
  allow(channel, 'write', kind, name)
  if (kind === 'exchange') refuseDefault(name)
  refuseDefault(from)
  allow(channel, 'read', 'exchange', from)
  const source = vhost.exchanges.get(from)
  if (source?.spec.type === 'topic') authorizeTopic(user, vhost.name, 'read', from, names.routingKey)
  const destination = (kind === 'queue' ? vhost.queues : vhost.exchanges).get(name)
  if (source && destination) {
    if (destination.kind === 'queue') vhost.queue(name, session)
    return { source, destination }
  }
  if (isRemoval) return undefined
  throw channelError(404, `no ${source ? vhost.where(kind, name) : vhost.where('exchange', from)}`)
}

/** Carriage returns and line feeds in names are left out, as RabbitMQ does. */
export function cleaned(name: string): string {
  return /[\r\n]/.test(name) ? name.replace(/[\r\n]/g, '') : name
}

export function refuseDefault(exchange: string): void {
  if (exchange === '') throw channelError(403, 'operation not permitted on the default exchange')
}

export function refuseReserved(kind: 'queue' | 'exchange', name: string): void {
  if (name.startsWith('amq.'))
    throw channelError(403, `${kind} name '${name}' contains reserved prefix 'amq.*'`)
}
