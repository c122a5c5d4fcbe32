// IPv4 and IPv6 addresses as numbers, and back to the one text form that everybody compares by.
// Pure; the text form of version 6 is RFC 5952's.
import { CloudError } from '../errors/cloud-error.ts'

export type IpVersion = 4 | 6
export type IpAddress = { readonly version: IpVersion; readonly value: bigint }

export const widthOf = { 4: 32, 6: 128 } as const

/** Undefined where the text is no address. Leading zeros in version 4 are refused: some read them as octal. */
export function parseAddress(text: string): IpAddress | undefined {
  if (text.includes(':')) {
    const value = parseVersion6(text)
    return value === undefined ? undefined : { version: 6, value }
  }
  const value = parseVersion4(text)
  return value === undefined ? undefined : { version: 4, value }
}

/** Throws 'badRequest' where the text is no address. */
export function address(text: string): IpAddress {
  const parsed = parseAddress(text)
  if (!parsed) throw new CloudError('badRequest', `'${text}' is not a valid IP address`)
  return parsed
}

export function formatAddress(ip: IpAddress): string {
  return ip.version === 4 ? formatVersion4(ip.value) : formatVersion6(ip.value)
}

/** The text in its one canonical form; throws 'badRequest'. */
export function canonicalAddress(text: string): string {
  return formatAddress(address(text))
}

/** The address `count` further on; throws 'badRequest' past either end of the address space. */
export function addressPlus(ip: IpAddress, count: bigint | number): IpAddress {
  const value = ip.value + BigInt(count)
  if (value < 0n || value >> BigInt(widthOf[ip.version]) !== 0n)
    throw new CloudError('badRequest', `no address lies ${count} from ${formatAddress(ip)}`)
  return { version: ip.version, value }
}

export function isMulticast(ip: IpAddress): boolean {
  return ip.version === 4 ? ip.value >> 28n === 0xen : ip.value >> 120n === 0xffn
}

/** 169.254.0.0/16 or fe80::/10. */
export function isLinkLocal(ip: IpAddress): boolean {
  return ip.version === 4 ? ip.value >> 16n === 0xa9fen : ip.value >> 118n === 0x3fan
}

function parseVersion4(text: string): bigint | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (!match) return undefined
  let value = 0n
  for (const part of match.slice(1)) {
    if (part.length > 1 && part.startsWith('0')) return undefined
    const byte = Number(part)
    if (byte > 255) return undefined
    value = (value << 8n) | BigInt(byte)
  }
  return value
}

function parseVersion6(given: string): bigint | undefined {
  let text = given
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (tail) {
    const four = parseVersion4(tail[2]!)
    if (four === undefined) return undefined
    text = `${tail[1]}${(four >> 16n).toString(16)}:${(four & 0xffffn).toString(16)}`
  }
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = words(halves[0]!)
  const end = halves.length === 2 ? words(halves[1]!) : []
  if (!head || !end) return undefined
  const missing = 8 - head.length - end.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const all = [...head, ...Array<bigint>(missing).fill(0n), ...end]
  return all.reduce((value, word) => (value << 16n) | word, 0n)
}

function words(text: string): bigint[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  if (!parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part))) return undefined
  return parts.map((part) => BigInt(`0x${part}`))
}

function formatVersion4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.')
}

function formatVersion6(value: bigint): string {
  const parts = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn))
  // RFC 5952: the first longest run of two or more zero words becomes '::'.
  let best = { start: -1, length: 1 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && parts[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  // An IPv4-mapped address keeps its dotted tail (RFC 5952, section 5).
  if (value >> 32n === 0xffffn) return `::ffff:${formatVersion4(value & 0xffffffffn)}`
  const hex = parts.map((part) => part.toString(16))
  if (best.start < 0) return hex.join(':')
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`
}
