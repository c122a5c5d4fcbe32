// What a client may answer to a delivery: basic.ack, basic.reject, basic.nack, basic.recover.
import { channelError, connectionError } from '#kit/amqp/error.ts'
import type { Queue } from '../core/queue.ts'
import type { Channel, Delivery } from './channel.ts'
import type { Handlers } from './handlers.ts'

export type Answer = 'ack' | 'requeue' | 'reject'

export const answerHandlers: Handlers = {
  'basic.ack': (channel, { deliveryTag, multiple }) => take(channel, deliveryTag, multiple, 'ack'),
  'basic.reject': (channel, { deliveryTag, requeue }) =>
    take(channel, deliveryTag, false, requeue ? 'requeue' : 'reject'),
  'basic.nack': (channel, { deliveryTag, multiple, requeue }) =>
    take(channel, deliveryTag, multiple, requeue ? 'requeue' : 'reject'),

  'basic.recover'(channel, { requeue }) {
    recover(channel, requeue)
    channel.reply('basic.recover-ok', {})
  },
  'basic.recover-async': (channel, { requeue }) => recover(channel, requeue),
}

function take(channel: Channel, tag: number, multiple: boolean, how: Answer): void {
  const single = multiple ? undefined : channel.unacked.get(tag)
  if (single && !channel.transaction) {
    channel.unacked.delete(tag)
    answerOne(channel, single, how)
    return
  }
  const deliveries = takeDeliveries(channel, tag, multiple)
  if (channel.transaction) channel.transaction.answer(deliveries, how)
  else answer(channel, deliveries, how)
}

/** The usual case, without a list of one. */
function answerOne(channel: Channel, delivery: Delivery, how: Answer): void {
  const { queue, entry, consumer } = delivery
  if (consumer) consumer.unacked--
  if (how === 'requeue') queue.requeue([entry])
  else if (how === 'ack') {
    channel.counts.ack++
    queue.settle(entry)
  } else queue.reject(entry)
  if (channel.globalPrefetch === 0) queue.dispatch()
  else channel.resume()
}

/** Carries out what a client said of deliveries that it no longer holds. */
export function answer(channel: Channel, deliveries: Delivery[], how: Answer): void {
  for (const { consumer } of deliveries) if (consumer) consumer.unacked--
  if (how === 'requeue') channel.requeue(deliveries)
  else
    for (const { queue, entry } of deliveries)
      if (how === 'ack') queue.settle(entry)
      else queue.reject(entry)
  if (how === 'ack') channel.counts.ack += deliveries.length
  channel.resume(new Set<Queue>(deliveries.map(({ queue }) => queue)))
}

/** Takes the deliveries that an answer names; 0 with `multiple` is all. Throws 406 for a tag that waits for no answer. */
function takeDeliveries({ unacked }: Channel, tag: number, multiple: boolean): Delivery[] {
  const last = unacked.get(tag)
  if (!last && !(multiple && tag === 0)) throw channelError(406, `unknown delivery tag ${tag}`)
  if (last && !multiple) {
    unacked.delete(tag)
    return [last]
  }
  const taken: Delivery[] = []
  for (const [each, delivery] of unacked) {
    if (tag !== 0 && each > tag) break
    unacked.delete(each)
    taken.push(delivery)
  }
  return taken
}

function recover(channel: Channel, requeue: boolean): void {
  if (!requeue) throw connectionError(540, 'requeue=false')
  const deliveries = [...channel.unacked.values()]
  channel.unacked.clear()
  answer(channel, deliveries, 'requeue')
}
