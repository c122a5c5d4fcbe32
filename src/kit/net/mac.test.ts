import { expect, test } from 'vitest'
import { formatAddress } from './address.ts'
import { cidr } from './cidr.ts'
import { isGroupMac, linkLocalOf, macFrom, parseMac, slaacAddress } from './mac.ts'
import { mtuOf } from './mtu.ts'

test('row 184: the link-local address of fa:16:3e:b3:e8:38', () => {
  expect(linkLocalOf('fa:16:3e:b3:e8:38')).toBe('fe80::f816:3eff:feb3:e838')
  expect(formatAddress(slaacAddress(cidr('fd00:1::/64'), 'fa:16:3e:b3:e8:38'))).toBe(
    'fd00:1::f816:3eff:feb3:e838',
  )
})

test('row 160: MACs begin fa:16:3e', () => {
  expect(macFrom('fa:16:3e', Uint8Array.of(1, 0xab, 0xff))).toBe('fa:16:3e:01:ab:ff')
  expect(macFrom('fa:16:3e:4f', Uint8Array.of(1, 2))).toBe('fa:16:3e:4f:01:02')
})

test('MAC texts', () => {
  expect(parseMac('FA-16-3E-00-00-01')).toBe('fa:16:3e:00:00:01')
  expect(['fa:16:3e:00:00', 'fa:16:3e:00:00:0g', 'fa163e000001', ''].map(parseMac)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ])
  expect([
    isGroupMac('ff:ff:ff:ff:ff:ff'),
    isGroupMac('01:00:5e:00:00:01'),
    isGroupMac('fa:16:3e:00:00:01'),
  ]).toEqual([true, true, false])
})

test('row 183: MTU by type', () => {
  expect([mtuOf('vxlan'), mtuOf('gre'), mtuOf('flat'), mtuOf('vlan'), mtuOf('local')]).toEqual([
    1450, 1458, 1500, 1500, 1500,
  ])
  expect(mtuOf('vxlan', 9000, 6)).toBe(8930)
})
