// CC and BCC: headers that name more routing keys for a message. https://www.rabbitmq.com/docs/sender-selected
import { type Content, mayHold } from '#kit/amqp/content.ts'
import { channelError } from '#kit/amqp/error.ts'
import type { FieldValue, Table } from '#kit/amqp/table.ts'
import { fieldTypeName } from './equivalence.ts'

/** Most messages have no such header: their octets are looked through before any property is read. */
export function mayNameCopies(content: Content): boolean {
  return mayHold(content, 'CC')
}

/** Keys of both headers. Throws 406 where one is no list; what is no text in a list is passed over. */
export function copiesOf(headers: Table): string[] {
  return [...listed('CC', headers.CC), ...listed('BCC', headers.BCC)]
}

/** Those of the header that receivers see, of a message that was checked when it was published. */
export function shownCopies(headers: Table | undefined): string[] {
  const value = headers?.CC
  return Array.isArray(value) ? value.filter((key) => typeof key === 'string') : []
}

function listed(name: string, value: FieldValue): string[] {
  if (value === undefined) return []
  if (!Array.isArray(value))
    throw channelError(
      406,
      `invalid message: {unacceptable_type_in_header,"${name}",${fieldTypeName(value)}}`,
    )
  return value.filter((key) => typeof key === 'string')
}
