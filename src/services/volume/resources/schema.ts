// Schemas that several resources share, and the reading of the loose values that they let through.
import { Type } from 'typebox'
import { CloudError } from '#kit/errors/cloud-error.ts'

const uuidPattern = '^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$'
export const uuid = Type.String({ pattern: uuidPattern })
export const isUuid = (text: string) => new RegExp(uuidPattern).test(text)
export const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])
export const text255 = nullable(Type.String({ maxLength: 255 }))
export const anything = Type.Unknown()

const yes = [true, 'True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes', 'y', 't']
const no = [false, 'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no', 'n', 'f']
export const bool = Type.Unsafe<boolean | string>({ enum: [...yes, ...no] })
export const boolOrNull = Type.Unsafe<boolean | string | null>({ enum: [...yes, ...no, null] })
export const readBool = (value: boolean | string | undefined | null) => yes.includes(value as string)

/** A whole number, or its digits as text. */
export const whole = Type.Unsafe<number | string>({ type: ['integer', 'string'], pattern: '^-?[0-9]+$' })
export const wholeOrNull = Type.Unsafe<number | string | null>({
  type: ['integer', 'string', 'null'],
  pattern: '^-?[0-9]+$',
})
export const largest = 0x7fff_ffff

export function readWhole(value: number | string, name: string, min: number): number {
  const read = Number(value)
  if (Number.isSafeInteger(read) && read >= min && read <= largest) return read
  throw new CloudError(
    'badRequest',
    `Invalid input for field/attribute ${name}. Value: ${value}. It must be a whole number from ${min} to ${largest}`,
  )
}

/** GiB, above 0. */
export function readSize(value: number | string | null | undefined): number {
  const read = value === null || value === undefined ? Number.NaN : Number(value)
  if (Number.isSafeInteger(read) && read > 0 && read <= largest) return read
  throw new CloudError(
    'badRequest',
    `Invalid input received: Volume size '${value ?? 'None'}' must be an integer and greater than 0.`,
  )
}

export const metadata = Type.Unsafe<Record<string, string>>({
  type: 'object',
  patternProperties: { '^[a-zA-Z0-9-_:. /]{1,255}$': { type: 'string', maxLength: 255 } },
  additionalProperties: false,
})
export const metadataOrNull = Type.Unsafe<Record<string, string> | null>({
  anyOf: [metadata, { type: 'null' }],
})
export const extraSpecs = Type.Unsafe<Record<string, string | null>>({
  type: 'object',
  patternProperties: { '^[a-zA-Z0-9-_:. ]{1,255}$': { type: ['string', 'null'], maxLength: 255 } },
  additionalProperties: false,
})
/** An object of a caller's own making, as connectors are. */
export const object = Type.Unsafe<Record<string, unknown>>({ type: 'object' })
export const objectOrNull = Type.Unsafe<Record<string, unknown> | null>({ type: ['object', 'null'] })
