import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withDefaults } from '#kit/config/section.ts'
import { schemaDifferences } from '#kit/db/schema.ts'
import { authenticateBy, callsTo, testCaller, testPlatform } from '#kit/service/test-platform.ts'
import { placementConfig } from './config.ts'
import { allocation, consumer } from './resources/allocation.ts'
import { inventory, provider, providerAggregate, providerTrait } from './resources/provider.ts'
import { resourceClass, trait } from './resources/vocabulary.ts'
import { openPlacement, type RunningPlacement } from './service.ts'

const platform = testPlatform()
const { random } = platform.world
let service: RunningPlacement
let call: ReturnType<typeof callsTo>

beforeAll(async () => {
  const callers = {
    admin: testCaller({ roles: ['admin'] }),
    member: testCaller({ roles: ['member', 'reader'] }),
  }
  service = await openPlacement(platform, withDefaults(placementConfig), authenticateBy(callers))
  call = callsTo(service.http, 'admin', { 'openstack-api-version': 'placement 1.29' })
})
afterAll(() => service.stop())

async function host(
  resources: Record<string, number>,
  options: { parent?: string; traits?: string[] } = {},
): Promise<string> {
  const uuid = random.uuid()
  const made = await call('POST', '/resource_providers', {
    name: `host-${uuid}`,
    uuid,
    ...(options.parent && { parent_provider_uuid: options.parent }),
  })
  expect(made.status).toBe(200)
  const inventories = Object.fromEntries(Object.entries(resources).map(([name, total]) => [name, { total }]))
  const put = await call('PUT', `/resource_providers/${uuid}/inventories`, {
    resource_provider_generation: 0,
    inventories,
  })
  expect(put.status).toBe(200)
  if (options.traits) {
    const set = await call('PUT', `/resource_providers/${uuid}/traits`, {
      resource_provider_generation: 1,
      traits: options.traits,
    })
    expect(set.status).toBe(200)
  }
  return uuid
}

const claim = (uuid: string, resources: Record<string, number>, generation: number | null = null) => ({
  allocations: { [uuid]: { resources } },
  project_id: 'project',
  user_id: 'user',
  consumer_generation: generation,
})
const v128 = { 'openstack-api-version': 'placement 1.28' }

describe('placement', () => {
  test('its migrations make the tables that it declares', async () => {
    const tables = [
      provider,
      inventory,
      providerTrait,
      providerAggregate,
      resourceClass,
      trait,
      consumer,
      allocation,
    ]
    expect(await schemaDifferences(service.app.db, tables)).toEqual([])
  })

  test('tells its versions to anybody, and anything else to those with a token', async () => {
    const stranger = callsTo(service.http, undefined)
    expect((await stranger('GET', '/')).body.versions[0]).toMatchObject({
      id: 'v1.0',
      min_version: '1.0',
      max_version: '1.39',
    })
    expect((await stranger('GET', '/resource_providers')).status).toBe(401)
    expect((await stranger('GET', '/nothing')).status).toBe(404)
    expect((await callsTo(service.http, 'member')('GET', '/resource_providers')).status).toBe(403)
  })

  test('refuses versions that it does not have, in its own words', async () => {
    const late = await call('GET', '/resource_providers', undefined, {
      'openstack-api-version': 'placement 1.99',
    })
    expect(late.status).toBe(406)
    expect(late.body.errors[0]).toMatchObject({
      min_version: '1.0',
      max_version: '1.39',
      title: 'Not Acceptable',
    })
    expect(
      (await call('GET', '/resource_providers', undefined, { 'openstack-api-version': 'placement pony' }))
        .status,
    ).toBe(400)
  })

  test('a provider is made, shown, renamed and deleted', async () => {
    const uuid = random.uuid()
    const made = await call('POST', '/resource_providers', { name: 'rack 1', uuid })
    expect(made.body).toMatchObject({
      uuid,
      name: 'rack 1',
      generation: 0,
      parent_provider_uuid: null,
      root_provider_uuid: uuid,
    })
    expect(made.headers.location).toContain(`/resource_providers/${uuid}`)
    expect((await call('POST', '/resource_providers', { name: 'rack 1' })).body.errors[0].code).toBe(
      'placement.duplicate_name',
    )
    expect((await call('PUT', `/resource_providers/${uuid}`, { name: 'rack 2' })).body.name).toBe('rack 2')
    expect((await call('GET', '/resource_providers?name=rack%202')).body.resource_providers).toHaveLength(1)
    expect((await call('DELETE', `/resource_providers/${uuid}`)).status).toBe(204)
    expect((await call('GET', `/resource_providers/${uuid}`)).status).toBe(404)
  })

  test('before 1.20 a create answers with the place alone', async () => {
    const made = await call(
      'POST',
      '/resource_providers',
      { name: 'old client' },
      { 'openstack-api-version': 'placement 1.10' },
    )
    expect([made.status, made.body]).toEqual([201, ''])
  })

  test('a writer with an old generation changes nothing', async () => {
    const uuid = await host({ VCPU: 4 })
    const stale = await call('PUT', `/resource_providers/${uuid}/inventories`, {
      resource_provider_generation: 0,
      inventories: { VCPU: { total: 9 } },
    })
    expect(stale.status).toBe(409)
    expect(stale.body.errors[0].code).toBe('placement.concurrent_update')
    expect((await call('GET', `/resource_providers/${uuid}/inventories`)).body.inventories.VCPU.total).toBe(4)
  })

  test('a claim is all or nothing, and never above the capacity', async () => {
    const uuid = await host({ VCPU: 4, MEMORY_MB: 1024 })
    const server = random.uuid()
    expect(
      (await call('PUT', `/allocations/${server}`, claim(uuid, { VCPU: 2, MEMORY_MB: 512 }), v128)).status,
    ).toBe(204)
    const over = await call(
      'PUT',
      `/allocations/${random.uuid()}`,
      claim(uuid, { VCPU: 1, MEMORY_MB: 1000 }),
      v128,
    )
    expect(over.status).toBe(409)
    expect((await call('GET', `/resource_providers/${uuid}/usages`)).body.usages).toEqual({
      VCPU: 2,
      MEMORY_MB: 512,
    })
    const shown = (await call('GET', `/allocations/${server}`, undefined, v128)).body
    expect(shown).toMatchObject({
      consumer_generation: 1,
      project_id: 'project',
      allocations: { [uuid]: { resources: { VCPU: 2, MEMORY_MB: 512 } } },
    })
    expect((await call('DELETE', `/resource_providers/${uuid}`)).body.errors[0].code).toBe(
      'placement.resource_provider.inuse',
    )
    expect((await call('DELETE', `/allocations/${server}`)).status).toBe(204)
    expect((await call('GET', `/resource_providers/${uuid}/usages`)).body.usages).toEqual({
      VCPU: 0,
      MEMORY_MB: 0,
    })
  })

  test('many claims at once take exactly what is there', async () => {
    const uuid = await host({ VCPU: 10 })
    const answers = await Promise.all(
      Array.from({ length: 16 }, () =>
        call('PUT', `/allocations/${random.uuid()}`, claim(uuid, { VCPU: 1 }), v128),
      ),
    )
    expect(answers.filter((each) => each.status === 204)).toHaveLength(10)
    expect(answers.filter((each) => each.status === 409)).toHaveLength(6)
    expect((await call('GET', `/resource_providers/${uuid}/usages`)).body.usages).toEqual({ VCPU: 10 })
  })

  test("a consumer's generation guards its allocations", async () => {
    const uuid = await host({ VCPU: 4 })
    const server = random.uuid()
    const put = (generation: number | null) =>
      call('PUT', `/allocations/${server}`, claim(uuid, { VCPU: 1 }, generation), v128)
    expect((await put(5)).body.errors[0].code).toBe('placement.concurrent_update')
    expect((await put(null)).status).toBe(204)
    expect((await put(null)).status).toBe(409)
    expect((await put(1)).status).toBe(204)
    const emptied = { allocations: {}, project_id: 'project', user_id: 'user', consumer_generation: 2 }
    expect((await call('PUT', `/allocations/${server}`, emptied, v128)).status).toBe(204)
    expect((await call('GET', `/allocations/${server}`)).body).toEqual({ allocations: {} })
  })

  test('moves several consumers in one step', async () => {
    const [from, to] = [await host({ VCPU: 1 }), await host({ VCPU: 1 })]
    const server = random.uuid()
    await call('PUT', `/allocations/${server}`, claim(from, { VCPU: 1 }), v128)
    const moved = await call(
      'POST',
      '/allocations',
      { [server]: claim(to, { VCPU: 1 }, 1), [random.uuid()]: claim(from, { VCPU: 1 }) },
      v128,
    )
    expect(moved.status).toBe(204)
    expect((await call('GET', `/allocations/${server}`)).body.allocations).toHaveProperty(to)
  })

  test('usages are summed by project, for those of the project', async () => {
    const uuid = await host({ VCPU: 3 })
    const body = { ...claim(uuid, { VCPU: 3 }), project_id: 'p'.repeat(32) }
    await call('PUT', `/allocations/${random.uuid()}`, body, v128)
    const member = callsTo(service.http, 'member', { 'openstack-api-version': 'placement 1.9' })
    expect((await member('GET', `/usages?project_id=${'p'.repeat(32)}`)).body.usages).toEqual({ VCPU: 3 })
    expect((await member('GET', '/usages?project_id=foreign')).status).toBe(403)
  })

  describe('candidates', () => {
    const ask = async (query: string, headers = {}) =>
      (await call('GET', `/allocation_candidates?${query}`, undefined, headers)).body
    const givers = (body: { allocation_requests: { allocations: object }[] }) =>
      body.allocation_requests.map((each) => Object.keys(each.allocations))

    test('have room, the traits asked for and none that are forbidden', async () => {
      await call('PUT', '/resource_classes/CUSTOM_LAB')
      const fast = await host({ CUSTOM_LAB: 4 }, { traits: ['STORAGE_DISK_SSD', 'COMPUTE_NODE'] })
      const slow = await host({ CUSTOM_LAB: 4 }, { traits: ['COMPUTE_NODE'] })
      const small = await host({ CUSTOM_LAB: 1 })
      expect(new Set(givers(await ask('resources=CUSTOM_LAB:1')).flat())).toEqual(
        new Set([fast, slow, small]),
      )
      expect(new Set(givers(await ask('resources=CUSTOM_LAB:2')).flat())).toEqual(new Set([fast, slow]))
      expect(givers(await ask('resources=CUSTOM_LAB:2&required=STORAGE_DISK_SSD'))).toEqual([[fast]])
      expect(givers(await ask('resources=CUSTOM_LAB:2&required=COMPUTE_NODE,!STORAGE_DISK_SSD'))).toEqual([
        [slow],
      ])
      expect(givers(await ask('resources=CUSTOM_LAB:1&limit=2'))).toHaveLength(2)
      const summary = (await ask('resources=CUSTOM_LAB:2&required=STORAGE_DISK_SSD')).provider_summaries[fast]
      expect(summary).toMatchObject({
        resources: { CUSTOM_LAB: { capacity: 4, used: 0 } },
        root_provider_uuid: fast,
      })
    })

    test('the list of providers takes the same words', async () => {
      const listed = async (query: string, version = '1.29') => {
        const headers = { 'openstack-api-version': `placement ${version}` }
        const { status, body } = await call('GET', `/resource_providers?${query}`, undefined, headers)
        return status === 200 ? body.resource_providers.map((each: { uuid: string }) => each.uuid) : status
      }
      const aggregate = random.uuid()
      const both = await host({ PCI_DEVICE: 4 }, { traits: ['HW_NUMA_ROOT', 'HW_CPU_HYPERTHREADING'] })
      const one = await host({ PCI_DEVICE: 4 }, { traits: ['HW_NUMA_ROOT'] })
      await call('PUT', `/resource_providers/${one}/aggregates`, {
        resource_provider_generation: 2,
        aggregates: [aggregate],
      })
      expect(new Set(await listed('required=HW_NUMA_ROOT'))).toEqual(new Set([both, one]))
      expect(await listed('required=HW_NUMA_ROOT,!HW_CPU_HYPERTHREADING')).toEqual([one])
      expect(await listed('required=HW_NUMA_ROOT,!HW_NUMA_ROOT')).toEqual([])
      expect(await listed('required=hw')).toBe(400)
      expect(await listed(`member_of=in:${aggregate},${random.uuid()}`)).toEqual([one])
      expect(await listed(`member_of=${aggregate}&member_of=${random.uuid()}`)).toEqual([])
      expect(await listed(`member_of=${aggregate}&member_of=${aggregate}`, '1.23')).toBe(400)
      expect(await listed('member_of=nowhere')).toBe(400)
    })

    test('stand in the aggregates asked for', async () => {
      const aggregate = random.uuid()
      const inside = await host({ FPGA: 1 })
      await host({ FPGA: 1 })
      const put = await call('PUT', `/resource_providers/${inside}/aggregates`, {
        resource_provider_generation: 1,
        aggregates: [aggregate],
      })
      expect(put.body).toEqual({ aggregates: [aggregate], resource_provider_generation: 2 })
      expect(givers(await ask(`resources=FPGA:1&member_of=in:${aggregate}`))).toEqual([[inside]])
    })

    test('may be spread over one tree, and isolated groups come from different members of it', async () => {
      const root = await host({ MEMORY_MB: 64 })
      const left = await host({ VGPU: 2 }, { parent: root })
      const right = await host({ VGPU: 1 }, { parent: root })
      const spread = givers(await ask('resources=MEMORY_MB:64,VGPU:1'))
      expect(spread.map((each) => new Set(each))).toEqual(
        expect.arrayContaining([new Set([root, left]), new Set([root, right])]),
      )
      const together = givers(await ask('resources1=VGPU:1&resources2=VGPU:1&group_policy=none'))
      expect(together).toEqual(expect.arrayContaining([[left]]))
      expect(together).not.toEqual(expect.arrayContaining([[right]]))
      const apart = givers(await ask('resources1=VGPU:1&resources2=VGPU:1&group_policy=isolate'))
      expect(apart.every((each) => each.length === 2)).toBe(true)
    })

    test.each([
      ['', 'At least one request group'],
      ['resources=', 'Badly formed resources parameter'],
      ['resources=MCPU:1', 'Invalid resource class in resources parameter'],
      ['resources=VCPU:0', 'amount >= 1'],
      ['resources=VCPU:1&required=CUSTOM_NOWHERE', 'No such trait'],
      ['resources=VCPU:1&limit=0', "Failed validating 'pattern'"],
      ['resources=VCPU:1&member_of=nowhere', 'valid UUID'],
      ['resources=VCPU:1&pony=yes', "'pony' does not match any of the regexes"],
      ['resources1=VCPU:1&resources2=VCPU:1', 'group_policy'],
    ])('refuse %s', async (query, words) => {
      const refused = await call('GET', `/allocation_candidates?${query}`)
      expect(refused.status).toBe(400)
      expect(refused.body.errors[0].detail).toContain(words)
    })

    test('know an argument only from its version on', async () => {
      expect(
        (
          await call('GET', '/allocation_candidates?resources=VCPU:1', undefined, {
            'openstack-api-version': 'placement 1.9',
          })
        ).status,
      ).toBe(404)
      expect(
        (
          await call('GET', '/allocation_candidates?resources=VCPU:1&limit=5', undefined, {
            'openstack-api-version': 'placement 1.15',
          })
        ).status,
      ).toBe(400)
    })
  })

  test.each([
    ['POST', '/resource_providers', { name: 'x'.repeat(201) }],
    ['POST', '/resource_providers', { name: '' }],
    ['POST', '/resource_providers', { name: 'a', pony: 1 }],
    ['POST', '/resource_providers', { name: 'a', uuid: 'no uuid' }],
    ['POST', '/resource_providers', '{"name": '],
    ['POST', '/resource_providers', []],
    ['PUT', '/traits/NOT_CUSTOM', undefined],
    ['PUT', '/resource_classes/VCPU', undefined],
  ])('%s %s with a bad body is a clear 400', async (method, url, body) => {
    const refused = await call(method, url, body)
    expect(refused.status).toBe(400)
    expect(refused.body.errors[0].detail).not.toBe('')
  })
})
