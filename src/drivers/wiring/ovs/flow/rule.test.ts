import fc from 'fast-check'
import { expect, test } from 'vitest'
import { portMasks, protocolMatches, remoteMatch } from './rule.ts'
import { sampleRule } from './sample.ts'

test.each([
  [{ protocol: 6, portMin: 22, portMax: 22 }, ['tcp,tp_dst=22']],
  [{ protocol: 17, portMin: 53, portMax: 53, ethertype: 'IPv6' as const }, ['udp6,tp_dst=53']],
  [{ protocol: 6 }, ['tcp']],
  [{ protocol: 6, portMin: 8000, portMax: 8007 }, ['tcp,tp_dst=0x1f40/0xfff8']],
  [{ protocol: 1 }, ['icmp']],
  [{ protocol: 1, portMin: 8, portMax: 0 }, ['icmp,icmp_type=8,icmp_code=0']],
  [{ protocol: 1, portMin: 3 }, ['icmp,icmp_type=3']],
  [{ protocol: 1, ethertype: 'IPv6' as const }, ['icmp6']],
  [{ protocol: 58, ethertype: 'IPv6' as const }, ['icmp6']],
  [{ protocol: 47 }, ['ip,nw_proto=47']],
  [{ protocol: 132, portMin: 1, portMax: 1 }, ['sctp,tp_dst=1']],
  [{}, ['ip']],
  [{ ethertype: 'IPv6' as const }, ['ipv6']],
])('%j', (change, matches) => {
  expect(protocolMatches(sampleRule(change))).toEqual(matches)
})

test('masks cover a port range exactly', () => {
  const port = fc.integer({ min: 0, max: 65535 })
  fc.assert(
    fc.property(port, port, port, (a, b, probe) => {
      const [min, max] = a < b ? [a, b] : [b, a]
      const covered = portMasks(min, max).some((text) => {
        const [value, mask = 0xffff] = text.split('/').map(Number)
        return (probe & mask) === value
      })
      expect(covered).toBe(probe >= min && probe <= max)
    }),
  )
  expect(portMasks(0, 65535)).toEqual(['0x0/0x0'])
  expect(portMasks(1, 65535)).toHaveLength(16)
})

test('the remote side', () => {
  expect(remoteMatch('ingress', 'IPv4', '10.0.0.0/8')).toBe('nw_src=10.0.0.0/8')
  expect(remoteMatch('egress', 'IPv4', '10.0.0.1')).toBe('nw_dst=10.0.0.1')
  expect(remoteMatch('ingress', 'IPv6', 'fd00::/64')).toBe('ipv6_src=fd00::/64')
  expect(remoteMatch('ingress', 'IPv4', '0.0.0.0/0')).toBe('')
  expect(remoteMatch('ingress', 'IPv4', 'fd00::/64')).toBeUndefined()
  expect(remoteMatch('ingress', 'IPv4', 'nonsense')).toBeUndefined()
})
