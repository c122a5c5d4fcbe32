// Address prefixes: '10.0.0.64/26', 'fd00::/64'. Pure arithmetic on kit/net/address.
import { CloudError } from '../errors/cloud-error.ts'
import { formatAddress, type IpAddress, type IpVersion, parseAddress, widthOf } from './address.ts'
import type { IpRange } from './range.ts'

/** `value` has its host bits cleared. */
export type Cidr = { readonly version: IpVersion; readonly value: bigint; readonly prefix: number }

/** Host bits are cleared, as Neutron does: '10.0.0.5/24' is 10.0.0.0/24. A bare address is its own /32 or /128. */
export function parseCidr(text: string): Cidr | undefined {
  const interfacePart = parseInterface(text)
  return interfacePart && cidrAround(interfacePart.ip, interfacePart.prefix)
}

/** Throws 'badRequest' where the text is no prefix. */
export function cidr(text: string): Cidr {
  const parsed = parseCidr(text)
  if (!parsed) throw new CloudError('badRequest', `'${text}' is not a valid IP subnet`)
  return parsed
}

/** An address with its prefix length, host bits kept: '192.168.1.2/24'. */
export function parseInterface(text: string): { ip: IpAddress; prefix: number } | undefined {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text)
  const ip = match && parseAddress(match[1]!)
  if (!ip) return undefined
  const prefix = match[2] === undefined ? widthOf[ip.version] : Number(match[2])
  return prefix > widthOf[ip.version] ? undefined : { ip, prefix }
}

export function cidrAround(ip: IpAddress, prefix: number): Cidr {
  const hostBits = BigInt(widthOf[ip.version] - prefix)
  return { version: ip.version, value: (ip.value >> hostBits) << hostBits, prefix }
}

export function formatCidr(net: Cidr): string {
  return `${formatAddress(net)}/${net.prefix}`
}

export function canonicalCidr(text: string): string {
  return formatCidr(cidr(text))
}

/** The first address of the prefix: the network address in version 4, the subnet-router anycast in version 6. */
export function networkAddress(net: Cidr): IpAddress {
  return { version: net.version, value: net.value }
}

/** The last address of the prefix; in version 4 the broadcast address. */
export function broadcastAddress(net: Cidr): IpAddress {
  return { version: net.version, value: net.value + addressCount(net) - 1n }
}

export function addressCount(net: Cidr): bigint {
  return 1n << BigInt(widthOf[net.version] - net.prefix)
}

/** '255.255.255.192' for /26; throws 'badRequest' for version 6, which has none. */
export function netmask(net: Cidr): string {
  if (net.version !== 4) throw new CloudError('badRequest', 'an IPv6 prefix has no netmask')
  const hostBits = BigInt(32 - net.prefix)
  return formatAddress({ version: 4, value: (0xffffffffn >> hostBits) << hostBits })
}

/** From first to last, both included. */
function rangeOfCidr(net: Cidr): IpRange {
  return { version: net.version, first: net.value, last: net.value + addressCount(net) - 1n }
}

/**
 * Addresses that a port may have: without network and broadcast address in version 4, without the
 * all-zero host part in version 6. Prefixes of /31, /32, /127 and /128 keep all of theirs (RFC 3021, RFC 6164).
 */
export function hostRange(net: Cidr): IpRange {
  const whole = rangeOfCidr(net)
  if (widthOf[net.version] - net.prefix <= 1) return whole
  return { ...whole, first: whole.first + 1n, last: net.version === 4 ? whole.last - 1n : whole.last }
}

export function cidrHas(net: Cidr, ip: IpAddress): boolean {
  return (
    cidrAround(ip, Math.min(net.prefix, widthOf[ip.version])).value === net.value &&
    ip.version === net.version
  )
}

export function cidrCovers(outer: Cidr, inner: Cidr): boolean {
  return outer.version === inner.version && outer.prefix <= inner.prefix && cidrHas(outer, inner)
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return cidrCovers(a, b) || cidrCovers(b, a)
}

/** The prefixes of length `prefix` inside `net`, in order; a generator because /48 holds 65536 of /64. */
export function* subnetsOf(net: Cidr, prefix: number): Generator<Cidr> {
  const size = 1n << BigInt(widthOf[net.version] - prefix)
  const end = net.value + addressCount(net)
  for (let value = net.value; value < end; value += size) yield { version: net.version, value, prefix }
}
