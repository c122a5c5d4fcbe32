// Imports as users see them: staged, downloaded and copied, into one store or several, and what is refused.
import { createHash } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import * as http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withDefaults } from '#kit/config/section.ts'
import { qcow2Sample } from '#kit/image-format/sample.ts'
import { authenticateBy, callsTo, testCaller, testPlatform } from '#kit/service/test-platform.ts'
import { realSockets } from '#kit/world/real-sockets.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import { imageConfig } from './config.ts'
import { openImage, type RunningImage } from './service.ts'

const folder = mkdtempSync(join(tmpdir(), 'nimbo-import-'))
const names = new Map<string, string[]>()
const plain = virtualWorld()
const world = {
  ...plain,
  // Nothing here is large, and a thread takes seconds to start on a busy machine.
  threads: false,
  sockets: {
    ...plain.sockets,
    connect: realSockets.connect,
    resolve: async (name: string) => names.get(name) ?? [],
  },
}
const bus = { notify: async () => {} }
const platform = testPlatform({ folder, bus: bus as never, world })
const callers = {
  admin: testCaller({ roles: ['admin', 'member', 'reader'], projectId: 'admin-project' }),
  owner: testCaller({ roles: ['member', 'reader'], projectId: 'project-a' }),
  other: testCaller({ roles: ['member', 'reader'], projectId: 'project-b' }),
}
const pages = new Map<string, (response: http.ServerResponse) => void>()
const web = http.createServer((request, response) => {
  const page = pages.get(request.url!)
  if (page) page(response)
  else response.writeHead(404).end()
})
const bytes = (content: Buffer) => (response: http.ServerResponse) => void response.end(content)

let service: RunningImage
let as: Record<keyof typeof callers, ReturnType<typeof callsTo>>
let port: number

beforeAll(async () => {
  await new Promise<void>((done) => web.listen(0, '127.0.0.1', done))
  port = (web.address() as { port: number }).port
  const settings = withDefaults(imageConfig, {
    stores: [
      { id: 'fast', kind: 'file', default: true, description: 'on the quick disk', weight: 10 },
      { id: 'cheap', kind: 'file' },
      { id: 'shelf', kind: 'file', readOnly: true },
    ],
    downloadHosts: ['127.0.0.1', 'images.test', 'rebound.test', '10.0.0.1', 'metadata.test'],
    downloadPorts: [String(port)],
    downloadReserved: ['127.0.0.1/32'],
    decompress: true,
    injectProperties: { os_imported: 'yes' },
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

async function create(fields: object = {}): Promise<string> {
  const made = await as.owner('POST', '/v2/images', {
    disk_format: 'raw',
    container_format: 'bare',
    ...fields,
  })
  expect(made.status).toBe(201)
  return made.body.id
}
async function put(id: string, content: Buffer, what = 'stage', headers: Record<string, string> = {}) {
  const result = await service.http.inject({
    method: 'PUT',
    url: `/v2/images/${id}/${what}`,
    headers: {
      'x-auth-token': 'owner',
      'content-type': 'application/octet-stream',
      accept: 'application/json',
      ...headers,
    },
    body: content,
  })
  return { status: result.status, text: result.body.toString() }
}
const show = async (id: string) => (await as.owner('GET', `/v2/images/${id}`)).body
const begin = (id: string, method: object, more: object = {}, call = as.owner) =>
  call('POST', `/v2/images/${id}/import`, { method, ...more })
const url = (path: string, host = '127.0.0.1') => `http://${host}:${port}${path}`
const taskOf = async (id: string) => (await as.owner('GET', `/v2/images/${id}/tasks`)).body.tasks[0]
const download = async (id: string) =>
  (
    await service.http.inject({
      method: 'GET',
      url: `/v2/images/${id}/file`,
      headers: { 'x-auth-token': 'owner' },
    })
  ).body
/** Everything that lies in the stores, in the staging store and where conversions work. */
async function stored(): Promise<string[]> {
  const found = await readdir(join(folder, 'image'), { recursive: true, withFileTypes: true })
  return found
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(folder.length))
    .sort()
}
/** Downloads go over the host's sockets, which virtual time doesn't know. */
async function settle(id: string): Promise<string> {
  for (;;) {
    await platform.world.settle()
    const { status } = await taskOf(id)
    if (status === 'success' || status === 'failure') return status
    await new Promise((done) => web.getConnections(done))
  }
}

describe('imports', () => {
  test('clients are told of the stores and of the ways in', async () => {
    expect((await as.owner('GET', '/v2/info/stores')).body.stores).toEqual([
      { id: 'fast', description: 'on the quick disk', default: 'true' },
      { id: 'cheap', description: '' },
      { id: 'shelf', description: '', 'read-only': 'true' },
    ])
    expect((await as.owner('GET', '/v2/info/stores/detail')).status).toBe(403)
    expect((await as.admin('GET', '/v2/info/stores/detail')).body.stores[0]).toMatchObject({
      id: 'fast',
      type: 'file',
      weight: 10,
      properties: { datadir: join(folder, 'image/stores/fast/images') },
    })
    expect((await as.owner('GET', '/v2/info/import')).body['import-methods'].value).toEqual([
      'glance-direct',
      'web-download',
      'copy-image',
    ])
    const made = await as.owner('POST', '/v2/images', {})
    expect(made.headers).toMatchObject({
      'openstack-image-import-methods': 'glance-direct,web-download,copy-image',
      'openstack-image-store-ids': 'fast,cheap',
    })
  })

  test('staged bytes become an image in all stores, and its task tells who asked', async () => {
    const content = plain.random.bytes(300_000)
    const id = await create()
    expect((await put(id, content)).status).toBe(204)
    expect(await show(id)).toMatchObject({ status: 'uploading', size: 300_000, checksum: null })
    expect((await put(id, content)).status).toBe(409)
    const begun = await begin(id, { name: 'glance-direct' }, { all_stores: true })
    expect(begun.status).toBe(202)
    await platform.world.settle()
    expect(await show(id)).toMatchObject({
      status: 'active',
      stores: 'cheap,fast',
      size: 300_000,
      checksum: createHash('md5').update(content).digest('hex'),
      os_hash_value: createHash('sha512').update(content).digest('hex'),
      os_glance_importing_to_stores: '',
      os_glance_failed_import: '',
      os_imported: 'yes',
    })
    expect((await download(id)).equals(content)).toBe(true)
    expect(await taskOf(id)).toMatchObject({
      status: 'success',
      type: 'api_image_import',
      image_id: id,
      request_id: begun.headers['x-openstack-request-id'],
      input: { image_id: id, import_req: { method: { name: 'glance-direct' } }, backend: ['fast', 'cheap'] },
    })
    expect(await stored()).toEqual([`/image/stores/cheap/images/${id}`, `/image/stores/fast/images/${id}`])
    const out = (call: typeof as.owner, store: string) => call('DELETE', `/v2/stores/${store}/${id}`)
    expect((await out(as.other, 'cheap')).status).toBe(404)
    expect((await out(as.admin, 'nowhere')).status).toBe(409)
    expect((await out(as.admin, 'shelf')).status).toBe(404)
    expect((await out(as.admin, 'fast')).status).toBe(204)
    expect((await out(as.admin, 'cheap')).status).toBe(403)
    expect(await stored()).toEqual([`/image/stores/cheap/images/${id}`])
    expect((await download(id)).equals(content)).toBe(true)
    expect((await as.owner('DELETE', `/v2/images/${id}`)).status).toBe(204)
    expect(await stored()).toEqual([])
  })

  test('an upload goes to the store that it names, and a copy to the others', async () => {
    const id = await create()
    expect((await put(id, Buffer.from('hello'), 'file', { 'x-image-meta-store': 'nowhere' })).status).toBe(
      400,
    )
    expect((await put(id, Buffer.from('hello'), 'file', { 'x-image-meta-store': 'shelf' })).status).toBe(400)
    expect((await put(id, Buffer.from('hello'), 'file', { 'x-openstack-image-size': '6' })).status).toBe(400)
    expect(await stored()).toEqual([])
    expect((await put(id, Buffer.from('hello'), 'file', { 'x-image-meta-store': 'cheap' })).status).toBe(204)
    expect((await show(id)).stores).toBe('cheap')
    expect((await begin(id, { name: 'copy-image' }, { all_stores: true })).status).toBe(403)
    const copy = (more: object) => begin(id, { name: 'copy-image' }, more, as.admin)
    expect((await copy({ stores: ['cheap'] })).status).toBe(409)
    expect((await copy({ all_stores: true, all_stores_must_succeed: false })).status).toBe(202)
    await platform.world.settle()
    expect(await show(id)).toMatchObject({ status: 'active', stores: 'cheap,fast', size: 5 })
    expect(await stored()).toHaveLength(2)
    await as.owner('DELETE', `/v2/images/${id}`)
    expect(await stored()).toEqual([])
  })

  test('an image comes from an allowed host, also behind a redirect', async () => {
    names.set('images.test', ['127.0.0.1'])
    pages.set('/image', bytes(Buffer.from('from the web')))
    pages.set('/moved', (response) => response.writeHead(302, { location: url('/image') }).end())
    const id = await create()
    expect((await begin(id, { name: 'web-download', uri: url('/moved', 'images.test') })).status).toBe(202)
    expect(await settle(id)).toBe('success')
    expect((await download(id)).toString()).toBe('from the web')
    expect(await show(id)).toMatchObject({ status: 'active', stores: 'fast' })
    await as.owner('DELETE', `/v2/images/${id}`)
  })

  test.each([
    ['another host', () => url('/image', 'example.org'), /host example.org is not allowed/],
    ['another port', () => 'http://images.test:22/', /port 22 is not allowed/],
    ['another scheme', () => 'file:///etc/passwd', /neither http nor https/],
    ['the host in other clothes', () => `http://0x7f.1.:22/image`, /port 22 is not allowed/],
    ['a password', () => `http://user:secret@images.test:${port}/`, /a password/],
    ['no URL', () => 'nonsense', /malformed/],
  ])('a download from %s is refused at once', async (_what, uri, reason) => {
    const id = await create()
    const refused = await begin(id, { name: 'web-download', uri: uri() })
    expect([refused.status, refused.body.message]).toEqual([400, expect.stringMatching(reason)])
    expect(refused.body.message).not.toContain('secret')
    expect((await show(id)).status).toBe('queued')
  })

  test.each([
    ['to a private address by itself', () => url('/x', '10.0.0.1'), /10.0.0.1 is private/],
    ['to a name of the metadata address', () => url('/x', 'metadata.test'), /169.254.169.254 is link-local/],
    [
      'to a name with one good and one bad address',
      () => url('/x', 'rebound.test'),
      /::1 is unspecified or loopback/,
    ],
    ['along a redirect to another host', () => url('/away'), /host evil.test is not allowed/],
    ['along a redirect inside', () => url('/inside'), /10.0.0.1 is private/],
    ['to nothing', () => url('/nothing'), /nothing at/],
    ['to a qcow2 with a backing file', () => url('/bad'), /content is qcow2.*backing file/],
  ])('a download that leads %s fails and leaves nothing', async (_what, uri, reason) => {
    names.set('metadata.test', ['169.254.169.254'])
    names.set('rebound.test', ['127.0.0.1', '::1'])
    pages.set('/away', (response) => response.writeHead(301, { location: url('/x', 'evil.test') }).end())
    pages.set('/inside', (response) => response.writeHead(307, { location: url('/x', '10.0.0.1') }).end())
    pages.set('/bad', bytes(qcow2Sample({ backing: '/etc/shadow' })))
    const id = await create()
    expect((await begin(id, { name: 'web-download', uri: uri() })).status).toBe(202)
    expect(await settle(id)).toBe('failure')
    expect((await taskOf(id)).message).toMatch(reason)
    expect(await show(id)).toMatchObject({
      status: 'queued',
      size: null,
      os_glance_failed_import: 'fast',
      os_glance_importing_to_stores: '',
    })
    expect(await stored()).toEqual([])
  })

  test.each([
    ['an unknown method', { method: { name: 'zz' } }, 400, /Unknown import method name 'zz'/],
    ['no method', {}, 400, /method/],
    ['a method of another type', { method: 'glance-direct' }, 400, /method/],
    ['nothing staged', { method: { name: 'glance-direct' } }, 409, /needs to be staged/],
    ['nothing to copy', { method: { name: 'web-download' } }, 400, /'uri'/],
    [
      'all stores and some',
      { method: { name: 'glance-direct' }, all_stores: true, stores: ['fast'] },
      400,
      /All_stores/,
    ],
    ['an unknown store', { method: { name: 'glance-direct' }, stores: ['zz'] }, 400, /'zz' is not known/],
    ['a store to read', { method: { name: 'glance-direct' }, stores: ['shelf'] }, 400, /can't be written/],
  ])('an import with %s is refused', async (_what, body, status, words) => {
    const id = await create()
    const refused = await as.owner('POST', `/v2/images/${id}/import`, body)
    expect([refused.status, refused.body.message]).toEqual([status, expect.stringMatching(words)])
    expect(
      (await as.other('POST', `/v2/images/${id}/import`, { method: { name: 'web-download' } })).status,
    ).toBe(404)
    expect((await as.owner('GET', `/v2/images/${id}/tasks`)).body.tasks).toEqual([])
  })

  test('a compressed image is unpacked, and a bomb meets the limit', async () => {
    const id = await create({ container_format: 'compressed' })
    await put(id, gzipSync(Buffer.from('small when packed')))
    await begin(id, { name: 'glance-direct' })
    await platform.world.settle()
    expect(await show(id)).toMatchObject({ status: 'active', container_format: 'bare', size: 17 })
    await as.owner('DELETE', `/v2/images/${id}`)
    const broken = await create({ container_format: 'compressed' })
    await put(broken, gzipSync(plain.random.bytes(50_000)).subarray(0, 20_000))
    await begin(broken, { name: 'glance-direct' })
    await platform.world.settle()
    expect(await taskOf(broken)).toMatchObject({
      status: 'failure',
      message: expect.stringContaining('cut off'),
    })
    expect((await show(broken)).status).toBe('queued')
    expect(await stored()).toEqual([])
  })

  test('what is deleted while it is staged leaves nothing', async () => {
    const id = await create()
    await put(id, Buffer.from('hello'))
    expect((await as.owner('DELETE', `/v2/images/${id}`)).status).toBe(204)
    expect(await stored()).toEqual([])
  })

  test('operators make an image by a task, and list tasks in pages', async () => {
    pages.set('/image', bytes(Buffer.from('from the web')))
    const input = {
      import_from: url('/image'),
      import_from_format: 'raw',
      image_properties: { name: 'by task', container_format: 'bare' },
    }
    expect((await as.owner('POST', '/v2/tasks', { type: 'import', input })).status).toBe(403)
    expect((await as.owner('GET', '/v2/tasks')).status).toBe(403)
    expect((await as.admin('POST', '/v2/tasks', { type: 'export', input })).status).toBe(400)
    expect((await as.admin('POST', '/v2/tasks', { type: 'import', input: {} })).status).toBe(400)
    const made = await as.admin('POST', '/v2/tasks', { type: 'import', input })
    expect([made.status, made.body]).toEqual([
      201,
      expect.objectContaining({ status: 'pending', type: 'import', input, schema: '/v2/schemas/task' }),
    ])
    const shown = async () => (await as.admin('GET', made.body.self)).body
    while ((await shown()).status !== 'success') {
      await platform.world.settle()
      await new Promise((done) => web.getConnections(done))
    }
    const { image_id: id } = (await shown()).result
    expect((await as.admin('GET', `/v2/images/${id}`)).body).toMatchObject({
      name: 'by task',
      status: 'active',
    })
    const seen: string[] = []
    let next: string | undefined = '/v2/tasks?limit=2&sort_key=created_at&sort_dir=asc'
    while (next) {
      const page: { tasks: { id: string }[]; next?: string } = (await as.admin('GET', next)).body
      seen.push(...page.tasks.map((each) => each.id))
      next = page.next
    }
    const all = (await as.admin('GET', '/v2/tasks?limit=1000')).body.tasks
    expect(seen.toSorted()).toEqual(all.map((each: { id: string }) => each.id).toSorted())
    expect(seen).toContain(made.body.id)
    expect((await as.admin('GET', `/v2/tasks/${id}`)).status).toBe(404)
  })
})
