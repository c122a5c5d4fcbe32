// The limits of a queue: by its x- arguments, and by the policies that hold for it.
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

/** Of arguments that `queueShape` has checked. Of numbers the smaller of argument and policy holds; of texts the argument's. */
export function queueLimits(table: Table, policy?: Policy, operatorPolicy?: Policy): QueueLimits {
  const given = effectiveDefinition(policy, operatorPolicy)
  const number = (name: string) => smaller(numberOf(table[`x-${name}`]), given[name])
  const text = (name: string) => textOf(table[`x-${name}`]) ?? textOf(given[name])
  const overflow = text('overflow')
  return {
    messageTtlMs: number('message-ttl'),
    expiresMs: number('expires'),
    maxLength: number('max-length'),
    maxBytes: number('max-length-bytes'),
    rejectPublish: overflow?.startsWith('reject-publish') ?? false,
    deadLetterRefused: overflow === 'reject-publish-dlx',
    deliveryLimit: number('delivery-limit'),
    deadLetterExchange: text('dead-letter-exchange'),
    deadLetterRoutingKey: text('dead-letter-routing-key'),
  }
}

function smaller(argument: number | undefined, policy: JsonValue | undefined): number | undefined {
  if (typeof policy !== 'number') return argument
  return argument === undefined ? policy : Math.min(argument, policy)
}

function numberOf(value: FieldValue): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function textOf(value: FieldValue | JsonValue): string | undefined {
  return typeof value === 'string' ? value : undefined
}
