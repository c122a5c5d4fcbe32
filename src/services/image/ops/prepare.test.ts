// What an import makes of staged bytes: a bomb meets the limit, a cut image is refused, a disk is converted by qemu-img.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withDefaults } from '#kit/config/section.ts'
import { qcow2Sample } from '#kit/image-format/sample.ts'
import { hasQemuImg } from '#kit/image-format/test-tool.ts'
import { authenticateBy, callsTo, testCaller, testPlatform } from '#kit/service/test-platform.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import { imageConfig } from '../config.ts'
import { openImage, type RunningImage } from '../service.ts'

const folder = mkdtempSync(join(tmpdir(), 'nimbo-prepare-'))
const world = { ...virtualWorld(), threads: false }
const platform = testPlatform({ folder, bus: { notify: async () => {} } as never, world })
const mib = 2 ** 20
let service: RunningImage
let call: ReturnType<typeof callsTo>

beforeAll(async () => {
  const settings = withDefaults(imageConfig, { decompress: true, convertTo: 'qcow2', maxSizeGib: 1 / 1024 })
  const owner = testCaller({ roles: ['member', 'reader'], projectId: 'project-a' })
  service = await openImage(platform, settings, authenticateBy({ owner }))
  call = callsTo(service.http, 'owner')
})
afterAll(async () => {
  await service.stop()
  await rm(folder, { recursive: true })
})

async function imported(fields: object, content: Buffer) {
  const { body } = await call('POST', '/v2/images', {
    disk_format: 'raw',
    container_format: 'bare',
    ...fields,
  })
  const send = { 'x-auth-token': 'owner', 'content-type': 'application/octet-stream' }
  const staged = await service.http.inject({
    method: 'PUT',
    url: `/v2/images/${body.id}/stage`,
    headers: send,
    body: content,
  })
  expect(staged.status).toBe(204)
  expect(
    (await call('POST', `/v2/images/${body.id}/import`, { method: { name: 'glance-direct' } })).status,
  ).toBe(202)
  for (;;) {
    await world.settle()
    const task = (await call('GET', `/v2/images/${body.id}/tasks`)).body.tasks[0]
    if (task.status === 'success' || task.status === 'failure')
      return { task, image: (await call('GET', `/v2/images/${body.id}`)).body }
  }
}
const stored = () =>
  readdirSync(join(folder, 'image'), { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => each.name)

test('a few kilobytes that unpack to more than the limit fail, and leave nothing', async () => {
  const { task, image } = await imported({ container_format: 'compressed' }, gzipSync(Buffer.alloc(4 * mib)))
  expect(task).toMatchObject({
    status: 'failure',
    message: `Denying attempt to upload image larger than ${mib} bytes.`,
  })
  expect(image).toMatchObject({ status: 'queued', size: null })
  expect(stored()).toEqual([])
})

test('a packed qcow2 that was cut off fails with the reason, and leaves nothing', async () => {
  const whole = qcow2Sample()
  const cut = gzipSync(whole.subarray(0, whole.length - 8))
  const { task, image } = await imported({ disk_format: 'qcow2', container_format: 'compressed' }, cut)
  expect(task).toMatchObject({ status: 'failure', message: expect.stringMatching(/cut off: its L1 table/) })
  expect(image.status).toBe('queued')
  expect(stored()).toEqual([])
})

test.skipIf(!hasQemuImg())('a raw disk becomes the qcow2 that holds its bytes', async () => {
  const disk = world.random.bytes(mib / 2)
  const { task, image } = await imported({}, disk)
  expect([task.status, task.message]).toEqual(['success', ''])
  expect(image).toMatchObject({ status: 'active', disk_format: 'qcow2', virtual_size: disk.length })
  const headers = { 'x-auth-token': 'owner' }
  const file = await service.http.inject({ method: 'GET', url: `/v2/images/${image.id}/file`, headers })
  const path = join(folder, 'seen')
  writeFileSync(path, file.body)
  execFileSync('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path, `${path}.raw`])
  execFileSync('qemu-img', ['check', '-q', '-f', 'qcow2', path])
  writeFileSync(`${path}.wanted`, disk)
  execFileSync('cmp', [path.concat('.raw'), path.concat('.wanted')])
  expect(stored()).toEqual([image.id])
})
