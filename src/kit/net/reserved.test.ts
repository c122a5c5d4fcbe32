import { expect, test } from 'vitest'
import { address } from './address.ts'
import { reservedFor } from './reserved.ts'

test.each([
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['0.0.0.0', 'this network'],
  ['10.1.2.3', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.0.1', 'private'],
  ['169.254.169.254', 'link-local'],
  ['100.100.0.1', 'shared by a carrier'],
  ['255.255.255.255', 'reserved'],
  ['::1', 'unspecified or loopback'],
  ['::', 'unspecified or loopback'],
  ['::7f00:1', 'unspecified or loopback'],
  ['fe80::1', 'link-local'],
  ['fd00::1', 'private'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:a9fe:a9fe', 'link-local'],
  ['64:ff9b::7f00:1', 'loopback'],
  ['2002:0a00:0001::1', 'private'],
  ['2001:0:1::1', 'protocol assignments'],
])('%s is kept: %s', (text, word) => {
  expect(reservedFor(address(text))).toBe(word)
})

test.each(['1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808'])(
  '%s is public',
  (text) => {
    expect(reservedFor(address(text))).toBeUndefined()
  },
)
