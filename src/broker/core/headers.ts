// Matches a message's headers against the arguments of a binding to a headers exchange.
import { isDeepStrictEqual } from 'node:util'
import { channelError } from '#kit/amqp/error.ts'
import type { Table } from '#kit/amqp/table.ts'
import { fieldTypeName } from './equivalence.ts'

const modes = ['all', 'any', 'all-with-x', 'any-with-x']

/** Throws 406 where x-match is none of RabbitMQ's. */
export function checkHeaderBinding(wanted: Table): void {
  const mode = wanted['x-match']
  if (mode === undefined) return
  if (typeof mode !== 'string')
    throw channelError(
      406,
      `Invalid x-match field type ${fieldTypeName(mode)} (value ${String(mode)}); expected longstr`,
    )
  if (!modes.includes(mode))
    throw channelError(
      406,
      `Invalid x-match field value <<"${mode}">>; expected all, any, all-with-x, or any-with-x`,
    )
}

export function headersMatch(wanted: Table, headers: Table): boolean {
  const mode = String(wanted['x-match'] ?? 'all')
  const names = Object.keys(wanted).filter((name) =>
    mode.endsWith('-with-x') ? name !== 'x-match' : !name.startsWith('x-'),
  )
  // Without a value, only the header's presence is asked for.
  const agrees = (name: string) =>
    Object.hasOwn(headers, name) && (wanted[name] === null || isDeepStrictEqual(wanted[name], headers[name]))
  return mode.startsWith('any') ? names.some(agrees) : names.every(agrees)
}
