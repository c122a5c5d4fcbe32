// The volume agent on simulated volumes: what it does with orders, what it tells, and what it finds on its host.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { volumeAgent, volumePlugin } from '#contracts/volume-agent.ts'
import { loadVolumeDriver, type SimVolumes } from '#drivers/volume/load.ts'
import type { Caller } from '#kit/bus/bus.ts'
import { type TestBus, testBus } from '#kit/bus/test-bus.ts'
import type { CloudError } from '#kit/errors/cloud-error.ts'
import type { Request, Response } from '#kit/http/client.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { type OpenJournal, openJournal } from '#kit/journal/store.ts'
import { silentLog } from '#kit/log/log.ts'
import { type VirtualWorld, virtualWorld } from '#kit/world/virtual.ts'
import { startVolumeAgent, type VolumeAgent } from './index.ts'

const id = '00000000-0000-4000-8000-000000000001'
const far = '00000000-0000-4000-8000-000000000002'

let folder: string
let world: VirtualWorld
let journal: OpenJournal
let bus: TestBus
let driver: SimVolumes
let agent: VolumeAgent
let orders: Caller<typeof volumeAgent.methods>
let asked: Request[]
/** What the volume service heard, and what it knows. */
let told: { volumeId: string; operationId: string; ok: boolean; error: string | null }[]
let reports: { host: string; backend: string; freeGib: number }[]
let known: string[]
let accepts: boolean

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nimbo-volume-agent-'))
  world = virtualWorld()
  journal = openJournal({ world, log: silentLog, host: 'node1', service: 'test', sink: memorySink() })
  bus = testBus(world, () => journal)
  driver = (await loadVolumeDriver('sim', world, { folder })) as SimVolumes
  told = []
  reports = []
  known = []
  asked = []
  accepts = true
  await bus.serve(volumePlugin, 'controller', 'cinder-api', {
    async operationDone({ volumeId, operationId, ok, error }) {
      told.push({ volumeId, operationId, ok, error })
      return { accepted: accepts }
    },
    async hostReport(report) {
      reports.push(report)
      return { accepted: true }
    },
    hostVolumes: async () => ({ volumeIds: known }),
  })
  agent = await startVolumeAgent({
    world,
    log: silentLog,
    journal,
    bus,
    host: 'node1',
    driver,
    http: { request: images, close() {} },
    endpoint: () => 'http://image.test',
    serviceToken: async () => 'a token of nova',
  })
  orders = bus.caller(volumeAgent, 'cinder-scheduler')
})
afterEach(async () => {
  await agent.stop()
  await journal.close()
  rmSync(folder, { recursive: true, force: true })
})

async function images(request: Request): Promise<Response> {
  asked.push(request)
  const headers = { 'content-type': 'application/json' }
  const { pathname } = new URL(request.url)
  if (pathname.endsWith('/file'))
    return { status: 200, headers, body: undefined, stream: Readable.from([Buffer.alloc(512)]) }
  const status = pathname.endsWith('queued') ? 'queued' : 'active'
  return { status: 200, headers, body: { id: 'i', status, disk_format: 'raw', size: 512 } }
}

const options = () => ({ host: 'node1', trace: journal.newTrace() })
const create = (operationId: string, more: { imageId?: string; sizeGib?: number } = {}) =>
  orders.create({ volumeId: id, operationId, projectId: 'p', sizeGib: 1, imageId: null, ...more }, options())

describe('an order', () => {
  it('is done once however often it comes, and its end is told each time', async () => {
    await create('a')
    await create('a')
    await world.settle()
    expect(await driver.list()).toEqual([id])
    expect(told).toEqual([
      { volumeId: id, operationId: 'a', ok: true, error: null },
      { volumeId: id, operationId: 'a', ok: true, error: null },
    ])
  })

  it('for a volume from an image fetches the image with the agent’s own token', async () => {
    await create('a', { imageId: 'i' })
    await world.settle()
    expect(asked.map((each) => new URL(each.url).pathname)).toEqual(['/v2/images/i', '/v2/images/i/file'])
    expect(asked[0]!.headers).toMatchObject({ 'x-auth-token': 'a token of nova' })
    expect(told).toMatchObject([{ ok: true }])
  })

  it('that fails is told with a sentence that says why', async () => {
    await create('a', { imageId: 'queued' })
    await world.settle()
    driver.fail('create')
    await create('b')
    await world.settle()
    await create('c', { sizeGib: 5000 })
    await world.settle()
    expect(told.map((each) => [each.ok, each.error])).toEqual([
      [false, 'Image queued is queued, not active.'],
      [false, 'The simulated volume store failed at create.'],
      [false, 'The host has no room left for the volume.'],
    ])
    expect(await driver.list()).toEqual([])
  })

  it('is told until somebody hears it', async () => {
    bus.lose('cinder-scheduler.operationDone', 5)
    await create('a')
    await world.settle()
    expect(told).toEqual([{ volumeId: id, operationId: 'a', ok: true, error: null }])
  })

  it('waits for the one before it on the same volume', async () => {
    await create('a')
    await orders.extend({ volumeId: id, operationId: 'b', sizeGib: 3 }, options())
    await orders.delete({ volumeId: id, operationId: 'c' }, options())
    await world.settle()
    expect(told.map((each) => [each.operationId, each.ok])).toEqual([
      ['a', true],
      ['b', true],
      ['c', true],
    ])
    expect(await driver.list()).toEqual([])
  })
})

describe('a connection', () => {
  it('is told for volumes that are here', async () => {
    await create('a')
    await world.settle()
    const connection = await orders.connect({ volumeId: id, connectingHost: 'node2' }, options())
    expect(connection).toMatchObject({ driverVolumeType: 'file', data: { format: 'raw' } })
    const missing = orders.connect({ volumeId: far, connectingHost: 'node1' }, options())
    await expect(missing).rejects.toMatchObject({ kind: 'notFound' } satisfies Partial<CloudError>)
  })
})

describe('a host', () => {
  it('reports its room at once and every ten seconds', async () => {
    await create('a', { sizeGib: 24 })
    await world.advance(25_000)
    expect(reports).toMatchObject([{ host: 'node1', backend: 'sim' }, {}, { freeGib: 1000 }])
  })

  it('clears away what was made and never taken over, and nothing else', async () => {
    accepts = false
    await create('a')
    await world.settle()
    await driver.create(far, 1)
    await driver.confirm(far)
    await world.advance(310_000)
    expect(await driver.list()).toEqual([id, far])
    await world.advance(310_000)
    expect(await driver.list()).toEqual([far])
  })

  it('keeps what the cloud knows, also where its end was heard by nobody', async () => {
    accepts = false
    await create('a')
    await world.settle()
    known = [id]
    await world.advance(310_000)
    known = []
    await world.advance(1_000_000)
    expect(await driver.list()).toEqual([id])
  })
})
