// Names and arguments of exchanges and queues, after oslo.messaging's habits so that operators recognise them.
// Controllers declare what is shared. A host has rights to its own queues alone: it looks, and waits for a controller.
// What hosts may write to and what their queues are bound to are different exchanges: a header CC, which RabbitMQ routes by
// without a look at rights, leads from the first kind to controllers alone.
import type { ClientChannel } from '../amqp/client/channel.ts'
import { AmqpError } from '../amqp/error.ts'
import type { Contract } from './contract.ts'
import type { Session } from './link.ts'

/** oslo.messaging's rabbit_transient_queues_ttl. */
const transientMs = 1_800_000
/** Messages that nobody fetches don't fill the disk: the oldest go. */
const keptNotifications = 10_000
const keptDead = 10_000
/** Between a host's looks for an exchange. */
const lookAgainMs = 500

export const notificationExchange = 'openstack'
/** Answers to controllers and to hosts. Not the default exchange: who may write to that may write to every queue. */
export const replyExchanges = { controller: 'reply', host: 'reply_host' } as const

/** Where the contract's servers are bound. */
export function exchangeOf({ exchange, servedBy }: Pick<Contract, 'exchange' | 'servedBy'>): string {
  return servedBy === 'host' ? `${exchange}_host` : exchange
}

export function hostQueue(topic: string, host: string): string {
  return `${topic}.${host}`
}

export function fanoutExchange(topic: string): string {
  return `${topic}_fanout`
}

/** Begins with the host, so that its rights can name it. */
function fanoutQueue(topic: string, host: string, id: string): string {
  return `${topic}_fanout_${host}_${id}`
}

/** Begins with the user who alone may read it, and for whom alone a server answers to it. */
export function replyQueue(user: string, id: string): string {
  return `${replyQueuePrefix(user)}${id}`
}

export function replyQueuePrefix(user: string): string {
  return `reply_${user}_`
}

/** Also its routing key on the exchange. */
export function deadQueue(exchange: string): string {
  return `${exchange}.dead`
}

/** Once for each connection. */
function once(session: Session, name: string, work: () => Promise<void>): Promise<void> {
  let done = session.declared.get(name)
  if (!done) {
    done = work()
    session.declared.set(name, done)
  }
  return done
}

type ExchangeType = 'topic' | 'fanout'

function needExchange(session: Session, exchange: string, type: ExchangeType): Promise<void> {
  return once(session, `exchange ${exchange}`, async () => {
    if (!session.limited) await session.sender.ask('exchange.declare', { exchange, type, durable: true })
    else await awaitExchange(session, exchange, type)
  })
}

/** Until a controller has declared it. */
async function awaitExchange(session: Session, exchange: string, type: ExchangeType): Promise<void> {
  for (let missed = false; ; missed = true) {
    // A passive question that fails closes its channel.
    const channel = await session.connection.openChannel()
    try {
      await channel.ask('exchange.declare', { exchange, type, passive: true })
      await channel.close()
      return
    } catch (error) {
      if (!(error instanceof AmqpError) || error.code !== 404) throw error
      if (!missed)
        session.log.info({ exchange }, 'waiting for a controller to declare an exchange of the bus')
    }
    await session.world.timers.sleep(lookAgainMs)
  }
}

export function needTopicExchange(session: Session, exchange: string): Promise<void> {
  return needExchange(session, exchange, 'topic')
}

/** Durable, where oslo's is auto-delete: else it could vanish between a sender's look and its message. */
export function needFanoutExchange(session: Session, topic: string): Promise<void> {
  return needExchange(session, fanoutExchange(topic), 'fanout')
}

/** Messages that no handler could take: an operator looks at them and decides. Hosts find it there. */
export async function needDeadQueue(session: Session, exchange: string): Promise<void> {
  await needTopicExchange(session, exchange)
  if (session.limited) return
  await once(session, `dead ${exchange}`, async () => {
    const queue = deadQueue(exchange)
    await declareDurable(session, session.sender, queue, { 'x-max-length': keptDead })
    await session.sender.ask('queue.bind', { queue, exchange, routingKey: queue })
  })
}

export function needNotificationQueue(session: Session, routingKey: string): Promise<void> {
  return once(session, `notification ${routingKey}`, async () => {
    await needTopicExchange(session, notificationExchange)
    await declareDurable(session, session.sender, routingKey, { 'x-max-length': keptNotifications })
    await session.sender.ask('queue.bind', { queue: routingKey, exchange: notificationExchange, routingKey })
  })
}

/** What servers and senders of the contract need before they begin. Controllers' topics take messages from then on. */
export async function needContract(session: Session, contract: Contract): Promise<void> {
  const { topic, servedBy } = contract
  await needTopicExchange(session, exchangeOf(contract))
  await needFanoutExchange(session, topic)
  await needDeadQueue(session, contract.exchange)
  if (servedBy === 'host' || session.limited) return
  await once(session, `topic ${topic}`, () => declareBound(session, session.sender, contract, topic))
}

async function declareBound(
  session: Session,
  channel: ClientChannel,
  contract: Contract,
  queue: string,
): Promise<void> {
  await declareDurable(session, channel, queue)
  await channel.ask('queue.bind', { queue, exchange: exchangeOf(contract), routingKey: queue })
}

/** What a server listens on; the topic's own queue where controllers share it. */
export async function declareServer(
  session: Session,
  channel: ClientChannel,
  server: { contract: Contract; host: string; id: string },
): Promise<string[]> {
  const { contract, host, id } = server
  const { topic, servedBy } = contract
  await needContract(session, contract)
  const named = hostQueue(topic, host)
  await declareBound(session, channel, contract, named)
  const own = fanoutQueue(topic, host, id)
  await declareTransient(channel, own)
  await channel.ask('queue.bind', { queue: own, exchange: fanoutExchange(topic) })
  return servedBy === 'controller' ? [topic, named, own] : [named, own]
}

export async function declareReplyQueue(
  session: Session,
  channel: ClientChannel,
  queue: string,
): Promise<void> {
  const exchange = replyExchanges[session.limited ? 'host' : 'controller']
  await needTopicExchange(session, exchange)
  // Hosts wait for theirs.
  if (!session.limited) await needTopicExchange(session, replyExchanges.host)
  await declareTransient(channel, queue)
  await channel.ask('queue.bind', { queue, exchange, routingKey: queue })
}

/** Outlives its broker; on a cluster, where it is a quorum queue, also the node that leads it. */
async function declareDurable(
  { durableQueueType }: Session,
  channel: ClientChannel,
  queue: string,
  more: Record<string, number> = {},
): Promise<void> {
  const type = durableQueueType === 'quorum' ? { 'x-queue-type': 'quorum' } : {}
  await channel.ask('queue.declare', { queue, durable: true, arguments: { ...type, ...more } })
}

/** Gone with its connection, or, where nobody noticed its end, after a while. */
async function declareTransient(channel: ClientChannel, queue: string): Promise<void> {
  await channel.ask('queue.declare', {
    queue,
    exclusive: true,
    autoDelete: true,
    arguments: { 'x-expires': transientMs },
  })
}
