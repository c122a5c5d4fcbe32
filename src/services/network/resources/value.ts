// Readers of attribute values: each takes what a client sent and gives it in one form, or says what is wrong with it.
// They are as lenient as Neutron's: 'True', 1 and "1" are all true. Each has the JSON schema of what it takes, for documents
// and for the tests that send what it must not take; what a schema can't say, it refuses besides.
import { type TSchema, Type } from 'typebox'
import { formatAddress, parseAddress } from '#kit/net/address.ts'
import { formatCidr, parseCidr } from '#kit/net/cidr.ts'
import { isGroupMac, parseMac } from '#kit/net/mac.ts'

/** Thrown by readers; the words follow "Invalid input for <attribute>. Reason: ". */
export class Invalid extends Error {}

export type Reader<T> = ((value: unknown) => T) & { readonly schema: TSchema }

export function reader<T>(schema: TSchema, read: (value: unknown) => T): Reader<T> {
  return Object.assign((value: unknown) => read(value), { schema })
}

export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 300 ? `${value.slice(0, 300)}...` : value}'`
  return (JSON.stringify(value) ?? 'None').slice(0, 300)
}

export const text = (most: number): Reader<string> =>
  reader(Type.String({ maxLength: most }), (value) => {
    if (typeof value !== 'string') throw new Invalid(`${show(value)} is not a valid string.`)
    if ([...value].length > most) throw new Invalid(`${show(value)} exceeds maximum length of ${most}.`)
    if (value.includes('\0')) throw new Invalid('a null character is not allowed.')
    return value
  })

export function orNull<T>(other: Reader<T>): Reader<T | null> {
  return reader(Type.Union([other.schema, Type.Null()]), (value) => (value === null ? null : other(value)))
}

/** Null stands for something else, such as for none. */
export function nullAs<T>(meaning: T, other: Reader<T>): Reader<T> {
  return reader(Type.Union([other.schema, Type.Null()]), (value) => (value === null ? meaning : other(value)))
}

export const toBoolean = reader(
  Type.Union([
    Type.Boolean(),
    Type.Integer({ minimum: 0, maximum: 1 }),
    Type.String({ pattern: '^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|0|1)$' }),
  ]),
  (value) => {
    const word = typeof value === 'object' ? '' : String(value).toLowerCase()
    if (['true', '1'].includes(word)) return true
    if (['false', '0'].includes(word)) return false
    throw new Invalid(`${show(value)} cannot be converted to boolean.`)
  },
)

export const integer = (min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): Reader<number> =>
  reader(
    Type.Union([Type.Integer({ minimum: min, maximum: max }), Type.String({ pattern: '^-?\\d{1,15}$' })]),
    (value) => {
      const given = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
      if (typeof given !== 'number' || !Number.isSafeInteger(given))
        throw new Invalid(`${show(value)} is not an integer.`)
      if (given < min) throw new Invalid(`${show(value)} is too small - must be at least '${min}'.`)
      if (given > max) throw new Invalid(`${show(value)} is too large - must be no larger than '${max}'.`)
      return given
    },
  )

export const choice = <const C>(choices: readonly C[]): Reader<C> =>
  reader(Type.Unsafe({ enum: [...new Set([...choices, ...choices.map(String)])] }), (value) => {
    const found = choices.find((each) => each === value || String(each) === value)
    if (found === undefined)
      throw new Invalid(`${show(value)} is not in [${choices.map((each) => show(each)).join(', ')}].`)
    return found
  })

const uuidForm = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i
export const isUuid = (value: unknown): value is string => typeof value === 'string' && uuidForm.test(value)

export const uuid = reader(Type.String({ pattern: uuidForm.source.replaceAll('a-f', 'a-fA-F') }), (value) => {
  if (!isUuid(value)) throw new Invalid(`${show(value)} is not a valid UUID.`)
  return value
})

/** `twice` are the words for an item that comes again; without them it may. */
export function list<T>(item: Reader<T>, twice?: (item: T) => string): Reader<T[]> {
  return reader(Type.Array(item.schema), (value) => {
    if (!Array.isArray(value)) throw new Invalid(`${show(value)} is not a list.`)
    const items = value.map(item)
    if (twice) {
      const seen = new Set<string>()
      for (const each of items) {
        const word = JSON.stringify(each)
        if (seen.has(word)) throw new Invalid(twice(each))
        seen.add(word)
      }
    }
    return items
  })
}

export const uuids = nullAs(
  [],
  list(uuid, (id) => `Duplicate items in the list: ${show(id)}.`),
)

export const object = reader<Record<string, unknown>>(Type.Object({}), (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Invalid(`${show(value)} is not a dictionary.`)
  return value as Record<string, unknown>
})

type Members = Record<string, Reader<unknown>>
type MembersOf<M extends Members, Needed extends keyof M> = {
  [K in Exclude<keyof M, Needed>]?: ReturnType<M[K]>
} & { [K in Needed]: ReturnType<M[K]> }

/** An object with these members and no others. What is wrong with one is told with its name. */
export function record<M extends Members, const Needed extends keyof M & string = never>(
  members: M,
  needed: readonly Needed[] = [],
): Reader<MembersOf<M, Needed>> {
  const names = Object.keys(members)
  const needs = new Set<string>(needed)
  const properties = names.map((name) => {
    const { schema } = members[name]!
    return [name, needs.has(name) ? schema : Type.Optional(schema)] as const
  })
  const schema = Type.Object(Object.fromEntries(properties), { additionalProperties: false })
  return reader(schema, (value) => {
    const given = object(value)
    const strange = Object.keys(given).filter((name) => !Object.hasOwn(members, name))
    if (strange.length > 0) throw new Invalid(`Unexpected keys supplied: ${strange.join(', ')}.`)
    const lacking = needed.filter((name) => given[name] === undefined)
    if (lacking.length > 0) throw new Invalid(`Required: ${lacking.join(', ')}.`)
    const read = names.flatMap((name) =>
      given[name] === undefined ? [] : [[name, within(name, members[name]!, given[name])]],
    )
    // Read by the readers that the type is made of.
    return Object.fromEntries(read) as MembersOf<M, Needed>
  })
}

function within<T>(name: string, read: Reader<T>, value: unknown): T {
  try {
    return read(value)
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
    throw new Invalid(`${name}: ${error.message}`, { cause: error })
  }
}

/** In canonical form. */
export const ip = reader(Type.String(), (value) => {
  const parsed = typeof value === 'string' ? parseAddress(value) : undefined
  if (!parsed) throw new Invalid(`${show(value)} is not a valid IP address.`)
  return formatAddress(parsed)
})

/** In canonical form, host bits cleared. */
export const prefix = reader(Type.String(), (value) => {
  const parsed = typeof value === 'string' ? parseCidr(value) : undefined
  if (!parsed) throw new Invalid(`${show(value)} is not a valid IP subnet.`)
  return formatCidr(parsed)
})

export const macAddress = reader(Type.String(), (value) => {
  const parsed = typeof value === 'string' ? parseMac(value) : undefined
  if (!parsed || isGroupMac(parsed) || parsed === '00:00:00:00:00:00')
    throw new Invalid(`${show(value)} is not a valid MAC address.`)
  return parsed
})

export { inSeconds as seconds } from '#kit/http/iso-time.ts'
