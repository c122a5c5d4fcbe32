import { expect, test } from 'vitest'
import { address, formatAddress } from './address.ts'
import {
  broadcastAddress,
  canonicalCidr,
  cidr,
  cidrCovers,
  cidrHas,
  cidrsOverlap,
  formatCidr,
  hostRange,
  netmask,
  parseCidr,
  parseInterface,
  subnetsOf,
} from './cidr.ts'
import { countAddresses, defaultPools, formatRange } from './range.ts'

test('row 187: 10.0.0.64/26 ends in broadcast .127, its gateway .126 is a host', () => {
  const net = cidr('10.0.0.64/26')
  expect(formatAddress(broadcastAddress(net))).toBe('10.0.0.127')
  expect(netmask(net)).toBe('255.255.255.192')
  expect(formatRange(hostRange(net))).toEqual({ start: '10.0.0.65', end: '10.0.0.126' })
  expect(defaultPools(net, address('10.0.0.126')).map(formatRange)).toEqual([
    { start: '10.0.0.65', end: '10.0.0.125' },
  ])
  expect(cidrHas(net, address('10.0.0.126'))).toBe(true)
  expect(cidrHas(net, address('10.0.0.128'))).toBe(false)
})

test('host bits are cleared', () => {
  expect(canonicalCidr('192.168.1.77/24')).toBe('192.168.1.0/24')
  expect(canonicalCidr('FD00::1:2/64')).toBe('fd00::/64')
  expect(canonicalCidr('0.0.0.0/0')).toBe('0.0.0.0/0')
  expect(canonicalCidr('10.0.0.1')).toBe('10.0.0.1/32')
  expect(parseInterface('192.168.1.77/24')).toEqual({ ip: address('192.168.1.77'), prefix: 24 })
})

test.each(['10.0.0.0/33', 'fd00::/129', '10.0.0/8', '10.0.0.0/', '10.0.0.0/-1', '/24', 'x'])(
  '%j is no prefix',
  (text) => {
    expect(parseCidr(text)).toBeUndefined()
  },
)

test('an IPv6 subnet keeps its last address and loses its first', () => {
  expect(formatRange(hostRange(cidr('fd00::/64')))).toEqual({
    start: 'fd00::1',
    end: 'fd00::ffff:ffff:ffff:ffff',
  })
  expect(countAddresses([hostRange(cidr('fd00::/64'))])).toBe((1n << 64n) - 1n)
})

test('point-to-point prefixes keep all of theirs', () => {
  expect(countAddresses([hostRange(cidr('10.0.0.0/31'))])).toBe(2n)
  expect(countAddresses([hostRange(cidr('10.0.0.0/32'))])).toBe(1n)
})

test('overlap and cover', () => {
  expect(cidrsOverlap(cidr('10.0.0.0/8'), cidr('10.1.0.0/16'))).toBe(true)
  expect(cidrsOverlap(cidr('10.0.0.0/16'), cidr('10.1.0.0/16'))).toBe(false)
  expect(cidrsOverlap(cidr('0.0.0.0/0'), cidr('::/0'))).toBe(false)
  expect(cidrCovers(cidr('10.1.0.0/16'), cidr('10.0.0.0/8'))).toBe(false)
})

test('a subnet pool is cut in order', () => {
  expect([...subnetsOf(cidr('10.0.0.0/24'), 26)].map(formatCidr)).toEqual([
    '10.0.0.0/26',
    '10.0.0.64/26',
    '10.0.0.128/26',
    '10.0.0.192/26',
  ])
})
