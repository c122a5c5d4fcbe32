// Addresses that lead nowhere on the public internet, or back to ourselves: what a server must not be talked into asking.
// IANA's special-purpose registries, https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-.
import type { IpAddress } from './address.ts'
import { type Cidr, cidr, cidrHas } from './cidr.ts'

const reserved: readonly (readonly [Cidr, string])[] = (
  [
    ['0.0.0.0/8', 'this network'],
    ['10.0.0.0/8', 'private'],
    ['100.64.0.0/10', 'shared by a carrier'],
    ['127.0.0.0/8', 'loopback'],
    ['169.254.0.0/16', 'link-local'],
    ['172.16.0.0/12', 'private'],
    ['192.0.0.0/24', 'protocol assignments'],
    ['192.0.2.0/24', 'documentation'],
    ['192.88.99.0/24', '6to4 relays'],
    ['192.168.0.0/16', 'private'],
    ['198.18.0.0/15', 'benchmarks'],
    ['198.51.100.0/24', 'documentation'],
    ['203.0.113.0/24', 'documentation'],
    ['224.0.0.0/4', 'multicast'],
    ['240.0.0.0/4', 'reserved'],
    ['::/96', 'unspecified or loopback'],
    ['64:ff9b:1::/48', 'private translation'],
    ['100::/64', 'discarded'],
    ['2001::/23', 'protocol assignments'],
    ['2001:db8::/32', 'documentation'],
    ['fc00::/7', 'private'],
    ['fe80::/10', 'link-local'],
    ['fec0::/10', 'site-local'],
    ['ff00::/8', 'multicast'],
  ] as const
).map(([text, word]) => [cidr(text), word])

/** Version 6 prefixes whose addresses carry one of version 4, and how many bits follow it. */
const carriers: readonly (readonly [Cidr, bigint])[] = [
  [cidr('::ffff:0:0/96'), 0n],
  [cidr('64:ff9b::/96'), 0n],
  [cidr('2002::/16'), 80n],
]

/** What the address is kept for: 'loopback', 'private'; undefined where it is an ordinary public one. */
export function reservedFor(ip: IpAddress): string | undefined {
  for (const [net, shift] of carriers)
    if (cidrHas(net, ip)) return reservedFor({ version: 4, value: (ip.value >> shift) & 0xffffffffn })
  return reserved.find(([net]) => cidrHas(net, ip))?.[1]
}
