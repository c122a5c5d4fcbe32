// The x- arguments of a queue that this broker acts on, checked as RabbitMQ checks them.
import { channelError, connectionError } from '#kit/amqp/error.ts'
import type { FieldValue, Table } from '#kit/amqp/table.ts'

export type QueueLimits = {
  messageTtlMs: number | undefined
  expiresMs: number | undefined
  maxLength: number | undefined
  maxBytes: number | undefined
  rejectPublish: boolean
  deadLetterExchange: string | undefined
  deadLetterRoutingKey: string | undefined
}

export function queueLimits(table: Table, where: string): QueueLimits {
  const invalid = (name: string, value: FieldValue) =>
    channelError(406, `invalid arg '${name}' for ${where}: ${JSON.stringify(value)}`)
  const whole = (name: string, least: number) => {
    const value = table[name]
    if (value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least) throw invalid(name, value)
    return value
  }
  const text = (name: string) => {
    const value = table[name]
    if (value !== undefined && typeof value !== 'string') throw invalid(name, value)
    return value
  }
  const overflow = text('x-overflow')
  if (overflow !== undefined && !['drop-head', 'reject-publish', 'reject-publish-dlx'].includes(overflow))
    throw invalid('x-overflow', overflow)
  const queueType = text('x-queue-type')
  // Streams are another protocol's storage; a client that asks for one must learn that it has none.
  if (queueType === 'stream') throw connectionError(540, 'queues of type stream are not implemented')
  if (queueType !== undefined && !['classic', 'quorum'].includes(queueType))
    throw invalid('x-queue-type', queueType)
  const deadLetterExchange = text('x-dead-letter-exchange')
  const deadLetterRoutingKey = text('x-dead-letter-routing-key')
  if (deadLetterRoutingKey !== undefined && deadLetterExchange === undefined)
    throw channelError(
      406,
      `invalid arg 'x-dead-letter-routing-key' for ${where}: routing_key_but_no_dlx_defined`,
    )
  return {
    messageTtlMs: whole('x-message-ttl', 0),
    expiresMs: whole('x-expires', 1),
    maxLength: whole('x-max-length', 0),
    maxBytes: whole('x-max-length-bytes', 0),
    rejectPublish: overflow?.startsWith('reject-publish') ?? false,
    deadLetterExchange,
    deadLetterRoutingKey,
  }
}
