import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  address,
  addressPlus,
  canonicalAddress,
  formatAddress,
  isLinkLocal,
  isMulticast,
  parseAddress,
} from './address.ts'

test.each([
  ['192.168.56.11', '192.168.56.11'],
  ['FE80:0:0:0:F816:3EFF:FEB3:E838', 'fe80::f816:3eff:feb3:e838'],
  ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['::', '::'],
  ['1::', '1::'],
  ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
  ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
])('%s is written %s', (text, canonical) => {
  expect(canonicalAddress(text)).toBe(canonical)
})

test.each([
  '',
  '1.2.3',
  '1.2.3.4.5',
  '256.1.1.1',
  '01.2.3.4',
  '1.2.3.4/24',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8::',
  'g::',
  '12345::',
  '::1.2.3',
  ' 1.2.3.4',
  '1:2:3:4:5:6:7::8',
])('%j is no address', (text) => {
  expect(parseAddress(text)).toBeUndefined()
  expect(() => address(text)).toThrow(expect.objectContaining({ kind: 'badRequest' }))
})

test('what is written is read again as the same address', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (value) => {
      expect(parseAddress(formatAddress({ version: 6, value }))).toEqual({ version: 6, value })
      const four = { version: 4, value: value & 0xffffffffn } as const
      expect(parseAddress(formatAddress(four))).toEqual(four)
    }),
  )
})

test('arithmetic stops at the ends of the address space', () => {
  expect(formatAddress(addressPlus(address('10.0.0.255'), 1))).toBe('10.0.1.0')
  expect(() => addressPlus(address('255.255.255.255'), 1)).toThrow('no address')
  expect(() => addressPlus(address('::'), -1)).toThrow('no address')
})

test('kinds of address', () => {
  expect([
    isLinkLocal(address('169.254.169.254')),
    isLinkLocal(address('fe80::1')),
    isLinkLocal(address('10.0.0.1')),
  ]).toEqual([true, true, false])
  expect([
    isMulticast(address('224.0.0.1')),
    isMulticast(address('ff02::1')),
    isMulticast(address('223.255.255.255')),
  ]).toEqual([true, true, false])
})
