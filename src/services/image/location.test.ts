// Locations as owners and services see them, on a cloud that shows them.
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import * as http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withDefaults } from '#kit/config/section.ts'
import { authenticateBy, callsTo, testCaller, testPlatform } from '#kit/service/test-platform.ts'
import { realSockets } from '#kit/world/real-sockets.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import { imageConfig } from './config.ts'
import { openImage, type RunningImage } from './service.ts'

const folder = mkdtempSync(join(tmpdir(), 'nimbo-location-'))
const plain = virtualWorld()
const world = { ...plain, threads: false, sockets: { ...plain.sockets, connect: realSockets.connect } }
const platform = testPlatform({ folder, bus: { notify: async () => {} } as never, world })
const callers = {
  service: testCaller({ roles: ['service'], projectId: 'services' }),
  admin: testCaller({ roles: ['admin', 'member', 'reader'], projectId: 'admin-project' }),
  owner: testCaller({ roles: ['member', 'reader'], projectId: 'project-a' }),
  other: testCaller({ roles: ['member', 'reader'], projectId: 'project-b' }),
}
const content = Buffer.from('somewhere else')
const web = http.createServer((request, response) => {
  if (!request.url!.startsWith('/image')) return void response.writeHead(404).end()
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
  const part = range ? content.subarray(Number(range[1]), Number(range[2]) + 1) : content
  response.writeHead(range ? 206 : 200, { 'content-length': part.length })
  response.end(request.method === 'HEAD' ? undefined : part)
})
const patchType = { 'content-type': 'application/openstack-images-v2.1-json-patch' }

let service: RunningImage
let as: Record<keyof typeof callers, ReturnType<typeof callsTo>>
let base: string

beforeAll(async () => {
  await new Promise<void>((done) => web.listen(0, '127.0.0.1', done))
  const { port } = web.address() as { port: number }
  base = `http://127.0.0.1:${port}`
  const settings = withDefaults(imageConfig, {
    showLocations: true,
    showDirectUrl: true,
    maxLocations: 3,
    downloadHosts: ['127.0.0.1'],
    downloadPorts: [String(port)],
    downloadReserved: ['127.0.0.1/32'],
  })
  service = await openImage(platform, settings, authenticateBy(callers))
  as = Object.fromEntries(
    Object.keys(callers).map((name) => [name, callsTo(service.http, name)]),
  ) as typeof as
})
afterAll(async () => {
  await service.stop()
  web.close()
  await rm(folder, { recursive: true })
})

async function create(): Promise<string> {
  const made = await as.owner('POST', '/v2/images', { disk_format: 'raw', container_format: 'bare' })
  expect([made.status, made.body.locations]).toEqual([201, []])
  return made.body.id
}
const change = (id: string, op: string, path: string, value?: unknown) =>
  as.owner('PATCH', `/v2/images/${id}`, [{ op, path, value }], patchType)
const add = (id: string, path: string, more: object = {}) =>
  change(id, 'add', '/locations/-', { url: base + path, metadata: {}, ...more })
const show = async (id: string) => (await as.owner('GET', `/v2/images/${id}`)).body
const read = async (id: string, headers: Record<string, string> = {}) => {
  const { status, body } = await service.http.inject({
    method: 'GET',
    url: `/v2/images/${id}/file`,
    headers: { 'x-auth-token': 'owner', ...headers },
  })
  return [status, body.toString()]
}

describe('locations', () => {
  test('an image becomes active by a place elsewhere, and its bytes come from there', async () => {
    const id = await create()
    const added = await add(id, '/image', { metadata: { foo: 'bar' } })
    expect(added.body).toMatchObject({
      status: 'active',
      size: content.length,
      os_hash_value: null,
      locations: [{ url: `${base}/image`, metadata: { foo: 'bar' } }],
      direct_url: `${base}/image`,
    })
    expect(await read(id)).toEqual([200, 'somewhere else'])
    expect(await read(id, { range: 'bytes=10-13' })).toEqual([206, 'else'])
    expect((await add(id, '/image')).status).toBe(400)
    expect((await add(id, '/image#2')).status).toBe(200)
    expect((await add(id, '/image#3')).status).toBe(200)
    expect((await add(id, '/image#4')).status).toBe(413)
    expect((await change(id, 'remove', '/locations/0')).body.direct_url).toBe(`${base}/image#2`)
    expect((await change(id, 'remove', '/locations/7')).status).toBe(400)
    await change(id, 'remove', '/locations/0')
    expect((await change(id, 'remove', '/locations/0')).status).toBe(403)
    expect((await show(id)).locations).toHaveLength(1)
    expect((await as.owner('DELETE', `/v2/images/${id}`)).status).toBe(204)
  })

  test('only the metadata of locations may be replaced', async () => {
    const id = await create()
    const [one, two] = [`${base}/image#1`, `${base}/image#2`].map((url) => ({ url, metadata: {} }))
    expect((await change(id, 'replace', '/locations', [one, two])).status).toBe(200)
    const dated = [{ ...one, metadata: { date: 'today' } }, two]
    expect((await change(id, 'replace', '/locations', dated)).body.locations).toEqual(dated)
    for (const value of [
      [one],
      [two, one],
      [one, { ...two, url: `${base}/image#3` }],
      [],
      'x',
      [{ url: 'x' }],
    ])
      expect((await change(id, 'replace', '/locations', value)).status).toBe(400)
    expect((await show(id)).locations).toEqual(dated)
  })

  test('hashes that are given with a location must agree with those that are there', async () => {
    const id = await create()
    const hashes = { checksum: '1'.repeat(32), os_hash_algo: 'sha512', os_hash_value: 'deadbeef'.repeat(16) }
    const first = await add(id, '/image', { validation_data: hashes })
    expect(first.body).toMatchObject({ ...hashes, status: 'active' })
    expect(first.body.locations[0]).not.toHaveProperty('validation_data')
    expect((await add(id, '/image#2', { validation_data: hashes })).status).toBe(200)
    for (const wrong of [
      { checksum: '2'.repeat(32) },
      { os_hash_algo: 'sha256' },
      { os_hash_value: 'beefdead'.repeat(16) },
    ])
      expect((await add(id, '/image#3', { validation_data: { ...hashes, ...wrong } })).status).toBe(409)
    expect((await show(id)).locations).toHaveLength(2)
  })

  test.each([
    ['gopher://example.org/', /neither http nor https/],
    ['file:///etc/passwd', /neither http nor https/],
    ['http://169.254.169.254/latest', /not allowed/],
    ['nowhere', /there is nothing|nothing/],
  ])('the location %s is refused', async (url, reason) => {
    const id = await create()
    const value = { url: url === 'nowhere' ? `${base}/nothing` : url, metadata: {} }
    const refused = await change(id, 'add', '/locations/-', value)
    expect([refused.status, refused.body.message]).toEqual([400, expect.stringMatching(reason)])
    expect(await show(id)).toMatchObject({ status: 'queued', locations: [] })
  })

  test('uploaded bytes have a location too, which nobody else is shown', async () => {
    const id = await create()
    await service.http.inject({
      method: 'PUT',
      url: `/v2/images/${id}/file`,
      headers: { 'x-auth-token': 'owner', 'content-type': 'application/octet-stream' },
      body: content,
    })
    const shown = await show(id)
    expect(shown.locations).toEqual([{ url: `file://${join(folder, 'image/images', id)}`, metadata: {} }])
    expect(shown.direct_url).toBe(shown.locations[0].url)
    await as.owner(
      'PATCH',
      `/v2/images/${id}`,
      [{ op: 'replace', path: '/visibility', value: 'community' }],
      patchType,
    )
    expect((await as.other('GET', `/v2/images/${id}`)).body).not.toHaveProperty('locations')
  })

  test('a service names and lists locations by themselves', async () => {
    const id = await create()
    const url = `${base}/image`
    expect((await as.other('POST', `/v2/images/${id}/locations`, { url })).status).toBe(404)
    expect((await as.owner('POST', `/v2/images/${id}/locations`, {})).status).toBe(400)
    const made = await as.owner('POST', `/v2/images/${id}/locations`, { url })
    expect([made.status, made.body]).toEqual([200, { url, metadata: {} }])
    expect((await as.owner('POST', `/v2/images/${id}/locations`, { url })).status).toBe(409)
    expect((await as.owner('GET', `/v2/images/${id}/locations`)).status).toBe(403)
    for (const caller of [as.admin, as.service])
      expect((await caller('GET', `/v2/images/${id}/locations`)).body).toEqual([{ url, metadata: {} }])
  })
})
