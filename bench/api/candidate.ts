// How long allocation candidates take over 1,000 and 10,000 providers, flat and in trees, with traits and aggregates; over HTTP
// on loopback, in a SQLite file. Beside each time stands that of the processor, which a busy machine changes less. The first
// question of a process, which finds nothing in memory, and those with claims between them stand apart.
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withDefaults } from '#kit/config/section.ts'
import type { Database } from '#kit/db/database.ts'
import { authenticateBy, testCaller, testPlatform } from '#kit/service/test-platform.ts'
import { realWorld } from '#kit/world/real.ts'
import { placementConfig } from '#services/placement/config.ts'
import {
  inventory,
  provider,
  providerAggregate,
  providerTrait,
} from '#services/placement/resources/provider.ts'
import { standardTraits } from '#services/placement/resources/standard-trait.ts'
import { trait } from '#services/placement/resources/vocabulary.ts'
import { openPlacement } from '#services/placement/service.ts'
import { type Figure, median } from '../figure.ts'

type Shape = 'flat' | 'trees'

const rounds = 40
/** Before them: what has run for longer is compiled. */
const warmingRounds = 20
const aggregates = Array.from({ length: 10 }, (_, index) => `0000000${index}-0000-4000-8000-000000000000`)
/** What a host of today says of itself: mostly the flags of its processor. */
const usual = standardTraits.filter((name) => name.startsWith('HW_CPU_X86_')).slice(0, 30)

const world = realWorld()

const questions = {
  flat: {
    'all hosts, 1,000 of them wanted': 'resources=VCPU:1,MEMORY_MB:512,DISK_GB:5&limit=1000',
    'a trait, two of ten aggregates': `resources=VCPU:1,MEMORY_MB:512,DISK_GB:5&required=STORAGE_DISK_SSD&member_of=in:${aggregates[0]},${aggregates[1]}`,
    'ten wanted': 'resources=VCPU:1,MEMORY_MB:512,DISK_GB:5&required=!STORAGE_DISK_SSD&limit=10',
    'more than any has': 'resources=VCPU:1,MEMORY_MB:512000',
  },
  trees: {
    'a node and a disk of one tree': 'resources=VCPU:1,MEMORY_MB:512,DISK_GB:5&limit=1000',
    'a node, a disk and a port with a trait, in an aggregate': `resources=VCPU:1,MEMORY_MB:512,DISK_GB:5&resources_NIC=SRIOV_NET_VF:1&required_NIC=CUSTOM_PHYSNET1&member_of=in:${aggregates[0]},${aggregates[1]}`,
    'processors and port below one root':
      'resources_CPU=VCPU:2&resources_NIC=SRIOV_NET_VF:1&same_subtree=_CPU,_TOP&required_TOP=HW_NUMA_ROOT&group_policy=none&limit=100',
  },
}

const goals = new Map([
  [1000, 10],
  [10_000, 60],
])

export async function measureCandidates(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-bench-candidate-'))
  const agent = new Agent({ keepAlive: true })
  const figures: Figure[] = []
  try {
    for (const [shape, asked] of Object.entries(questions) as [Shape, Record<string, string>][])
      for (const [count, goal] of goals)
        figures.push(...(await measure({ folder, agent, shape, count, asked, goal })))
    return figures
  } finally {
    agent.destroy()
    rmSync(folder, { recursive: true })
  }
}

type Task = {
  folder: string
  agent: Agent
  shape: Shape
  count: number
  asked: Record<string, string>
  goal: number
}

async function measure({ folder, agent, shape, count, asked, goal }: Task): Promise<Figure[]> {
  const file = `sqlite:${join(folder, `${shape}-${count}.db`)}`
  const platform = { ...testPlatform(), world, databaseUrl: () => file }
  const authenticate = authenticateBy({ admin: testCaller({ roles: ['admin'] }) })
  const service = await openPlacement(platform, withDefaults(placementConfig), authenticate)
  const { db } = service.app
  await trait.insert(db, { name: 'CUSTOM_PHYSNET1', createdAt: 0 })
  const hosts = shape === 'flat' ? count : count / 4
  for (let first = 0; first < hosts; first += 250)
    await fill(
      db,
      shape,
      Array.from({ length: Math.min(250, hosts - first) }, (_, index) => first + index),
    )
  const { port } = await service.http.listen({ host: '127.0.0.1', port: 0 })
  const figures: Figure[] = []
  const what = `candidates, ${count} providers ${shape === 'flat' ? 'flat' : 'in trees'}`
  const add = (name: string, ours: number, within?: number) =>
    figures.push({ name, unit: 'ms', goal: within, better: 'less', ours })
  const timed = async (query: string) => {
    const started = world.clock.monotonic()
    const body = await ask(agent, port, 'GET', `/allocation_candidates?${query}`)
    return { body, ms: world.clock.monotonic() - started }
  }
  const questions = Object.entries(asked)
  const [[first, everything]] = questions as [[string, string]]
  const { body, ms } = await timed(everything)
  add(`${what}: ${first}, by a new process`, ms)
  for (const [name, query] of questions) {
    const times: number[] = []
    for (let round = 0; round < warmingRounds; round++) await timed(query)
    const busy = process.cpuUsage()
    for (let round = 0; round < rounds; round++) times.push((await timed(query)).ms)
    const { user, system } = process.cpuUsage(busy)
    add(`${what}: ${name}: p50`, median(times), goal)
    add('  of processor', (user + system) / 1000 / rounds)
  }
  const { allocation_requests: ways } = JSON.parse(body.toString()) as { allocation_requests: object[] }
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const claim = { ...ways[round % ways.length], ...claimant }
    await ask(agent, port, 'PUT', `/allocations/${world.random.uuid()}`, claim)
    times.push((await timed(everything)).ms)
  }
  add(`${what}: ${first}, after a claim each: p50`, median(times), goal)
  await service.stop()
  return figures
}

const claimant = {
  project_id: 'project',
  user_id: 'user',
  consumer_generation: null,
  consumer_type: 'INSTANCE',
}

async function fill(db: Database, shape: Shape, hosts: number[]): Promise<void> {
  const at = { generation: 1, edition: 0, updatedAt: 0, createdAt: 0 }
  const stock = (providerUuid: string, resourceClass: string, total: number) => {
    const units = { minUnit: 1, maxUnit: total, stepSize: 1, reserved: 0, allocationRatio: 1 }
    return {
      providerUuid,
      resourceClass,
      total,
      ...units,
      capacity: total,
      used: Math.floor(total / 8),
      updatedAt: 0,
    }
  }
  const rows = hosts.map((number) => {
    const root = world.random.uuid()
    const child = (name: string) => ({
      uuid: world.random.uuid(),
      name: `${number}-${name}`,
      parentUuid: root,
      rootUuid: root,
      ...at,
    })
    const top = { uuid: root, name: `host-${number}`, parentUuid: null, rootUuid: root, ...at }
    const marks = [...usual, ...(number % 2 ? ['STORAGE_DISK_SSD'] : []), 'COMPUTE_NODE']
    const member = { providerUuid: root, aggregateUuid: aggregates[number % 10]! }
    if (shape === 'flat')
      return {
        providers: [top],
        stocks: [stock(root, 'VCPU', 64), stock(root, 'MEMORY_MB', 65_536), stock(root, 'DISK_GB', 2000)],
        traits: marks.map((name) => ({ providerUuid: root, trait: name })),
        member,
      }
    const numa = [child('numa0'), child('numa1')]
    const nic = child('nic')
    return {
      providers: [top, ...numa, nic],
      stocks: [
        stock(root, 'DISK_GB', 2000),
        ...numa.flatMap(({ uuid }) => [stock(uuid, 'VCPU', 32), stock(uuid, 'MEMORY_MB', 32_768)]),
        stock(nic.uuid, 'SRIOV_NET_VF', 8),
      ],
      traits: [
        ...marks.map((name) => ({ providerUuid: root, trait: name })),
        ...numa.map(({ uuid }) => ({ providerUuid: uuid, trait: 'HW_NUMA_ROOT' })),
        ...(number % 2 ? [{ providerUuid: nic.uuid, trait: 'CUSTOM_PHYSNET1' }] : []),
      ],
      member,
    }
  })
  await provider.insert(
    db,
    rows.flatMap((each) => each.providers),
  )
  await inventory.insert(
    db,
    rows.flatMap((each) => each.stocks),
  )
  await providerTrait.insert(
    db,
    rows.flatMap((each) => each.traits),
  )
  await providerAggregate.insert(
    db,
    rows.map((each) => each.member),
  )
}

function ask(agent: Agent, port: number, method: string, path: string, given?: object): Promise<Buffer> {
  const headers = {
    'x-auth-token': 'admin',
    'openstack-api-version': 'placement 1.39',
    accept: 'application/json',
    ...(given && { 'content-type': 'application/json' }),
  }
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, method, path, agent, headers }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part) => parts.push(part))
      response.on('end', () => {
        const body = Buffer.concat(parts)
        if (response.statusCode === 200 || response.statusCode === 204) resolve(body)
        else reject(new Error(`${path}: ${response.statusCode} ${body}`))
      })
    })
      .on('error', reject)
      .end(given && JSON.stringify(given))
  })
}
