// What a queue is for all its life, by its arguments: how many priorities, who may consume, what kind it is. Arguments
// are refused as RabbitMQ 3.10 refuses them, in its words; it knows each for a kind of queue, and lets unknown ones be.
import { type AmqpError, channelError, connectionError } from '#kit/amqp/error.ts'
import type { FieldValue, Table } from '#kit/amqp/table.ts'
import { fieldTypeName } from './equivalence.ts'
import { longestExpirationMs } from './message.ts'
import type { QueueSpec } from './queue.ts'

export type QueueShape = {
  /** 0 is none. */
  maxPriority: number
  singleActiveConsumer: boolean
  quorum: boolean
}

type Check = (value: FieldValue) => string | undefined

const whole =
  (least: number, most = Infinity): Check =>
  (value) => {
    if (typeof value !== 'number' || !Number.isInteger(value))
      return `"expected integer, got ${fieldTypeName(value)}"`
    if (value < 0) return `{value_negative,${value}}`
    if (value < least) return `{value_zero,${value}}`
    return value > most ? `{max_value_exceeded,${value}}` : undefined
  }
/** In milliseconds. */
const time =
  (least: number): Check =>
  (value) =>
    whole(least)(value) ?? (Number(value) > longestExpirationMs ? `{value_too_large,${value}}` : undefined)
const text: Check = (value) => (typeof value === 'string' ? undefined : unacceptable(value))
const yesOrNo: Check = (value) => (typeof value === 'boolean' ? undefined : unacceptable(value))
const oneOf =
  (values: string[], otherwise: (value: FieldValue) => string): Check =>
  (value) =>
    typeof value === 'string' && values.includes(value) ? undefined : otherwise(value)
const anything: Check = () => undefined

/** By name: for which kinds it is, and what its value may be. */
const known: Record<string, { kinds: string; check: Check }> = {
  'x-queue-type': {
    kinds: 'classic quorum',
    check: oneOf(['classic', 'quorum'], (value) => `"unsupported queue type '${String(value)}'"`),
  },
  'x-message-ttl': { kinds: 'classic quorum', check: time(0) },
  'x-expires': { kinds: 'classic quorum', check: time(1) },
  'x-max-length': { kinds: 'classic quorum', check: whole(0) },
  'x-max-length-bytes': { kinds: 'classic quorum', check: whole(0) },
  'x-overflow': {
    kinds: 'classic quorum',
    check: oneOf(['drop-head', 'reject-publish', 'reject-publish-dlx'], () => 'invalid_overflow'),
  },
  'x-dead-letter-routing-key': { kinds: 'classic quorum', check: text },
  'x-single-active-consumer': { kinds: 'classic quorum', check: yesOrNo },
  'x-max-priority': { kinds: 'classic', check: whole(0, 255) },
  'x-queue-mode': {
    kinds: 'classic',
    check: oneOf(['default', 'lazy'], (value) => `"unsupported queue mode '${String(value)}'"`),
  },
  'x-queue-version': { kinds: 'classic', check: whole(0) },
  'x-queue-master-locator': { kinds: 'classic', check: text },
  'x-delivery-limit': { kinds: 'quorum', check: whole(0) },
  'x-max-in-memory-length': { kinds: 'quorum', check: whole(0) },
  'x-max-in-memory-bytes': { kinds: 'quorum', check: whole(0) },
  'x-quorum-initial-group-size': { kinds: 'quorum', check: whole(1) },
  'x-queue-leader-locator': { kinds: 'quorum', check: text },
  'x-dead-letter-strategy': { kinds: 'quorum', check: text },
  // Of streams alone.
  'x-initial-cluster-size': { kinds: '', check: anything },
  'x-max-age': { kinds: '', check: anything },
  'x-stream-max-segment-size-bytes': { kinds: '', check: anything },
}

/** Throws where the queue can't be; `where` names it in errors, and `node` the broker. */
export function queueShape(spec: QueueSpec, where: string, node: string): QueueShape {
  const table = spec.arguments
  // Streams are another protocol's storage. So says a RabbitMQ that has them not.
  if (table['x-queue-type'] === 'stream')
    throw connectionError(
      541,
      `Cannot declare a queue '${where}' of type 'rabbit_stream_queue' on node '${node}': ` +
        'the corresponding feature flag is disabled',
    )
  checkDeadLetterExchange(table, where)
  for (const [name, value] of Object.entries(table)) {
    const problem = known[name]?.check(value)
    if (problem !== undefined) throw invalid('arg', name, `${where}: ${problem}`)
  }
  const quorum = table['x-queue-type'] === 'quorum'
  const kind = quorum ? 'quorum' : 'classic'
  for (const name of Object.keys(table))
    if (known[name]?.kinds.includes(kind) === false)
      throw invalid('arg', name, `${where} of queue type rabbit_${kind}_queue`)
  if (quorum) checkQuorum(spec, where)
  return {
    maxPriority: Number(table['x-max-priority'] ?? 0),
    singleActiveConsumer: table['x-single-active-consumer'] === true,
    quorum,
  }
}

/** A quorum queue is one that lasts. */
function checkQuorum({ durable, exclusive, autoDelete }: QueueSpec, where: string): void {
  if (autoDelete) throw invalid('property', 'auto-delete', where)
  if (exclusive) throw invalid('property', 'exclusive-owner', where)
  if (!durable) throw invalid('property', 'non-durable', where)
}

function checkDeadLetterExchange(table: Table, where: string): void {
  const exchange = table['x-dead-letter-exchange']
  if (exchange !== undefined && typeof exchange !== 'string')
    throw channelError(
      406,
      `invalid type '${fieldTypeName(exchange)}' for arg 'x-dead-letter-exchange' in ${where}`,
    )
  if (exchange === undefined && table['x-dead-letter-routing-key'] !== undefined)
    throw invalid('arg', 'x-dead-letter-routing-key', `${where}: routing_key_but_no_dlx_defined`)
}

function invalid(what: 'arg' | 'property', name: string, rest: string): AmqpError {
  return channelError(406, `invalid ${what} '${name}' for ${rest}`)
}

function unacceptable(value: FieldValue): string {
  return `{unacceptable_type,${fieldTypeName(value)}}`
}
