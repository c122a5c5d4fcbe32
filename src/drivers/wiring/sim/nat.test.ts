import { expect, test } from 'vitest'
import { emptyNat, type NatPacket, readRuleset, verdict } from './nat.ts'

const text = `table ip nimbo
delete table ip nimbo
table ip nimbo {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr 172.24.4.70 dnat to 10.0.0.5
    iifname "qr-*" ip daddr 169.254.169.254 tcp dport 80 redirect to :9697
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 10.0.0.5 oifname "qg-1" snat to 172.24.4.70
    iifname "qr-*" oifname "qr-*" ct status dnat snat to 172.24.4.3
    iifname "qr-*" oifname "qg-1" snat to 172.24.4.3
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "qg-1" tcp dport 9697 drop
  }
}
`
const packet = (change: Partial<NatPacket>): NatPacket => ({
  src: '10.0.0.6',
  dst: '8.8.8.8',
  protocol: 'tcp',
  port: 80,
  inDevice: 'qr-1',
  ...change,
})

function read() {
  const result = readRuleset(emptyNat, text)
  if ('error' in result) throw new Error(result.error)
  return result.nat
}

test.each([
  ['prerouting', { dst: '172.24.4.70' }, { kind: 'dnat', address: '10.0.0.5' }],
  ['prerouting', { dst: '169.254.169.254' }, { kind: 'redirect', port: 9697 }],
  ['prerouting', { dst: '169.254.169.254', port: 81 }, undefined],
  ['prerouting', { dst: '169.254.169.254', inDevice: 'qg-1' }, undefined],
  ['postrouting', { src: '10.0.0.5', outDevice: 'qg-1' }, { kind: 'snat', address: '172.24.4.70' }],
  ['postrouting', { outDevice: 'qg-1' }, { kind: 'snat', address: '172.24.4.3' }],
  ['postrouting', { outDevice: 'qr-2' }, undefined],
  ['postrouting', { outDevice: 'qr-2', dnat: true }, { kind: 'snat', address: '172.24.4.3' }],
  ['input', { inDevice: 'qg-1', port: 9697 }, { kind: 'drop' }],
  ['input', { inDevice: 'qg-1', port: 9697, protocol: 'udp' }, undefined],
] as const)('%s of %o: %o', (hook, change, expected) => {
  expect(verdict(read(), hook, packet(change))).toEqual(expected)
})

test('a text that nft would refuse changes nothing', () => {
  const before = read()
  expect(readRuleset(before, text.replace('snat to', 'snta to'))).toEqual({
    error: expect.stringContaining('snta'),
  })
  expect(verdict(before, 'prerouting', packet({ dst: '172.24.4.70' }))).toBeDefined()
})

test('a table that is deleted is gone, others stay', () => {
  const six =
    'table ip6 nimbo {\n  chain input {\n    type filter hook input priority filter; policy accept;\n    udp dport 547 drop\n  }\n}\n'
  const both = readRuleset(read(), six)
  const after = 'nat' in both ? readRuleset(both.nat, 'table ip nimbo\ndelete table ip nimbo\n') : both
  if ('error' in after) throw new Error(after.error)
  expect(verdict(after.nat, 'prerouting', packet({ dst: '172.24.4.70' }))).toBeUndefined()
  expect(verdict(after.nat, 'input', packet({ dst: 'fe80::1', protocol: 'udp', port: 547 }))).toEqual({
    kind: 'drop',
  })
})
