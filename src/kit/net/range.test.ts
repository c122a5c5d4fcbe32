import fc from 'fast-check'
import { expect, test } from 'vitest'
import { address, formatAddress } from './address.ts'
import { cidr } from './cidr.ts'
import {
  addressAt,
  countAddresses,
  defaultPools,
  formatRange,
  type IpRange,
  range,
  rangeHas,
  rangeIsValid,
  rangesOfAddresses,
  rangesOverlap,
  subtractRanges,
  tidyRanges,
} from './range.ts'

const small = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 0, max: 20 }))
    .map(([first, more]): IpRange => ({ version: 4, first: BigInt(first), last: BigInt(first + more) })),
  { maxLength: 6 },
)
const members = (ranges: readonly IpRange[]) =>
  Array.from({ length: 90 }, (_, n) => BigInt(n)).filter((value) =>
    ranges.some((one) => rangeHas(one, { version: 4, value })),
  )

test('row 166: two pools side by side are legal, overlapping ones are seen', () => {
  const first = range('192.168.56.50', '192.168.56.99')
  expect(rangesOverlap(first, range('192.168.56.100', '192.168.56.200'))).toBe(false)
  expect(rangesOverlap(first, range('192.168.56.99', '192.168.56.200'))).toBe(true)
  expect(countAddresses([first, range('192.168.56.100', '192.168.56.200')])).toBe(151n)
})

test('a range that ends before it starts is invalid', () => {
  expect(rangeIsValid(range('10.0.0.9', '10.0.0.8'))).toBe(false)
  expect(() => range('10.0.0.9', 'fd00::1')).toThrow('different IP versions')
})

test('default pools go round a gateway in the middle', () => {
  expect(defaultPools(cidr('10.0.0.0/29'), address('10.0.0.3')).map(formatRange)).toEqual([
    { start: '10.0.0.1', end: '10.0.0.2' },
    { start: '10.0.0.4', end: '10.0.0.6' },
  ])
  expect(defaultPools(cidr('10.0.0.0/29'), undefined).map(formatRange)).toEqual([
    { start: '10.0.0.1', end: '10.0.0.6' },
  ])
})

test('set arithmetic agrees with plain sets', () => {
  fc.assert(
    fc.property(small, small, (a, b) => {
      const inA = new Set(members(a))
      const inB = new Set(members(b))
      expect(members(tidyRanges(a))).toEqual([...inA])
      expect(members(subtractRanges(a, b))).toEqual([...inA].filter((v) => !inB.has(v)))
      expect(countAddresses(a)).toBe(BigInt(inA.size))
    }),
  )
})

test('every member is reached by its number', () => {
  const free = subtractRanges([range('10.0.0.1', '10.0.0.4')], rangesOfAddresses([address('10.0.0.2')]))
  expect([0n, 1n, 2n, 3n].map((n) => addressAt(free, n)).map((ip) => ip && formatAddress(ip))).toEqual([
    '10.0.0.1',
    '10.0.0.3',
    '10.0.0.4',
    undefined,
  ])
})
