// The limits of a queue: its x- arguments checked as RabbitMQ checks them, and the policies that hold for it.
import { channelError, connectionError } from '#kit/amqp/error.ts'
import type { FieldValue, Table } from '#kit/amqp/table.ts'
import type { JsonValue } from './json.ts'
import { effectiveDefinition, type Policy } from './policy.ts'

export type QueueLimits = {
  messageTtlMs: number | undefined
  expiresMs: number | undefined
  maxLength: number | undefined
  maxBytes: number | undefined
  rejectPublish: boolean
  /** What is refused goes to the dead-letter exchange: overflow is reject-publish-dlx. */
  deadLetterRefused: boolean
  /** Of a quorum queue: how often a message may come back from consumers. */
  deliveryLimit: number | undefined
  deadLetterExchange: string | undefined
  deadLetterRoutingKey: string | undefined
}

/** `where` names the queue in errors. Of numbers the smaller of argument and policy holds; of texts the argument's. */
export function queueLimits(
  table: Table,
  where: string,
  policy?: Policy,
  operatorPolicy?: Policy,
): QueueLimits {
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
  const given = effectiveDefinition(policy, operatorPolicy)
  const onOverflow = overflow ?? textOf(given.overflow)
  return {
    messageTtlMs: smaller(whole('x-message-ttl', 0), given['message-ttl']),
    expiresMs: smaller(whole('x-expires', 1), given.expires),
    maxLength: smaller(whole('x-max-length', 0), given['max-length']),
    maxBytes: smaller(whole('x-max-length-bytes', 0), given['max-length-bytes']),
    rejectPublish: onOverflow?.startsWith('reject-publish') ?? false,
    deadLetterRefused: onOverflow === 'reject-publish-dlx',
    deliveryLimit: smaller(whole('x-delivery-limit', 0), given['delivery-limit']),
    deadLetterExchange: deadLetterExchange ?? textOf(given['dead-letter-exchange']),
    deadLetterRoutingKey: deadLetterRoutingKey ?? textOf(given['dead-letter-routing-key']),
  }
}

function smaller(argument: number | undefined, policy: JsonValue | undefined): number | undefined {
  if (typeof policy !== 'number') return argument
  return argument === undefined ? policy : Math.min(argument, policy)
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
