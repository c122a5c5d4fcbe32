// A second declaration must agree with the first; clients' tests match RabbitMQ's words for where it doesn't.
import { channelError } from '#kit/amqp/error.ts'
import { Decimal, type FieldValue, type Table, Timestamp } from '#kit/amqp/table.ts'

export function assertSame(what: string, name: string, received: unknown, current: unknown): void {
  if (received === current) return
  throw channelError(
    406,
    `inequivalent arg '${name}' for ${what}: received '${received}' but current is '${current}'`,
  )
}

/** The named arguments must be equal; others may differ. */
export function assertSameArguments(what: string, names: string[], received: Table, current: Table): void {
  for (const name of names) {
    const [ours, theirs] = [current[name], received[name]]
    if (ours === theirs) continue
    if (ours !== undefined && theirs !== undefined) assertSame(what, name, theirs, ours)
    const text = `received ${shown(theirs)} but current is ${shown(ours)}`
    throw channelError(406, `inequivalent arg '${name}' for ${what}: ${text}`)
  }
}

function shown(value: FieldValue): string {
  return value === undefined ? 'none' : `the value '${String(value)}' of type '${fieldTypeName(value)}'`
}

/** RabbitMQ's names of field types. */
export function fieldTypeName(value: FieldValue): string {
  if (typeof value === 'string') return 'longstr'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'bigint') return 'long'
  if (typeof value === 'number') return Number.isInteger(value) ? 'signedint' : 'double'
  if (Array.isArray(value)) return 'array'
  if (Buffer.isBuffer(value)) return 'binary'
  if (value instanceof Timestamp) return 'timestamp'
  if (value instanceof Decimal) return 'decimal'
  return value === null ? 'void' : 'table'
}
