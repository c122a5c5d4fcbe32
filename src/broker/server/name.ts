// Which names of queues and exchanges a client may use, and who may act on them.
import { channelError } from '#kit/amqp/error.ts'
import type { Exchange } from '../core/exchange.ts'
import type { Queue } from '../core/queue.ts'
import type { Channel } from './channel.ts'
import { authorize, type Right } from './user.ts'

export function allow(channel: Channel, right: Right, kind: 'queue' | 'exchange', name: string): void {
  authorize(channel.host.user, channel.host.vhost.name, right, kind, name)
}

/** An empty name is the queue that the channel declared last. */
export function queueName(channel: Channel, name: string): string {
  if (name !== '') return name
  if (channel.lastQueue === '') throw channelError(404, `no previously declared queue`)
  return channel.lastQueue
}

/** The queue, if the user has the right to it. */
export function queueFor(channel: Channel, right: Right, name: string): Queue {
  const actual = queueName(channel, name)
  allow(channel, right, 'queue', actual)
  return channel.host.vhost.queue(actual, channel.host.session)
}

/** The exchange, if the user has the right to it and it isn't the default one. */
export function exchangeFor(channel: Channel, right: Right, name: string): Exchange {
  refuseDefault(name)
  allow(channel, right, 'exchange', name)
  return channel.host.vhost.exchange(name)
}

export function refuseDefault(exchange: string): void {
  if (exchange === '') throw channelError(403, 'operation not permitted on the default exchange')
}

export function refuseReserved(kind: 'queue' | 'exchange', name: string): void {
  if (name.startsWith('amq.'))
    throw channelError(403, `${kind} name '${name}' contains reserved prefix 'amq.*'`)
}
