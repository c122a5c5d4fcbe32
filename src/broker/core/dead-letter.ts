// Dead-lettering: a message that a queue gave up on goes to another exchange with its history in x-death.
// https://www.rabbitmq.com/docs/dlx
import { editContent } from '#kit/amqp/content.ts'
import { type FieldValue, type Table, Timestamp } from '#kit/amqp/table.ts'
import { Writer } from '#kit/amqp/writer.ts'
import { shownCopies } from './copies.ts'
import { Message } from './message.ts'
import type { DropReason, Queue } from './queue.ts'

type Death = Table & { queue: string; reason: string; count: number }

/** The message to publish to the queue's dead-letter exchange. */
export function deadLetter(message: Message, queue: Queue, reason: DropReason, nowMs: number): Message {
  const { deadLetterExchange = '', deadLetterRoutingKey } = queue.limits
  const old = message.properties
  const shown = shownCopies(old.headers)
  const deaths = deathsOf(old.headers)
  const before = deaths.find((death) => death.queue === queue.name && death.reason === reason)
  // Dead again in the same queue for the same reason: all but the count tells of the first time.
  const death: Death = before
    ? { ...before, count: before.count + 1 }
    : {
        count: 1,
        reason,
        queue: queue.name,
        time: new Timestamp(Math.floor(nowMs / 1000)),
        exchange: message.exchange,
        'routing-keys': [message.routingKey, ...shown],
        ...(old.expiration === undefined ? {} : { 'original-expiration': old.expiration }),
      }
  const first = old.headers ?? {}
  const headers: Table = {
    'x-death': [death, ...deaths.filter((other) => other !== before)],
    'x-first-death-exchange': first['x-first-death-exchange'] ?? message.exchange,
    'x-first-death-queue': first['x-first-death-queue'] ?? queue.name,
    'x-first-death-reason': first['x-first-death-reason'] ?? reason,
    // A key of the queue's own replaces all that the publisher named.
    ...(deadLetterRoutingKey === undefined ? {} : { CC: undefined }),
  }
  const content = editContent(message.content, { headers, expiration: undefined })
  const letter = newMessage(deadLetterExchange, deadLetterRoutingKey ?? message.routingKey, content)
  // A message that comes from disk knows its BCC keys no more.
  if (deadLetterRoutingKey === undefined) letter.copies = message.copies.length > 0 ? message.copies : shown
  return letter
}

/** Whether `message`, dead-lettered already, would come to `queue` again without anybody having rejected it since. */
export function goesInCircles(message: Message, queue: Queue): boolean {
  const deaths = deathsOf(message.properties.headers)
  const last = deaths.findIndex((death) => death.queue === queue.name)
  return last >= 0 && deaths.slice(0, last + 1).every((death) => death.reason !== 'rejected')
}

function deathsOf(headers: Table | undefined): Death[] {
  const value = headers?.['x-death']
  return Array.isArray(value) ? value.filter(isDeath) : []
}

function isDeath(value: FieldValue): value is Death {
  return (
    typeof value === 'object' &&
    value !== null &&
    'queue' in value &&
    'reason' in value &&
    typeof value.count === 'number'
  )
}

/** A message that no client published. */
function newMessage(exchange: string, routingKey: string, content: Message['content']): Message {
  const writer = new Writer(64)
  writer.shortstr(exchange)
  writer.shortstr(routingKey)
  return new Message(exchange, routingKey, writer.written(), content)
}
