// Controllers answer from what they remember of providers. Whatever is changed through one of them, another one that has
// answered the same question before shows at once, and as one that has just been started.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Db } from '#kit/db/database.ts'
import { serviceDatabases } from '#kit/db/test-database.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import { allRoutes } from './api/index.ts'
import { seenProviders } from './ops/seen-provider.ts'
import { listTrees } from './store/candidate.ts'
import { at, claim, testPlacement } from './test-placement.ts'

type Rig = Awaited<ReturnType<typeof testPlacement>>
type Seen = Awaited<ReturnType<ReturnType<typeof seenProviders>['of']>>[number]
const aggregate = 'aaaaaaaa-0000-4000-8000-000000000001'

const folder = mkdtempSync(join(tmpdir(), 'nimbo-seen-'))
const databases = serviceDatabases(folder)
const shared = { world: virtualWorld(), databaseUrl: databases.urlOf }
let changing: Rig
let asking: Rig
beforeAll(async () => {
  changing = await testPlacement(shared)
  asking = await testPlacement(shared)
})
afterAll(async () => {
  await changing.service.stop()
  await asking.service.stop()
  await databases.drop()
  rmSync(folder, { recursive: true })
})

/** What each change is made on: a host in whose place another one may stand, a part of it, and who uses the host. */
type Scene = { host: string; part: string; other: string; consumer: string }
let scene: Scene
beforeEach(async () => {
  const host = await changing.provide({ VCPU: 8, DISK_GB: 10 }, { traits: ['HW_NUMA_ROOT'] })
  const part = await changing.provide({ VCPU: 2 }, { parent: host, aggregates: [aggregate] })
  const other = await changing.provide({ VCPU: 4 })
  const consumer = shared.world.random.uuid()
  scene = { host, part, other, consumer }
  expect(
    (await changing.call('PUT', `/allocations/${consumer}`, claim({ [host]: { VCPU: 3 } }))).status,
  ).toBe(204)
})

/** All candidates for a processor and for one in the aggregate, in one order. */
async function seenBy(rig: Rig) {
  const answers = []
  for (const more of ['', `&member_of=${aggregate}`]) {
    const { status, body } = await rig.call('GET', `/allocation_candidates?resources=VCPU:1${more}`)
    expect(status).toBe(200)
    const requests = (body.allocation_requests as unknown[]).map((each) => JSON.stringify(each))
    answers.push({ requests: requests.sort(), summaries: body.provider_summaries })
  }
  return answers
}

type Step = [line: string, body?: unknown, version?: string]
const generation = (seen: number, more: object) => ({ resource_provider_generation: seen, ...more })

const changes: [string, (scene: Scene) => Step[]][] = [
  [
    'a claim',
    ({ other }) => [[`PUT /allocations/${shared.world.random.uuid()}`, claim({ [other]: { VCPU: 1 } })]],
  ],
  [
    'a claim of two consumers',
    ({ other, consumer }) => [['POST /allocations', { [consumer]: claim({ [other]: { VCPU: 2 } }, 1) }]],
  ],
  [
    'a claim on another host than before',
    ({ other, consumer }) => [[`PUT /allocations/${consumer}`, claim({ [other]: { VCPU: 2 } }, 1)]],
  ],
  ['a claim of nothing', ({ consumer }) => [[`PUT /allocations/${consumer}`, claim({}, 1)]]],
  ['a claim that is given back', ({ consumer }) => [[`DELETE /allocations/${consumer}`]]],
  [
    'other inventories',
    ({ other }) => [
      [
        `PUT /resource_providers/${other}/inventories`,
        generation(1, { inventories: { VCPU: { total: 4, reserved: 1 } } }),
      ],
    ],
  ],
  [
    'an inventory more',
    ({ other }) => [
      [`POST /resource_providers/${other}/inventories`, { resource_class: 'MEMORY_MB', total: 64 }],
    ],
  ],
  [
    'another inventory',
    ({ other }) => [[`PUT /resource_providers/${other}/inventories/VCPU`, generation(1, { total: 9 })]],
  ],
  ['an inventory less', ({ host }) => [[`DELETE /resource_providers/${host}/inventories/DISK_GB`]]],
  ['no inventory', ({ other }) => [[`DELETE /resource_providers/${other}/inventories`]]],
  [
    'other traits',
    ({ other }) => [[`PUT /resource_providers/${other}/traits`, generation(1, { traits: ['COMPUTE_NODE'] })]],
  ],
  ['no traits', ({ host }) => [[`DELETE /resource_providers/${host}/traits`]]],
  [
    'aggregates',
    ({ other }) => [
      [`PUT /resource_providers/${other}/aggregates`, generation(1, { aggregates: [aggregate] })],
    ],
  ],
  [
    'aggregates before they had a generation',
    ({ other }) => [[`PUT /resource_providers/${other}/aggregates`, [aggregate], '1.18']],
  ],
  [
    'a new provider',
    ({ host }) => [['POST /resource_providers', { name: `new-${host}`, parent_provider_uuid: host }]],
  ],
  [
    'another parent',
    ({ part, other }) => [
      [`PUT /resource_providers/${part}`, { name: `moved-${part}`, parent_provider_uuid: other }],
    ],
  ],
  [
    'a tree that moves below another one',
    ({ host, other }) => [
      [`PUT /resource_providers/${host}`, { name: `moved-${host}`, parent_provider_uuid: other }],
    ],
  ],
  ['a provider less', ({ other }) => [[`DELETE /resource_providers/${other}`]]],
  [
    'another provider with its id',
    ({ other }) => [
      [`DELETE /resource_providers/${other}`],
      ['POST /resource_providers', { name: 'again', uuid: other }],
      [
        `PUT /resource_providers/${other}/inventories`,
        generation(0, { inventories: { VCPU: { total: 5 } } }),
      ],
    ],
  ],
  [
    'what has moved within a tree',
    ({ host, part, consumer }) => [
      [
        'POST /reshaper',
        {
          inventories: {
            [host]: generation(3, { inventories: { DISK_GB: { total: 10 } } }),
            [part]: generation(2, { inventories: { VCPU: { total: 10 } } }),
          },
          allocations: { [consumer]: claim({ [part]: { VCPU: 3 } }, 1) },
        },
      ],
    ],
  ],
]

/** Words that may be said of providers, not providers. */
const vocabulary = /^(POST|PUT|DELETE) \/(resource_classes|traits)\b/

describe('another controller shows at once', () => {
  test.each(changes)('%s', async (_, stepsOn) => {
    const before = await seenBy(asking)
    await shared.world.advance(1)
    for (const [line, body, version = '1.39'] of stepsOn(scene)) {
      const [method, path] = line.split(' ') as [string, string]
      const { status, body: said } = await changing.as('service')(method, path, body, at(version))
      expect(status, JSON.stringify(said)).toBeLessThan(300)
    }
    const after = await seenBy(asking)
    expect(after).not.toEqual(before)
    const newcomer = await testPlacement(shared)
    expect(after).toEqual(await seenBy(newcomer))
    expect(await seenBy(changing)).toEqual(after)
    await newcomer.service.stop()
  })

  test('whatever a route can change', () => {
    const lines = changes.flatMap(([, stepsOn]) => stepsOn(scene).map(([line]) => line))
    const isTold = ({ method, path }: { method: string; path: string }) =>
      lines.some((line) => new RegExp(`^${method} ${path.replace(/:\w+/g, '[^/]+')}$`).test(line))
    const untold = allRoutes
      .filter(({ method }) => method !== 'GET')
      .filter((route) => !isTold(route) && !vocabulary.test(`${route.method} ${route.path}`))
    expect(untold.map(({ method, path }) => `${method} ${path}`)).toEqual([])
  })
})

test('claims and questions at once through two controllers leave both with what is there', async () => {
  const hosts = [scene.host, scene.other, scene.part]
  const consumers = Array.from({ length: 12 }, () => shared.world.random.uuid())
  const rigs = [changing, asking]
  const work = consumers.flatMap((consumer, index) => {
    const rig = rigs[index % 2]!
    const body = claim({ [hosts[index % 3]!]: { VCPU: 1 } })
    return [
      rig.call('PUT', `/allocations/${consumer}`, body),
      rigs[(index + 1) % 2]!.call('GET', '/allocation_candidates?resources=VCPU:1'),
      ...(index % 4 === 0 ? [rig.call('DELETE', `/allocations/${scene.consumer}`)] : []),
    ]
  })
  await Promise.all(work)
  const newcomer = await testPlacement(shared)
  const there = await seenBy(newcomer)
  expect(await seenBy(asking)).toEqual(there)
  expect(await seenBy(changing)).toEqual(there)
  await newcomer.service.stop()
})

describe('what is kept in memory', () => {
  test('is not read again', async () => {
    const memory = seenProviders()
    const { db } = asking.service.app
    const places = await listTrees(db, [scene.host, scene.other])
    const first = await memory.of(db, places)
    expect(first.map(({ uuid }) => uuid).sort()).toEqual([scene.host, scene.other, scene.part].sort())
    const deaf: Db = { ...db, execute: () => Promise.reject(new Error('The database was asked')) }
    expect(await memory.of(deaf, places)).toEqual(first)
  })

  test.each([
    ['inventory', (node?: Seen) => node?.room.get('VCPU')?.used, 1],
    ['resource_provider_trait', (node?: Seen) => node?.traits.has('COMPUTE_NODE'), true],
    ['resource_provider_aggregate', (node?: Seen) => node?.aggregates, [aggregate]],
  ])('is nothing of what a member of a cluster said of %s that lags behind', async (table, told, wanted) => {
    const { db } = asking.service.app
    const { other } = scene
    const old = new Map<string, Awaited<ReturnType<Db['execute']>>>()
    const recording: Db = {
      ...db,
      async execute(sql, values, rows) {
        const outcome = await db.execute(sql, values, rows)
        old.set(sql, outcome)
        return outcome
      },
    }
    await seenProviders().of(recording, await listTrees(db, [other]))
    const below = `/resource_providers/${other}`
    const { call } = changing
    await call('PUT', `/allocations/${shared.world.random.uuid()}`, claim({ [other]: { VCPU: 1 } }))
    await call('PUT', `${below}/traits`, generation(2, { traits: ['COMPUTE_NODE'] }))
    await call('PUT', `${below}/aggregates`, generation(3, { aggregates: [aggregate] }))

    const memory = seenProviders()
    const lagging: Db = {
      ...db,
      execute: async (sql, values, rows) =>
        (sql.includes(`join ${table} `) && old.get(sql)) || db.execute(sql, values, rows),
    }
    const places = await listTrees(db, [other])
    const [before] = await memory.of(lagging, places)
    expect(told(before)).not.toEqual(wanted)
    const [after] = await memory.of(db, places)
    expect(told(after)).toEqual(wanted)
  })
})
