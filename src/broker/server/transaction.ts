// A channel's transaction: publications and answers to deliveries, held until tx.commit carries them out.
import { channelError } from '#kit/amqp/error.ts'
import type { Message } from '../core/message.ts'
import type { Queue } from '../core/queue.ts'
import { type Answer, answer } from './answer.ts'
import type { Channel, Delivery } from './channel.ts'
import type { Handlers } from './handlers.ts'
import { deliver } from './publish.ts'

type Publication = { message: Message; queues: Set<Queue>; mandatory: boolean }

export class Transaction {
  readonly publications: Publication[] = []
  readonly answers: { deliveries: Delivery[]; how: Answer }[] = []

  /** Routed already: bindings that change before the commit change nothing for it. */
  publish(message: Message, queues: Set<Queue>, mandatory: boolean): void {
    message.detach()
    this.publications.push({ message, queues, mandatory })
  }

  answer(deliveries: Delivery[], how: Answer): void {
    this.answers.push({ deliveries, how })
  }

  /** They count as unacknowledged until the commit. */
  get deliveries(): Delivery[] {
    return this.answers.flatMap(({ deliveries }) => deliveries)
  }
}

export const transactionHandlers: Handlers = {
  'tx.select'(channel) {
    if (channel.confirms) throw channelError(406, 'cannot switch from confirm to tx mode')
    channel.transaction ??= new Transaction()
    channel.reply('tx.select-ok', {})
  },

  'tx.commit'(channel) {
    const { publications, answers } = current(channel)
    channel.transaction = new Transaction()
    let isWhole = true
    for (const { message, queues, mandatory } of publications)
      if (deliver(channel, message, queues, mandatory).refused) isWhole = false
    for (const { deliveries, how } of answers) answer(channel, deliveries, how)
    // A queue at its limit took its message not; the others have theirs all the same, as in RabbitMQ.
    if (!isWhole) throw channelError(406, 'partial tx completion')
    channel.replyWhenSafe('tx.commit-ok', {})
  },

  'tx.rollback'(channel) {
    const { deliveries } = current(channel)
    channel.transaction = new Transaction()
    channel.restore(deliveries)
    channel.reply('tx.rollback-ok', {})
  },
}

function current(channel: Channel): Transaction {
  if (!channel.transaction) throw channelError(406, 'channel is not transactional')
  return channel.transaction
}
