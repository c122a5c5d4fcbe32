// Arguments and headers: between AMQP's tables and JSON, as RabbitMQ's definitions and management API show them.
import { Cursor } from '#kit/amqp/cursor.ts'
import {
  Decimal,
  type FieldValue,
  readTable,
  type Table,
  Timestamp,
  Typed,
  writeTable,
} from '#kit/amqp/table.ts'
import { Writer } from '#kit/amqp/writer.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { badRequest } from './refusal.ts'

export function tableJson(table: Table): JsonObject {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, valueJson(value)]))
}

function valueJson(value: FieldValue): JsonValue {
  if (typeof value === 'bigint') return Number(value)
  if (value === undefined || value === null) return null
  if (typeof value !== 'object') return value
  if (Buffer.isBuffer(value)) return value.toString()
  if (value instanceof Timestamp) return Number(value.seconds)
  if (value instanceof Decimal) return value.value / 10 ** value.scale
  if (value instanceof Typed) return Number(value.value)
  return Array.isArray(value) ? value.map(valueJson) : tableJson(value)
}

/** As if it had come over AMQP: what that can't say is refused. */
export function tableOf(object: JsonObject): Table {
  const writer = new Writer(256)
  writeTable(writer, object as Table)
  return readTable(new Cursor(writer.written()))
}

/** Of queues, exchanges and routing keys. */
export function shortText(name: string, what: string): string {
  if (Buffer.byteLength(name) > 255) throw badRequest(`${what} is longer than 255 bytes`)
  return name
}
