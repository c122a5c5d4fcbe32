import { expect, test } from 'vitest'
import { ruleset } from './ruleset.ts'

const external = { device: 'qg-9f1b7c2d-31', address: '172.24.4.10' }

test('a router with a gateway, floating IPs and metadata', () => {
  expect(
    ruleset({
      external,
      enableSnat: true,
      floatingIps: [
        { floatingIp: '172.24.4.30', fixedIp: '10.0.0.71' },
        { floatingIp: '172.24.4.20', fixedIp: '10.0.0.70' },
      ],
      metadataPort: 9697,
    }),
  ).toBe(`table ip nimbo
delete table ip nimbo
table ip nimbo {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr 172.24.4.20 dnat to 10.0.0.70
    ip daddr 172.24.4.30 dnat to 10.0.0.71
    iifname "qr-*" ip daddr 169.254.169.254 tcp dport 80 redirect to :9697
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip daddr 172.24.4.20 dnat to 10.0.0.70
    ip daddr 172.24.4.30 dnat to 10.0.0.71
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 10.0.0.70 oifname "qg-9f1b7c2d-31" snat to 172.24.4.20
    ip saddr 10.0.0.71 oifname "qg-9f1b7c2d-31" snat to 172.24.4.30
    iifname "qr-*" oifname "qr-*" ct status dnat snat to 172.24.4.10
    iifname "qr-*" oifname "qg-9f1b7c2d-31" snat to 172.24.4.10
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "qg-9f1b7c2d-31" tcp dport 9697 drop
  }
}
`)
})

test('without SNAT only floating IPs are translated', () => {
  const text = ruleset({
    external,
    enableSnat: false,
    floatingIps: [{ floatingIp: '172.24.4.20', fixedIp: '10.0.0.70' }],
  })
  expect(text).not.toContain('oifname "qg-9f1b7c2d-31" snat to 172.24.4.10')
  expect(text).toContain('ip saddr 10.0.0.70 oifname "qg-9f1b7c2d-31" snat to 172.24.4.20')
  expect(text).not.toContain('chain input')
})

test('without a gateway nothing is translated', () => {
  const text = ruleset({
    enableSnat: true,
    floatingIps: [{ floatingIp: '172.24.4.20', fixedIp: '10.0.0.70' }],
  })
  expect(text).not.toMatch(/snat|dnat to/)
})
