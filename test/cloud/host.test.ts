import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestCloud, testCloud } from './test-cloud.ts'

let cloud: TestCloud
beforeAll(async () => {
  cloud = await testCloud({ hosts: 2 })
})
afterAll(() => cloud.stop())

test('hosts are up and offered to placement as what they have', async () => {
  const { services } = await cloud.admin.call<{
    services: { binary: string; host: string; state: string; zone: string }[]
  }>('compute', { path: '/os-services' })
  const hosts = services.filter((service) => service.binary === 'nova-compute')
  expect(hosts.map(({ host, state }) => [host, state]).sort()).toEqual([
    ['node1', 'up'],
    ['node2', 'up'],
  ])
  const { resource_providers: providers } = await cloud.admin.call<{
    resource_providers: { name: string }[]
  }>('placement', {
    path: '/resource_providers',
    headers: { 'openstack-api-version': 'placement 1.20' },
  })
  expect(providers.map((provider) => provider.name).sort()).toEqual(['node1', 'node2'])
})
