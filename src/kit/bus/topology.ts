// Names and arguments of exchanges and queues, after oslo.messaging's habits so that operators recognise them.
import type { ClientChannel } from '../amqp/client/channel.ts'
import type { Session } from './link.ts'

/** oslo.messaging's rabbit_transient_queues_ttl. */
export const transientMs = 1_800_000
/** Messages that nobody fetches don't fill the disk: the oldest go. */
const keptNotifications = 10_000
const keptDead = 10_000

export const notificationExchange = 'openstack'

export function hostQueue(topic: string, host: string): string {
  return `${topic}.${host}`
}

export function fanoutExchange(topic: string): string {
  return `${topic}_fanout`
}

export function deadQueue(exchange: string): string {
  return `${exchange}.dead`
}

/** Declares something once for each connection, in the way of who sends to it. */
function once(
  session: Session,
  name: string,
  declare: (channel: ClientChannel) => Promise<void>,
): Promise<void> {
  let done = session.declared.get(name)
  if (!done) {
    done = declare(session.sender)
    session.declared.set(name, done)
  }
  return done
}

export function declareTopicExchange(session: Session, exchange: string): Promise<void> {
  return once(session, `topic ${exchange}`, (channel) => topicExchange(channel, exchange))
}

export function declareFanoutExchange(session: Session, topic: string): Promise<void> {
  return once(session, `fanout ${topic}`, (channel) => fanout(channel, topic))
}

/** Messages that no handler could take: an operator looks at them and decides. */
export function declareDeadQueue(session: Session, exchange: string): Promise<void> {
  return once(session, `dead ${exchange}`, async (channel) => {
    const arguments_ = { 'x-max-length': keptDead }
    await channel.ask('queue.declare', { queue: deadQueue(exchange), durable: true, arguments: arguments_ })
  })
}

export function declareNotificationQueue(session: Session, routingKey: string): Promise<void> {
  return once(session, `notification ${routingKey}`, async (channel) => {
    await topicExchange(channel, notificationExchange)
    const arguments_ = { 'x-max-length': keptNotifications }
    await channel.ask('queue.declare', { queue: routingKey, durable: true, arguments: arguments_ })
    await channel.ask('queue.bind', { queue: routingKey, exchange: notificationExchange, routingKey })
  })
}

/** What a server listens on: the topic, the topic on its host, and a queue of its own for fan-out. */
export async function declareServer(
  channel: ClientChannel,
  server: { exchange: string; topic: string; host: string; fanoutQueue: string },
): Promise<string[]> {
  const { exchange, topic, host, fanoutQueue } = server
  await topicExchange(channel, exchange)
  const queues = [topic, hostQueue(topic, host)]
  for (const queue of queues) {
    await channel.ask('queue.declare', { queue, durable: true })
    await channel.ask('queue.bind', { queue, exchange, routingKey: queue })
  }
  await fanout(channel, topic)
  await channel.ask('queue.declare', { queue: fanoutQueue, exclusive: true, autoDelete: true })
  await channel.ask('queue.bind', { queue: fanoutQueue, exchange: fanoutExchange(topic) })
  return [...queues, fanoutQueue]
}

async function topicExchange(channel: ClientChannel, exchange: string): Promise<void> {
  await channel.ask('exchange.declare', { exchange, type: 'topic', durable: true })
}

/** Durable, where oslo's is auto-delete: else it could vanish between a sender's look and its message. */
async function fanout(channel: ClientChannel, topic: string): Promise<void> {
  await channel.ask('exchange.declare', { exchange: fanoutExchange(topic), type: 'fanout', durable: true })
}
