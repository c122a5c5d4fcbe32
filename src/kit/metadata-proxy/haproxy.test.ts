import { expect, test } from 'vitest'
import { haproxyConfig } from './haproxy.ts'

test("a network's proxy has the lines of row 207 and trusts no header of a guest", () => {
  const config = haproxyConfig({
    networkId: 'a51635b1-d023-419a-93b5-39de47755d2d',
    port: 80,
    socketPath: '/opt/stack/data/neutron/metadata_proxy',
  })
  expect(config.slice(config.indexOf('listen listener'))).toBe(
    `listen listener
    bind 0.0.0.0:80
    server metadata /opt/stack/data/neutron/metadata_proxy
    http-request del-header X-Forwarded-For
    http-request del-header X-Neutron-Network-ID
    http-request del-header X-Neutron-Router-ID
    http-request del-header X-Instance-ID
    http-request del-header X-Instance-ID-Signature
    http-request del-header X-Tenant-ID
    http-request add-header X-Neutron-Network-ID a51635b1-d023-419a-93b5-39de47755d2d
`,
  )
})

test("a router's proxy names the router", () => {
  const config = haproxyConfig({ routerId: 'r1', port: 9697, socketPath: '/s' })
  expect(config).toContain('bind 0.0.0.0:9697')
  expect(config).toContain('add-header X-Neutron-Router-ID r1')
  expect(config).not.toContain('add-header X-Neutron-Network-ID')
})
