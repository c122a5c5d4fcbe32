// What placement knows of hosts, and how it comes to agree again after anything.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type TestCompute, type TestHost, testCompute } from '../test-compute.ts'

let cloud: TestCompute
let host: TestHost
beforeEach(async () => {
  cloud = await testCompute({ hosts: 0 })
  host = await cloud.host('node1', { traits: ['COMPUTE_NODE', 'CUSTOM_FAST'] })
})
afterEach(() => cloud.stop())

const provider = () => {
  const [only, ...more] = [...cloud.peers.providers.values()]
  expect(more).toEqual([])
  return only!
}

it('makes a provider of a new host, with the capacity that is offered of it', () => {
  expect(provider()).toMatchObject({
    name: 'node1',
    traits: ['COMPUTE_NODE', 'CUSTOM_FAST'],
    inventories: {
      VCPU: { total: 8, reserved: 0, min_unit: 1, max_unit: 8, step_size: 1, allocation_ratio: 4 },
      MEMORY_MB: { total: 16_384, reserved: 512, allocation_ratio: 1 },
      DISK_GB: { total: 100, reserved: 0, allocation_ratio: 1 },
    },
  })
})

it('has the id of the hypervisor, so that both are found from each other', async () => {
  const { body } = await cloud.as('admin', '2.53')('GET', '/v2.1/os-hypervisors')
  expect(body.hypervisors[0].id).toBe(provider().id)
})

it('follows a host that has changed, at once', async () => {
  await host.report({ memoryMb: 32_768, traits: ['COMPUTE_NODE'], diskGb: 0 })
  expect(provider().inventories.MEMORY_MB).toMatchObject({ total: 32_768 })
  // Placement takes no inventory of nothing.
  expect(provider().inventories).not.toHaveProperty('DISK_GB')
  expect(provider().traits).toEqual(['COMPUTE_NODE'])
})

it('follows aggregates', async () => {
  const admin = cloud.as('admin', '2.41')
  const made = await admin('POST', '/v2.1/os-aggregates', { aggregate: { name: 'fast' } })
  const { id, uuid } = made.body.aggregate
  await admin('POST', `/v2.1/os-aggregates/${id}/action`, { add_host: { host: 'node1' } })
  await cloud.world.settle()
  expect(provider().aggregates).toEqual([uuid])
  await admin('POST', `/v2.1/os-aggregates/${id}/action`, { remove_host: { host: 'node1' } })
  await cloud.world.settle()
  expect(provider().aggregates).toEqual([])
})

it('tells again what placement has lost', async () => {
  const { id } = provider()
  cloud.peers.providers.clear()
  await cloud.world.advance(601_000)
  expect(provider()).toMatchObject({ id, traits: ['COMPUTE_NODE', 'CUSTOM_FAST'] })
})

it('takes the place of what a host was before it was forgotten', async () => {
  const stale = { ...provider(), id: 'stale' }
  cloud.peers.providers.clear()
  cloud.peers.providers.set('stale', stale)
  await cloud.world.advance(601_000)
  expect(provider().id).not.toBe('stale')
})

it('releases claims of servers that are gone, and no others', async () => {
  const server = await cloud.server()
  const claim = cloud.peers.consumers.get(server.id)!
  cloud.peers.consumers.set('gone', { ...claim })
  await cloud.world.advance(301_000)
  expect([...cloud.peers.consumers.keys()]).toEqual([server.id])
})
