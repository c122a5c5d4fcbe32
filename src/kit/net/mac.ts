// Ethernet addresses and the IPv6 addresses made from them.
// A cloud's own begin with fa:16:3e, whose local bit says that no vendor sold them.
import { CloudError } from '../errors/cloud-error.ts'
import { address, formatAddress, type IpAddress } from './address.ts'
import { type Cidr, cidrAround } from './cidr.ts'

/** Lower case with colons; undefined where the text is no MAC. Dashes are taken too. */
export function parseMac(text: string): string | undefined {
  const lower = text.toLowerCase().replaceAll('-', ':')
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(lower) ? lower : undefined
}

/** Throws 'badRequest' where the text is no MAC. */
export function mac(text: string): string {
  const parsed = parseMac(text)
  if (!parsed) throw new CloudError('badRequest', `'${text}' is not a valid MAC address`)
  return parsed
}

/** `prefix` is three or four bytes of it ('fa:16:3e'); `random` gives the rest. */
export function macFrom(prefix: string, random: Uint8Array): string {
  const fixed = prefix.toLowerCase().split(':')
  const missing = 6 - fixed.length
  if (random.length < missing)
    throw new CloudError('internal', `a MAC under ${prefix} needs ${missing} random bytes`)
  const rest = Array.from(random.slice(0, missing), (byte) => byte.toString(16).padStart(2, '0'))
  return mac([...fixed, ...rest].join(':'))
}

/** True for broadcast and group addresses: no port may have one. */
export function isGroupMac(text: string): boolean {
  return (Number.parseInt(mac(text).slice(0, 2), 16) & 1) === 1
}

/** The modified EUI-64 interface identifier (RFC 4291, appendix A). */
function eui64(text: string): bigint {
  const bytes = mac(text)
    .split(':')
    .map((byte) => Number.parseInt(byte, 16))
  const wide = [bytes[0]! ^ 2, bytes[1]!, bytes[2]!, 0xff, 0xfe, bytes[3]!, bytes[4]!, bytes[5]!]
  return wide.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

/** The address that SLAAC gives this MAC in a prefix of /64 or shorter. */
export function slaacAddress(net: Cidr, text: string): IpAddress {
  if (net.version !== 6 || net.prefix > 64)
    throw new CloudError('badRequest', 'SLAAC needs an IPv6 prefix of /64')
  return { version: 6, value: cidrAround(net, 64).value | eui64(text) }
}

/** 'fe80::f816:3eff:feb3:e838' for fa:16:3e:b3:e8:38. */
export function linkLocalOf(text: string): string {
  return formatAddress({ version: 6, value: address('fe80::').value | eui64(text) })
}
