// The import under each accident: steps twice, failures at each step, a controller that stops in between.
import { mkdtempSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import * as http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withDefaults } from '#kit/config/section.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { HttpService } from '#kit/http/server.ts'
import { hasQemuImg } from '#kit/image-format/test-tool.ts'
import { silentLog } from '#kit/log/log.ts'
import { authenticateBy, callsTo, testCaller, testPlatform } from '#kit/service/test-platform.ts'
import { proofCases, type Stage } from '#kit/task/proof.ts'
import { recordingJournal } from '#kit/task/recording-journal.ts'
import { startTasks } from '#kit/task/runner.ts'
import { taskTable } from '#kit/task/store.ts'
import type { Tasks } from '#kit/task/task.ts'
import { realSockets } from '#kit/world/real-sockets.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { ImageApp } from '../app.ts'
import { imageConfig } from '../config.ts'
import { image, imageProperty } from '../resources/image.ts'
import { imageLocation, imageRemoval } from '../resources/location.ts'
import { type ImageTask, imageTask } from '../resources/task.ts'
import { openImage } from '../service.ts'
import { insertTask } from '../store/task.ts'
import { catalogService } from '../test-catalog.ts'
import { type TestImage, testImage } from '../test-image.ts'
import { type ImportFrame, imageImport } from './image-import.ts'

const id = '00000000-0000-4000-8000-000000000001'
const taskId = '00000000-0000-4000-8000-000000000002'
const owner = testCaller({ roles: ['member', 'reader'], projectId: 'project-a' })

const caller = { userId: 'u', projectId: 'project-a', roles: ['member'] }

/** Another region's image service, and a catalog that names it. */
const services = new Map<string, HttpService>()
const content = Buffer.from('staged')
let far: TestImage
let source: string
/** A host from which users may download. */
const web = http.createServer((_, response) => void response.end(content))
const portOf = () => (web.address() as AddressInfo).port
beforeAll(async () => {
  await new Promise<void>((done) => web.listen(0, '127.0.0.1', done))
  far = await testImage()
  source = await far.create({ hw_cpu_cores: '5' })
  await far.upload(source, content)
  const catalog = { endpoints: [{ interface: 'public', url: 'http://glance.far.test' }] }
  services.set('http://identity.test', await catalogService(far.platform, catalog))
  services.set('http://glance.far.test', far.service.http)
})
afterAll(async () => {
  web.close()
  await far.stop()
})

type Method = 'glance-direct' | 'copy-image' | 'glance-download' | 'web-download'

/**
 * An image with bytes where the method takes them from, as its op leaves it, and all that can be seen of it.
 * `prepared`: they are packed, and become another format.
 */
async function make(method: Method, prepared = false): Promise<Stage<ImageApp>> {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-import-proof-'))
  const plain = virtualWorld()
  const sockets = { ...plain.sockets, connect: realSockets.connect }
  const world = { ...plain, threads: false, sockets }
  const platform = testPlatform({ folder, bus: { notify: async () => {} } as never, world, services })
  const settings = withDefaults(imageConfig, {
    stores: [
      { id: 'fast', kind: 'file' },
      { id: 'cheap', kind: 'file' },
      { id: 'far', kind: 'file' },
    ],
    injectProperties: { os_imported: 'yes' },
    ...{
      downloadHosts: ['127.0.0.1'],
      downloadPorts: [String(portOf())],
      downloadReserved: ['127.0.0.1/32'],
    },
    ...(prepared && { decompress: true, convertTo: 'qcow2' }),
  })
  const service = await openImage(platform, settings, authenticateBy({ owner }))
  const { app } = service
  const call = callsTo(service.http, 'owner')
  await call('POST', '/v2/images', {
    id,
    disk_format: 'raw',
    container_format: prepared ? 'compressed' : 'bare',
  })
  const copying = method === 'copy-image'
  const remote = method === 'glance-download'
  const elsewhere = remote || method === 'web-download'
  const headers = { 'x-auth-token': 'owner', 'content-type': 'application/octet-stream' }
  if (!elsewhere)
    await service.http.inject({
      method: 'PUT',
      url: `/v2/images/${id}/${copying ? 'file' : 'stage'}`,
      headers,
      body: prepared ? gzipSync(Buffer.alloc(70_000, content)) : content,
    })
  // The service's own runner has no part in this.
  await app.tasks.stop()
  const frame: ImportFrame = {
    imageId: id,
    taskId,
    method,
    uri: method === 'web-download' ? `http://127.0.0.1:${portOf()}/` : undefined,
    ...(remote && {
      remote: {
        ...{ region: 'Far', imageId: source, serviceInterface: 'public' },
        ...{ asking: caller, token: app.remotes.seal('owner') },
      },
    }),
    stores: copying ? ['cheap', 'far'] : ['fast', 'cheap', 'far'],
    mustAll: true,
    limitBytes: 100_000_000,
    ownImage: false,
    staged: id,
    unpackedId: '00000000-0000-4000-8000-000000000003',
    convertedId: '00000000-0000-4000-8000-000000000004',
    properties: { os_imported: 'yes' },
    done: [],
    failed: [],
  }
  const files = async () =>
    (await readdir(join(folder, 'image'), { recursive: true, withFileTypes: true }))
      .filter((each) => each.isFile())
      .map((each) => join(each.parentPath, each.name).slice(folder.length))
      .sort()
  return {
    world,
    db: app.db,
    app,
    start: (tasks: Tasks) =>
      app.db.transaction(async (tx) => {
        await image.update(tx, { id }, { importTask: taskId, ...(!copying && { status: 'importing' }) })
        await tasks.start(tx, imageImport, {
          subject: `image:${id}`,
          frame,
          trace: { traceId: 't', spanId: 's' },
        })
      }),
    async settle() {
      // Tools and files run outside of virtual time.
      do await world.settle()
      while (world.activity.count > 0)
    },
    async snapshot() {
      const row = await image.get(app.db, id)
      // Staged bytes are taken by an import, whichever way it ends.
      const staged = row?.status === 'uploading' || row?.status === 'queued'
      return {
        // What a failure left behind is told by these two.
        image: {
          ...row,
          updatedAt: 0,
          failedImport: null,
          importingToStores: null,
          ...(staged && { status: 'without bytes', size: null }),
        },
        properties: await imageProperty.find(app.db),
        locations: (await imageLocation.find(app.db)).map((each) => each.store).sort(),
        removals: await imageRemoval.find(app.db),
        files: (await files()).filter(
          (path) => !(staged && path.endsWith(`/${id}`) && path.includes('/staging/')),
        ),
      }
    },
    async dispose() {
      await service.stop()
      await rm(folder, { recursive: true })
    },
  }
}

/** Once an image is shown as active, what fails afterwards doesn't take it back: other tests than the usual two. */
const shown = /finish fails (at its end|and each)/

/** `cases`: those by which one way differs from the others; each other step of it is theirs, too. */
function proves(
  method: Method,
  { unreached, prepared, cases = /./ }: { unreached?: string[]; prepared?: boolean; cases?: RegExp } = {},
): void {
  const all = proofCases({ make: () => make(method, prepared), definition: imageImport, unreached })
  for (const { name, run } of all) if (cases.test(name) && !shown.test(name)) it(name, run)
}

describe('an import of staged bytes', () => {
  proves('glance-direct')
})

/** What clients see of an import whose row was changed before it ran, or whose definition is another. */
async function endOf(row: object, steps: Partial<(typeof imageImport)['steps']> = {}) {
  const stage = await make('glance-direct')
  const { world, db, app } = stage
  const shown = { type: 'api_image_import', status: 'processing', owner: 'project-a', input: {}, message: '' }
  await insertTask(db, {
    ...(shown as ImageTask),
    ...{ id: taskId, imageId: id, requestId: null, userId: null, result: null },
    ...{ expiresAt: null, createdAt: 0, updatedAt: 0 },
  })
  const definitions = [{ ...imageImport, steps: { ...imageImport.steps, ...steps } }]
  const open = () =>
    startTasks({
      world,
      log: silentLog,
      journal: recordingJournal().journal,
      db,
      app,
      definitions,
      owner: 'a',
    })
  const first = open()
  await first.stop()
  await stage.start(first)
  await taskTable.update(db, { subject: `image:${id}` }, row)
  const tasks = open()
  await stage.settle()
  await tasks.stop()
  const ended = {
    image: (await image.get(db, id))?.status,
    task: await imageTask.get(db, taskId),
    work: (await taskTable.find(db, { subject: `image:${id}` }))[0]?.status,
  }
  await stage.dispose()
  return ended
}

it('ends where a row of an earlier release names an undo step', async () => {
  const row = { undo: ['giveUp'], status: 'undoing' as const, failedStep: 'store', failure: 'No room.' }
  expect(await endOf(row)).toMatchObject({
    ...{ image: 'queued', work: 'failed' },
    task: { status: 'failure', message: 'No room.' },
  })
})

it('stays a success for clients once it was told as one, whatever fails after', async () => {
  const finish: (typeof imageImport)['steps']['finish'] = async (t) => {
    await imageImport.steps.finish(t)
    throw new CloudError('badRequest', 'It was not done within 14400 seconds.')
  }
  expect(await endOf({}, { finish })).toMatchObject({
    ...{ image: 'active', work: 'failed' },
    task: { status: 'success', message: '' },
  })
})

describe('a copy to other stores', () => {
  proves('copy-image', { unreached: ['prepare'] })
})

describe('a download', () => {
  proves('web-download', { cases: /comes to its end|fetch/ })
})

describe('an import from another region', () => {
  proves('glance-download', { cases: /comes to its end|fetch|finish/ })
})

describe.skipIf(!hasQemuImg())('an import that unpacks and converts', () => {
  proves('glance-direct', { prepared: true, cases: /comes to its end|prepare|store/ })
})
