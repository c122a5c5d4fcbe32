// Readers of attribute values: each takes what a client sent and gives it in one form, or says what is wrong with it.
// They are as lenient as Neutron's: 'True', 1 and "1" are all true.
import { formatAddress, parseAddress } from '#kit/net/address.ts'
import { formatCidr, parseCidr } from '#kit/net/cidr.ts'
import { isGroupMac, parseMac } from '#kit/net/mac.ts'

/** Thrown by readers; the words follow "Invalid input for <attribute>. Reason: ". */
export class Invalid extends Error {}

export type Reader<T> = (value: unknown) => T

export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 300 ? `${value.slice(0, 300)}...` : value}'`
  return (JSON.stringify(value) ?? 'None').slice(0, 300)
}

export const text =
  (most: number): Reader<string> =>
  (value) => {
    if (typeof value !== 'string') throw new Invalid(`${show(value)} is not a valid string.`)
    if ([...value].length > most) throw new Invalid(`${show(value)} exceeds maximum length of ${most}.`)
    if (value.includes('\0')) throw new Invalid('a null character is not allowed.')
    return value
  }

export function orNull<T>(reader: Reader<T>): Reader<T | null> {
  return (value) => (value === null ? null : reader(value))
}

export function toBoolean(value: unknown): boolean {
  const word = String(value).toLowerCase()
  if (['true', '1'].includes(word)) return true
  if (['false', '0'].includes(word)) return false
  throw new Invalid(`${show(value)} cannot be converted to boolean.`)
}

export const integer =
  (min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER): Reader<number> =>
  (value) => {
    const given = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
    if (typeof given !== 'number' || !Number.isSafeInteger(given))
      throw new Invalid(`${show(value)} is not an integer.`)
    if (given < min) throw new Invalid(`${show(value)} is too small - must be at least '${min}'.`)
    if (given > max) throw new Invalid(`${show(value)} is too large - must be no larger than '${max}'.`)
    return given
  }

export const choice =
  <const C>(choices: readonly C[]): Reader<C> =>
  (value) => {
    const found = choices.find((each) => each === value || String(each) === value)
    if (found === undefined)
      throw new Invalid(`${show(value)} is not in [${choices.map((each) => show(each)).join(', ')}].`)
    return found
  }

const uuidForm = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i
export const isUuid = (value: unknown): value is string => typeof value === 'string' && uuidForm.test(value)

export function uuid(value: unknown): string {
  if (!isUuid(value)) throw new Invalid(`${show(value)} is not a valid UUID.`)
  return value
}

export function uuids(value: unknown): string[] {
  if (value === null) return []
  const list = array(value).map(uuid)
  const twice = list.find((each, place) => list.indexOf(each) !== place)
  if (twice) throw new Invalid(`Duplicate items in the list: ${show(twice)}.`)
  return list
}

export function array(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Invalid(`${show(value)} is not a list.`)
  return value
}

export function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Invalid(`${show(value)} is not a dictionary.`)
  return value as Record<string, unknown>
}

/** An object with no members but these. */
export function members(value: unknown, allowed: readonly string[]): Record<string, unknown> {
  const given = object(value)
  const strange = Object.keys(given).filter((name) => !allowed.includes(name))
  if (strange.length > 0) throw new Invalid(`Unexpected keys supplied: ${strange.join(', ')}.`)
  return given
}

/** In canonical form. */
export function ip(value: unknown): string {
  const parsed = typeof value === 'string' ? parseAddress(value) : undefined
  if (!parsed) throw new Invalid(`${show(value)} is not a valid IP address.`)
  return formatAddress(parsed)
}

/** In canonical form, host bits cleared. */
export function prefix(value: unknown): string {
  const parsed = typeof value === 'string' ? parseCidr(value) : undefined
  if (!parsed) throw new Invalid(`${show(value)} is not a valid IP subnet.`)
  return formatCidr(parsed)
}

export function macAddress(value: unknown): string {
  const parsed = typeof value === 'string' ? parseMac(value) : undefined
  if (!parsed || isGroupMac(parsed) || parsed === '00:00:00:00:00:00')
    throw new Invalid(`${show(value)} is not a valid MAC address.`)
  return parsed
}

let lastSecond = { at: Number.NaN, shown: '' }

/** 2026-01-01T00:00:00Z. Rows of a list often have the same second, twice each. */
export function seconds(ms: number): string {
  const at = Math.floor(ms / 1000)
  if (at !== lastSecond.at) lastSecond = { at, shown: `${new Date(ms).toISOString().slice(0, 19)}Z` }
  return lastSecond.shown
}
