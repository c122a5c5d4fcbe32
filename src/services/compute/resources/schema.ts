// Schemas that several resources share, and the reading of the loose values that they let through.
import { Type } from 'typebox'
import { CloudError } from '#kit/errors/cloud-error.ts'

const printable = '[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]'
const visible = '[^\\u0000-\\u0020\\u007f-\\u00a0\\u2028\\u2029]'

/** No white space at its ends and nothing unprintable. */
export const name255 = Type.String({
  minLength: 1,
  maxLength: 255,
  pattern: `^${visible}(${printable}*${visible})?$`,
})
const uuidPattern = '^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$'
export const uuid = Type.String({ pattern: uuidPattern })
export const isUuid = (text: string) => new RegExp(uuidPattern).test(text)

const yes = [true, 'True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes']
const no = [false, 'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no']
export const bool = Type.Unsafe<boolean | string>({ enum: [...yes, ...no] })
export const readBool = (value: boolean | string | undefined | null) => yes.includes(value as string)

/** A whole number, or its digits as text. `readWhole` checks the range of either. */
export const whole = Type.Unsafe<number | string>({ type: ['integer', 'string'], pattern: '^-?[0-9]+$' })

export function readWhole(
  value: number | string,
  name: string,
  range: { min: number; max?: number },
): number {
  const read = Number(value)
  const { min, max = 0x7fff_ffff } = range
  if (Number.isSafeInteger(read) && read >= min && read <= max) return read
  const wrong = read < min ? `is less than the minimum of ${min}` : `is greater than the maximum of ${max}`
  throw new CloudError(
    'badRequest',
    `Invalid input for field/attribute ${name}. Value: ${value}. ${value} ${wrong}`,
  )
}

export const metadataKey = '^[a-zA-Z0-9-_:. ]{1,255}$'
export const metadata = Type.Unsafe<Record<string, string>>({
  type: 'object',
  patternProperties: { [metadataKey]: { type: 'string', maxLength: 255 } },
  additionalProperties: false,
})
export const hostName = Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-._]*$' })
export const projectId = Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-]*$' })
export const tag = Type.String({ minLength: 1, maxLength: 60, pattern: '^[^,/]*$' })
export const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])
/** The body of an action that takes nothing: clients send null, {} or an empty text. */
export const nothing = Type.Unknown()
