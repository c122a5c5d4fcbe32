// Writers at the same time, in any order that their statements may take: nobody gets what is gone, nothing is lost, and
// whoever must look again is told so by code. And the reshaper, which moves what is claimed while nobody may notice.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claim, testPlacement } from './test-placement.ts'

describe('writers at once', () => {
  let rig: Awaited<ReturnType<typeof testPlacement>>
  beforeAll(async () => {
    rig = await testPlacement()
  })
  afterAll(() => rig.service.stop())

  const put = (consumer: string, body: unknown) => rig.call('PUT', `/allocations/${consumer}`, body)
  const usages = async (uuid: string) =>
    (await rig.call('GET', `/resource_providers/${uuid}/usages`)).body.usages
  const codes = (answers: { status: number; body: { errors?: { code: string }[] } }[]) =>
    answers.map(({ status, body }) => (status === 409 ? body.errors![0]!.code : status))

  test('take exactly what is there, over two providers each', async () => {
    const [a, b] = [await rig.provide({ VCPU: 5 }), await rig.provide({ VCPU: 7 })]
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => put(rig.random.uuid(), claim({ [a]: { VCPU: 1 }, [b]: { VCPU: 1 } }))),
    )
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(5)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(7)
    expect([await usages(a), await usages(b)]).toEqual([{ VCPU: 5 }, { VCPU: 5 }])
  })

  test('of one consumer only one is first', async () => {
    const uuid = await rig.provide({ VCPU: 10 })
    const consumer = rig.random.uuid()
    const answers = await Promise.all(
      [1, 2, 3, 4].map((amount) => put(consumer, claim({ [uuid]: { VCPU: amount } }))),
    )
    expect(codes(answers).sort()).toEqual([204, ...Array(3).fill('placement.concurrent_update')])
    const { allocations } = (await rig.call('GET', `/allocations/${consumer}`)).body
    expect(await usages(uuid)).toEqual(allocations[uuid].resources)
  })

  test('of one generation of a provider only one is first, whatever it changes', async () => {
    const uuid = await rig.provide({ VCPU: 10 })
    const write = (what: string, body: object) =>
      rig.call('PUT', `/resource_providers/${uuid}/${what}`, { resource_provider_generation: 1, ...body })
    const answers = await Promise.all([
      write('inventories', { inventories: { VCPU: { total: 4 } } }),
      write('traits', { traits: ['HW_NUMA_ROOT'] }),
      write('aggregates', { aggregates: [rig.random.uuid()] }),
      write('inventories/VCPU', { total: 6 }),
    ])
    expect(codes(answers).sort()).toEqual([200, ...Array(3).fill('placement.concurrent_update')])
    expect((await rig.call('GET', `/resource_providers/${uuid}`)).body.generation).toBe(2)
  })

  test('claims and an inventory taken away leave no claim without it', async () => {
    const uuid = await rig.provide({ VCPU: 2, MEMORY_MB: 100 })
    const [claimed, emptied] = await Promise.all([
      put(rig.random.uuid(), claim({ [uuid]: { VCPU: 1, MEMORY_MB: 1 } })),
      rig.call('DELETE', `/resource_providers/${uuid}/inventories`),
    ])
    const first = claimed.status === 204 ? 'claim' : 'emptying'
    expect(emptied.status).toBe(first === 'claim' ? 409 : 204)
    expect(await usages(uuid)).toEqual(first === 'claim' ? { VCPU: 1, MEMORY_MB: 1 } : {})
  })

  test('a swap of two consumers on full providers is one step', async () => {
    const [a, b] = [await rig.provide({ VCPU: 1 }), await rig.provide({ VCPU: 1 })]
    const [one, two] = [rig.random.uuid(), rig.random.uuid()]
    await put(one, claim({ [a]: { VCPU: 1 } }))
    await put(two, claim({ [b]: { VCPU: 1 } }))
    const body = { [one]: claim({ [b]: { VCPU: 1 } }, 1), [two]: claim({ [a]: { VCPU: 1 } }, 1) }
    expect((await rig.call('POST', '/allocations', body)).status).toBe(204)
    expect((await rig.call('GET', `/allocations/${one}`)).body.allocations).toHaveProperty(b)
  })

  test('one claim that does not fit undoes all that came with it', async () => {
    const [a, b] = [await rig.provide({ VCPU: 1 }), await rig.provide({ VCPU: 1 })]
    const body = {
      [rig.random.uuid()]: claim({ [a]: { VCPU: 1 } }),
      [rig.random.uuid()]: claim({ [b]: { VCPU: 2 } }),
    }
    expect((await rig.call('POST', '/allocations', body)).status).toBe(409)
    expect([await usages(a), await usages(b)]).toEqual([{ VCPU: 0 }, { VCPU: 0 }])
  })

  describe('the reshaper', () => {
    const reshape = (host: string, child: string, consumer: string, amount = 4) =>
      rig.as('service')('POST', '/reshaper', {
        inventories: {
          [host]: { resource_provider_generation: 2, inventories: { DISK_GB: { total: 10 } } },
          [child]: { resource_provider_generation: 0, inventories: { VCPU: { total: 4 } } },
        },
        allocations: {
          [consumer]: claim({ [host]: { DISK_GB: 5 }, [child]: { VCPU: amount } }, 1),
        },
      })
    const prepare = async () => {
      const host = await rig.provide({ VCPU: 4, DISK_GB: 10 })
      const child = await rig.provide({}, { parent: host })
      const consumer = rig.random.uuid()
      expect((await put(consumer, claim({ [host]: { VCPU: 4, DISK_GB: 5 } }))).status).toBe(204)
      return [host, child, consumer] as const
    }

    test('moves an inventory and its claims to a child', async () => {
      const [host, child, consumer] = await prepare()
      expect((await reshape(host, child, consumer)).status).toBe(204)
      expect([await usages(host), await usages(child)]).toEqual([{ DISK_GB: 5 }, { VCPU: 4 }])
      const generations = [host, child].map(
        async (uuid) => (await rig.call('GET', `/resource_providers/${uuid}`)).body.generation,
      )
      expect(await Promise.all(generations)).toEqual([5, 3])
    })

    test('twice at once moves once', async () => {
      const [host, child, consumer] = await prepare()
      const answers = await Promise.all([reshape(host, child, consumer), reshape(host, child, consumer)])
      expect(codes(answers).sort()).toEqual([204, 'placement.concurrent_update'])
      expect([await usages(host), await usages(child)]).toEqual([{ DISK_GB: 5 }, { VCPU: 4 }])
    })

    test('changes nothing where a claim would not fit, or would be left without its inventory', async () => {
      const [host, child, consumer] = await prepare()
      expect((await reshape(host, child, consumer, 5)).status).toBe(409)
      const orphaning = {
        inventories: { [host]: { resource_provider_generation: 2, inventories: { DISK_GB: { total: 10 } } } },
        allocations: {},
      }
      const refused = await rig.as('service')('POST', '/reshaper', orphaning)
      expect(codes([refused])).toEqual(['placement.inventory.inuse'])
      expect([await usages(host), await usages(child)]).toEqual([{ VCPU: 4, DISK_GB: 5 }, {}])
      expect((await rig.call('GET', `/resource_providers/${host}`)).body.generation).toBe(2)
    })
  })
})
