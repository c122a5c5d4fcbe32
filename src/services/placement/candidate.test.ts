// What is a candidate and what is none, over one fleet: two hosts with processors in nodes below them, a flat one, and a
// pool of disk that two of them share.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { at, testPlacement } from './test-placement.ts'

type Rig = Awaited<ReturnType<typeof testPlacement>>
let rig: Rig
/** Ids by short names, and back. */
const uuids: Record<string, string> = {}
const nameOf = (uuid: string) => Object.keys(uuids).find((name) => uuids[name] === uuid) ?? uuid
const shared = 'aaaaaaaa-0000-4000-8000-000000000001'
const odd = 'aaaaaaaa-0000-4000-8000-000000000002'

beforeAll(async () => {
  rig = await testPlacement()
  const put = async (name: string, ...given: Parameters<Rig['provide']>) => {
    uuids[name] = await rig.provide(given[0], { name, ...given[1] })
  }
  await put('left', {}, { aggregates: [shared], traits: ['COMPUTE_NODE'] })
  await put('left0', { VCPU: 4, MEMORY_MB: 1024 }, { parent: uuids.left, traits: ['HW_NUMA_ROOT'] })
  await put(
    'left1',
    { VCPU: 4, MEMORY_MB: 1024 },
    { parent: uuids.left, traits: ['HW_NUMA_ROOT', 'CUSTOM_FAST'], aggregates: [odd] },
  )
  await put('leftnic', { SRIOV_NET_VF: 2 }, { parent: uuids.left0, traits: ['CUSTOM_RED'] })
  await put('right', {}, { aggregates: [shared, odd] })
  await put(
    'right0',
    { VCPU: { total: 4, max_unit: 2 }, MEMORY_MB: 1024 },
    { parent: uuids.right, traits: ['HW_NUMA_ROOT'] },
  )
  await put('rightnic', { SRIOV_NET_VF: 4 }, { parent: uuids.right, traits: ['CUSTOM_BLUE'] })
  await put('flat', { VCPU: 8, MEMORY_MB: 2048, DISK_GB: 100 }, { traits: ['CUSTOM_FAST', 'COMPUTE_NODE'] })
  await put(
    'pool',
    { DISK_GB: { total: 1000, step_size: 10 } },
    { aggregates: [shared], traits: ['MISC_SHARES_VIA_AGGREGATE', 'STORAGE_DISK_SSD'] },
  )
})
afterAll(() => rig.service.stop())

const named = (query: string) => query.replace(/@(\w+)/g, (_, name: string) => uuids[name] ?? name)

/** Each candidate as 'left0:VCPU=1,MEMORY_MB=2 pool:DISK_GB=10', in the order of the alphabet. */
async function ask(query: string, version = '1.39') {
  const { status, body } = await rig.call(
    'GET',
    `/allocation_candidates?${named(query)}`,
    undefined,
    at(version),
  )
  if (status !== 200)
    return { status, detail: body.errors[0].detail as string, code: body.errors[0].code as string }
  type Request = {
    allocations: Record<string, { resources: Record<string, number> }>
    mappings?: Record<string, string[]>
  }
  const ways = (body.allocation_requests as Request[]).map(({ allocations }) =>
    Object.entries(allocations)
      .map(
        ([uuid, { resources }]) =>
          `${nameOf(uuid)}:${Object.entries(resources)
            .map(([name, amount]) => `${name}=${amount}`)
            .sort()
            .join()}`,
      )
      .sort()
      .join(' '),
  )
  const mappings = (body.allocation_requests as Request[]).map((each) => each.mappings)
  return {
    status,
    ways: ways.sort(),
    mappings,
    summaries: Object.keys(body.provider_summaries).map(nameOf).sort(),
    body,
  }
}

describe('candidates', () => {
  test.each<[string, string, string[]]>([
    ['each provider with room', 'resources=VCPU:3', ['flat:VCPU=3', 'left0:VCPU=3', 'left1:VCPU=3']],
    [
      'no more than a unit holds',
      'resources=VCPU:2',
      ['flat:VCPU=2', 'left0:VCPU=2', 'left1:VCPU=2', 'right0:VCPU=2'],
    ],
    ['in steps', 'resources=DISK_GB:105', []],
    [
      'spread over a tree and what is shared with it',
      'resources=VCPU:4,DISK_GB:10',
      ['flat:DISK_GB=10,VCPU=4', 'left0:VCPU=4 pool:DISK_GB=10', 'left1:VCPU=4 pool:DISK_GB=10'],
    ],
    ['what is shared alone, once', 'resources=DISK_GB:200', ['pool:DISK_GB=200']],
    [
      'a trait of any giver',
      'resources=VCPU:2,DISK_GB:10&required=STORAGE_DISK_SSD',
      ['left0:VCPU=2 pool:DISK_GB=10', 'left1:VCPU=2 pool:DISK_GB=10', 'pool:DISK_GB=10 right0:VCPU=2'],
    ],
    [
      'one of several traits',
      'resources=VCPU:1&required=in:CUSTOM_FAST,CUSTOM_RED',
      ['flat:VCPU=1', 'left1:VCPU=1'],
    ],
    [
      'one of several, and not another',
      'resources=VCPU:1&required=in:CUSTOM_FAST,HW_NUMA_ROOT&required=!CUSTOM_FAST',
      ['left0:VCPU=1', 'right0:VCPU=1'],
    ],
    [
      "the root's aggregates for all its tree",
      `resources=VCPU:1&member_of=${odd}`,
      ['left1:VCPU=1', 'right0:VCPU=1'],
    ],
    [
      "the root's aggregates forbidden for all its tree",
      `resources=VCPU:1&member_of=!${shared}`,
      ['flat:VCPU=1'],
    ],
    ['a numbered group from a member itself', `resources1=VCPU:1&member_of1=${odd}`, ['left1:VCPU=1']],
    ['one tree', 'resources=VCPU:1&in_tree=@leftnic', ['left0:VCPU=1', 'left1:VCPU=1']],
    ['one tree, with nothing shared', 'resources=VCPU:1,DISK_GB:10&in_tree=@left', []],
    [
      'a group from the tree of what is shared',
      'resources=VCPU:3&resources1=DISK_GB:10&in_tree1=@pool',
      ['left0:VCPU=3 pool:DISK_GB=10', 'left1:VCPU=3 pool:DISK_GB=10'],
    ],
    ['a tree that is not there', 'resources=VCPU:1&in_tree=00000000-0000-4000-8000-00000000dead', []],
    [
      'a trait of the root',
      'resources=VCPU:1&root_required=COMPUTE_NODE,!CUSTOM_FAST',
      ['left0:VCPU=1', 'left1:VCPU=1'],
    ],
    ['two groups of one provider', 'resources1=VCPU:3&resources2=VCPU:5&group_policy=none', ['flat:VCPU=8']],
    [
      'two groups apart',
      'resources1=VCPU:4&resources2=VCPU:4&group_policy=isolate',
      ['left0:VCPU=4 left1:VCPU=4', 'left0:VCPU=4 left1:VCPU=4'],
    ],
    [
      'no more units by two groups than one may',
      'resources=VCPU:1&resources1=VCPU:2&in_tree=@right&in_tree1=@right',
      [],
    ],
    [
      'groups below one another',
      'resources_CPU=VCPU:1&resources_PORT=SRIOV_NET_VF:1&same_subtree=_CPU,_PORT&group_policy=none',
      ['left0:VCPU=1 leftnic:SRIOV_NET_VF=1'],
    ],
    [
      'a group that only marks a place',
      'resources_PORT=SRIOV_NET_VF:1&required_NODE=HW_NUMA_ROOT&same_subtree=_NODE,_PORT&group_policy=none',
      ['leftnic:SRIOV_NET_VF=1'],
    ],
  ])('%s', async (_, query, wanted) => {
    expect((await ask(query)).ways).toEqual(wanted)
  })

  test('say which provider serves which group', async () => {
    const { mappings, body } = await ask(
      'resources=VCPU:4&resources_PORT=SRIOV_NET_VF:1&required_PORT=CUSTOM_RED&in_tree=@left0',
    )
    expect(mappings).toHaveLength(2)
    for (const each of mappings!) expect(each!._PORT).toEqual([uuids.leftnic])
    expect(new Set(mappings!.map((each) => each!['']![0]))).toEqual(new Set([uuids.left0, uuids.left1]))
    expect(Object.keys(body.allocation_requests[0])).toEqual(['allocations', 'mappings'])
    const before = await ask('resources=VCPU:4', '1.33')
    expect(Object.keys(before.body.allocation_requests[0])).toEqual(['allocations'])
  })

  test('come with all of their trees from 1.29 on, and from one provider of a tree before', async () => {
    const query = 'resources=VCPU:1,SRIOV_NET_VF:1'
    expect((await ask(query)).summaries).toEqual([
      'left',
      'left0',
      'left1',
      'leftnic',
      'right',
      'right0',
      'rightnic',
    ])
    expect(await ask(query, '1.28')).toMatchObject({ ways: [], summaries: [] })
    const shared = await ask('resources=SRIOV_NET_VF:1,DISK_GB:10', '1.28')
    expect(shared.ways).toEqual([
      'leftnic:SRIOV_NET_VF=1 pool:DISK_GB=10',
      'pool:DISK_GB=10 rightnic:SRIOV_NET_VF=1',
    ])
    expect(shared.summaries).toEqual(['leftnic', 'pool', 'rightnic'])
  })

  test('are as many as wanted, of different trees first', async () => {
    const { ways, summaries } = await ask('resources=VCPU:1&limit=3')
    expect(ways).toHaveLength(3)
    expect(summaries).toEqual(expect.arrayContaining(['flat', 'left', 'right']))
  })

  test('see other traits of a provider at once', async () => {
    const uuid = await rig.provide({ PGPU: 1 }, { traits: ['CUSTOM_RED'] })
    const red = async () => (await ask('resources=PGPU:1&required=CUSTOM_RED')).ways
    expect(await red()).toHaveLength(1)
    const body = { resource_provider_generation: 2, traits: ['CUSTOM_BLUE'] }
    expect((await rig.call('PUT', `/resource_providers/${uuid}/traits`, body)).status).toBe(200)
    expect(await red()).toEqual([])
  })

  test.each<[string, string, string, string?]>([
    ['', '1.24', "'resources' is a required property"],
    ['', '1.25', 'At least one request group'],
    ['', '1.36', 'There must be at least one resources', 'placement.query.missing_value'],
    ['resources=VCPU', '1.39', 'Badly formed resources parameter'],
    ['resources=VCPU:one', '1.39', 'expected positive integer amount. Got: one.'],
    ['resources=VCPU:1&required=!HW_NUMA_ROOT', '1.21', 'HW_CPU_X86_VMX,CUSTOM_MAGIC'],
    ['resources=VCPU:1&required=in:HW_NUMA_ROOT', '1.38', 'only supported since microversion 1.39'],
    [
      'resources=VCPU:1&required=HW_NUMA_ROOT,!HW_NUMA_ROOT',
      '1.39',
      'Conflicting required and forbidden traits',
    ],
    ['resources=VCPU:1&member_of=a,b', '1.39', "must be prefixed with the 'in:' or '!in:' keyword"],
    [`resources=VCPU:1&member_of=!${odd}`, '1.31', 'Forbidden member_of parameters'],
    [`resources=VCPU:1&member_of=${odd}&member_of=${odd}`, '1.23', 'Multiple member_of parameters'],
    ['resources=VCPU:1&in_tree=tree', '1.39', "Expected 'in_tree' parameter to be a format of uuid"],
    ['resources=VCPU:1&in_tree=@left', '1.30', 'does not match any of the regexes'],
    ['resources01=VCPU:1', '1.32', 'does not match any of the regexes'],
    ['resources_X=VCPU:1', '1.32', 'does not match any of the regexes'],
    [`resources${'x'.repeat(65)}=VCPU:1`, '1.39', 'does not match any of the regexes'],
    ['resources=VCPU:1&resources1=VCPU:1', '1.24', "'resources1' was unexpected"],
    ['resources=VCPU:1&required1=HW_NUMA_ROOT', '1.35', 'orphaned traits keys: required1'],
    [
      'resources=VCPU:1&required1=HW_NUMA_ROOT&group_policy=none',
      '1.36',
      'Resourceless suffixed group',
      'placement.query.bad_value',
    ],
    ['resources1=VCPU:1&same_subtree=1,2', '1.36', 'Real suffixes', 'placement.query.bad_value'],
    ['resources1=VCPU:1&same_subtree=1,', '1.36', 'Empty string', 'placement.query.bad_value'],
    ['resources1=VCPU:1&resources2=VCPU:1', '1.39', '"group_policy" parameter is required'],
    ['resources=VCPU:1&group_policy=both', '1.39', "'both' is not one of ['none', 'isolate']"],
    [
      'resources=VCPU:1&root_required=HW_NUMA_ROOT&root_required=HW_NUMA_ROOT',
      '1.35',
      'only once',
      'placement.query.duplicate_key',
    ],
    [
      'resources=VCPU:1&root_required=HW_NUMA_ROOT,!HW_NUMA_ROOT',
      '1.35',
      'found in root_required',
      'placement.query.bad_value',
    ],
    ['resources=VCPU:1&root_required=CUSTOM_NOWHERE', '1.35', 'No such trait(s): CUSTOM_NOWHERE'],
  ])('refuse %s at %s', async (query, version, words, code = 'placement.undefined_code') => {
    const refused = await ask(query, version)
    expect(refused).toMatchObject({ status: 400, detail: expect.stringContaining(words) })
    if (Number(version.slice(2)) >= 23) expect(refused.code).toBe(code)
  })
})
