import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LiveCloud, prepareLiveCloud, succeeded } from './live-cloud.ts'

type Row = Record<string, string | number>

const [root, child] = ['5ec7a0c0-0000-4000-8000-00000000000a', '5ec7a0c0-0000-4000-8000-00000000000b']
const [consumer, aggregate] = ['5ec7a0c0-0000-4000-8000-0000000000c0', '5ec7a0c0-0000-4000-8000-0000000000a0']
const newest = ['--os-placement-api-version', '1.39']
const first = ['--os-placement-api-version', '1.0']

/** All commands of osc-placement, at its newest version and, where they differ there, at the first. */
describe('the stock openstack client and placement', () => {
  let cloud: LiveCloud
  beforeAll(async () => {
    cloud = await prepareLiveCloud('placement-cli', 'sim')
    succeeded(await cloud.up('--hosts', '1', '--empty'))
  }, 120_000)
  afterAll(() => cloud?.destroy(), 60_000)

  const script = (...lines: string[]) => cloud.script('admin', lines, newest)
  const json = <T = Row[]>(...args: string[]) => cloud.json<T>('admin', ...newest, ...args)

  test('providers in a tree, with inventories, traits and aggregates', async () => {
    await script(
      'resource class create CUSTOM_PIPEWEED',
      'resource class set CUSTOM_LEMBAS',
      'resource class show CUSTOM_PIPEWEED',
      'trait create CUSTOM_ROUND_DOOR',
      'trait show CUSTOM_ROUND_DOOR',
      `resource provider create --uuid ${root} bagend`,
      `resource provider create --uuid ${child} --parent-provider ${root} cellar`,
      `resource provider set --name bag-end ${root}`,
      `resource provider show --allocations ${root}`,
      `resource provider inventory set ${root} --resource VCPU=16 --resource VCPU:allocation_ratio=4.0 --resource MEMORY_MB=2048`,
      `resource provider inventory set ${root} --amend --resource DISK_GB=100`,
      `resource provider inventory set ${child} --resource CUSTOM_PIPEWEED=4`,
      `resource provider inventory class set ${child} CUSTOM_PIPEWEED --total 40 --max_unit 8`,
      `resource provider inventory set ${root} --amend --dry-run --resource VCPU=32`,
      `resource provider inventory show ${root} VCPU`,
      `resource provider trait set --trait CUSTOM_ROUND_DOOR --trait HW_CPU_X86_AVX2 ${root}`,
      `resource provider aggregate set --aggregate ${aggregate} --generation 2 ${child}`,
    )
    const inventory = await json('resource', 'provider', 'inventory', 'list', root)
    expect(inventory.map((row) => [row.resource_class, row.total, row.allocation_ratio])).toEqual(
      expect.arrayContaining([
        ['VCPU', 16, 4],
        ['MEMORY_MB', 2048, 1],
        ['DISK_GB', 100, 1],
      ]),
    )
    expect(await json('resource', 'provider', 'trait', 'list', root)).toEqual(
      expect.arrayContaining([{ name: 'CUSTOM_ROUND_DOOR' }, { name: 'HW_CPU_X86_AVX2' }]),
    )
    expect(await json('resource', 'provider', 'aggregate', 'list', child)).toEqual([{ uuid: aggregate }])
    const found = ['--required', 'CUSTOM_ROUND_DOOR', '--resource', 'VCPU=2', '--in-tree', child]
    expect((await json('resource', 'provider', 'list', ...found)).map((row) => row.name)).toEqual(['bag-end'])
    expect((await json('trait', 'list', '--associated')).map((row) => row.name)).toContain(
      'CUSTOM_ROUND_DOOR',
    )
    expect((await json('resource', 'class', 'list')).map((row) => row.name)).toContain('CUSTOM_LEMBAS')
  })

  test('candidates, and what a consumer takes', async () => {
    const grouped = [
      '--group',
      '1',
      '--resource',
      'VCPU=1',
      '--group',
      '2',
      '--resource',
      'CUSTOM_PIPEWEED=2',
    ]
    const [candidate] = await json('allocation', 'candidate', 'list', ...grouped, '--group-policy', 'isolate')
    expect(candidate).toBeDefined()
    const owner = '--project-id shire --user-id frodo --consumer-type INSTANCE'
    await script(
      `resource provider allocation set ${consumer} ${owner} --allocation rp=${root},VCPU=2,MEMORY_MB=512 --allocation rp=${child},CUSTOM_PIPEWEED=2`,
      `resource provider allocation show ${consumer}`,
      `resource provider allocation unset ${consumer} --provider ${child}`,
      'resource usage show --user-id frodo shire',
    )
    const usage = await json('resource', 'provider', 'usage', 'show', root)
    expect(usage).toEqual(expect.arrayContaining([{ resource_class: 'VCPU', usage: 2 }]))
    expect(await json('resource', 'provider', 'usage', 'show', child)).toEqual([
      { resource_class: 'CUSTOM_PIPEWEED', usage: 0 },
    ])
  })

  test('the first version is spoken, too', async () => {
    await cloud.script(
      'admin',
      [
        'resource provider list',
        `resource provider inventory set ${child} --resource CUSTOM_PIPEWEED=20`,
        `resource provider allocation show ${consumer}`,
      ],
      first,
    )
    const refused = await cloud.ask('admin', ...first, 'trait', 'list')
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('1.6')])
  })

  test('everything goes again', async () => {
    const busy = await cloud.ask('admin', ...newest, 'resource', 'provider', 'delete', root)
    expect([busy.code, busy.stderr]).toEqual([1, expect.stringContaining('409')])
    await script(
      `resource provider allocation delete ${consumer}`,
      `resource provider trait delete ${root}`,
      `resource provider inventory delete ${root} --resource-class VCPU`,
      `resource provider inventory delete ${root}`,
      `resource provider delete ${child}`,
      `resource provider delete ${root}`,
      'resource class delete CUSTOM_PIPEWEED',
      'resource class delete CUSTOM_LEMBAS',
      'trait delete CUSTOM_ROUND_DOOR',
    )
    expect((await json('resource', 'provider', 'list')).map((row) => row.name)).not.toContain('bag-end')
  })
})
