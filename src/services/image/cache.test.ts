// The cache as operators see it, and as those who download feel it.
import { mkdtempSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withDefaults } from '#kit/config/section.ts'
import { authenticateBy, callsTo, testCaller, testPlatform } from '#kit/service/test-platform.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import { imageConfig } from './config.ts'
import { openImage, type RunningImage } from './service.ts'

const folder = mkdtempSync(join(tmpdir(), 'nimbo-image-cache-'))
const world = { ...virtualWorld(), threads: false }
const platform = testPlatform({ folder, bus: { notify: async () => {} } as never, world })
let service: RunningImage
let as: Record<'admin' | 'owner', ReturnType<typeof callsTo>>

beforeAll(async () => {
  const callers = {
    admin: testCaller({ roles: ['admin', 'member', 'reader'], projectId: 'admin-project' }),
    owner: testCaller({ roles: ['member', 'reader'], projectId: 'project-a' }),
  }
  service = await openImage(platform, withDefaults(imageConfig, { cache: true }), authenticateBy(callers))
  as = { admin: callsTo(service.http, 'admin'), owner: callsTo(service.http, 'owner') }
})
afterAll(async () => {
  await service.stop()
  await rm(folder, { recursive: true })
})

async function create(content?: string): Promise<string> {
  const fields = { disk_format: 'raw', container_format: 'bare' }
  const { id } = (await as.owner('POST', '/v2/images', fields)).body
  const headers = { 'x-auth-token': 'owner', 'content-type': 'application/octet-stream' }
  if (content !== undefined)
    await service.http.inject({ method: 'PUT', url: `/v2/images/${id}/file`, headers, body: content })
  return id
}
const cached = async () => {
  const { cached_images, queued_images } = (await as.admin('GET', '/v2/cache')).body
  return { cached: cached_images.map((each: { image_id: string }) => each.image_id), queued: queued_images }
}
const copies = () => readdir(join(folder, 'image/cache/images'))

test('what is queued is fetched, served, and forgotten with its image', async () => {
  const id = await create('hello')
  expect((await as.admin('PUT', `/v2/cache/${id}`)).status).toBe(202)
  expect((await as.admin('PUT', `/v2/cache/${id}`)).status).toBe(202)
  expect(await cached()).toEqual({ cached: [], queued: [id] })
  await world.advance(6000)
  expect(await cached()).toEqual({ cached: [id], queued: [] })
  await rm(join(folder, 'image/images', id))
  expect((await as.owner('GET', `/v2/images/${id}/file`)).body).toBe('hello')
  expect((await as.admin('GET', '/v2/cache')).body.cached_images[0]).toMatchObject({ hits: 1, size: 5 })
  expect((await as.owner('DELETE', `/v2/images/${id}`)).status).toBe(204)
  expect([await cached(), await copies()]).toEqual([{ cached: [], queued: [] }, []])
})

test('a download queues its image, and the cache is cleared by halves and by image', async () => {
  const [one, two] = [await create('one'), await create('two')]
  await as.owner('GET', `/v2/images/${one}/file`)
  await world.advance(6000)
  await as.owner('GET', `/v2/images/${two}/file`)
  expect(await cached()).toEqual({ cached: [one], queued: [two] })
  const clear = (target: string) =>
    as.admin('DELETE', '/v2/cache', undefined, { 'x-image-cache-clear-target': target })
  expect((await clear('invalid')).status).toBe(400)
  expect((await clear('queue')).status).toBe(204)
  expect(await cached()).toEqual({ cached: [one], queued: [] })
  expect((await as.admin('POST', '/v2/cache/prune')).body).toEqual({
    total_files_pruned: 0,
    total_bytes_pruned: 0,
  })
  expect((await as.admin('DELETE', `/v2/cache/${one}`)).status).toBe(204)
  expect((await as.admin('DELETE', `/v2/cache/${one}`)).status).toBe(404)
  expect(await copies()).toEqual([])
})

test('only operators may, and only images with bytes', async () => {
  const id = await create()
  expect((await as.admin('PUT', `/v2/cache/${id}`)).status).toBe(400)
  expect((await as.admin('PUT', '/v2/cache/non-existing')).status).toBe(404)
  for (const [method, url] of [
    ['GET', ''],
    ['DELETE', ''],
    ['PUT', `/${id}`],
    ['DELETE', `/${id}`],
    ['POST', '/clean'],
    ['POST', '/prune'],
  ] as const)
    expect((await as.owner(method, `/v2/cache${url}`)).status).toBe(403)
})
