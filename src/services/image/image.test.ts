import { createHash } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withDefaults } from '#kit/config/section.ts'
import { schemaDifferences } from '#kit/db/schema.ts'
import { qcow2Sample } from '#kit/image-format/sample.ts'
import { authenticateBy, callsTo, testCaller, testPlatform } from '#kit/service/test-platform.ts'
import { imageConfig } from './config.ts'
import { image } from './resources/image.ts'
import { openImage, type RunningImage } from './service.ts'
import { tables } from './store/schema.ts'

const folder = mkdtempSync(join(tmpdir(), 'nimbo-image-'))
const sent: string[] = []
const bus = { notify: async (_: unknown, { eventType }: { eventType: string }) => void sent.push(eventType) }
const platform = testPlatform({ folder, bus: bus as never })
const callers = {
  admin: testCaller({ roles: ['admin', 'member', 'reader'], projectId: 'admin-project' }),
  owner: testCaller({ roles: ['member', 'reader'], projectId: 'project-a' }),
  reader: testCaller({ roles: ['reader'], projectId: 'project-a' }),
  other: testCaller({ roles: ['member', 'reader'], projectId: 'project-b' }),
}
const settings = withDefaults(imageConfig, { maxProperties: 3, maxTags: 2, maxMembers: 1 })
let service: RunningImage
let as: Record<keyof typeof callers, ReturnType<typeof callsTo>>

beforeAll(async () => {
  service = await openImage(platform, settings, authenticateBy(callers))
  as = Object.fromEntries(
    Object.keys(callers).map((name) => [name, callsTo(service.http, name)]),
  ) as typeof as
})
afterAll(async () => {
  await service.stop()
  await rm(folder, { recursive: true })
})

const patch = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
async function create(fields: object = {}, call = as.owner): Promise<string> {
  const made = await call('POST', '/v2/images', { disk_format: 'raw', container_format: 'bare', ...fields })
  expect(made.status).toBe(201)
  return made.body.id
}
async function upload(id: string, content: Buffer | Readable, token = 'owner') {
  const headers = {
    'x-auth-token': token,
    'content-type': 'application/octet-stream',
    accept: 'application/json',
  }
  const result = await service.http.inject({
    method: 'PUT',
    url: `/v2/images/${id}/file`,
    headers,
    body: content,
  })
  return { status: result.status, text: result.body.toString() }
}
const storedFiles = async () => [
  ...(await readdir(join(folder, 'image/images'))),
  ...(await readdir(join(folder, 'image/incoming'))),
]

describe('image', () => {
  test('its migrations make the tables that it declares', async () => {
    expect(await schemaDifferences(service.app.db, tables)).toEqual([])
  })

  test('an image is created, uploaded, shown and downloaded byte by byte', async () => {
    const id = await create({ name: 'little', os_distro: 'none', tags: ['a', 'a'] })
    const content = platform.world.random.bytes(300_000)
    expect(
      (await upload(id, Readable.from([content.subarray(0, 100_000), content.subarray(100_000)]))).status,
    ).toBe(204)
    const shown = (await as.owner('GET', `/v2/images/${id}`)).body
    expect(shown).toMatchObject({
      id,
      name: 'little',
      status: 'active',
      size: 300_000,
      virtual_size: 300_000,
      os_distro: 'none',
      tags: ['a'],
      visibility: 'shared',
      owner: 'project-a',
      checksum: createHash('md5').update(content).digest('hex'),
      os_hash_algo: 'sha512',
      os_hash_value: createHash('sha512').update(content).digest('hex'),
      file: `/v2/images/${id}/file`,
      created_at: '2026-01-01T00:00:00Z',
    })
    const headers = { 'x-auth-token': 'owner' }
    const whole = await service.http.inject({ method: 'GET', url: `/v2/images/${id}/file`, headers })
    expect(whole.body.equals(content)).toBe(true)
    expect(whole.headers).toMatchObject({ 'content-length': '300000', 'content-md5': shown.checksum })
    const part = await service.http.inject({
      method: 'GET',
      url: `/v2/images/${id}/file`,
      headers: { ...headers, range: 'bytes=10-19' },
    })
    expect([part.status, part.headers['content-range']]).toEqual([206, 'bytes 10-19/300000'])
    expect(part.body.equals(content.subarray(10, 20))).toBe(true)
    expect(sent).toEqual(expect.arrayContaining(['image.create', 'image.upload']))
    expect(await readdir(join(folder, 'image/images'))).toContain(id)
    expect((await as.owner('DELETE', `/v2/images/${id}`)).status).toBe(204)
    expect(await readdir(join(folder, 'image/images'))).not.toContain(id)
  })

  test.each(['aki', 'ami', 'ari', 'iso', 'qcow2', 'raw', 'vdi', 'vhd', 'vmdk'])(
    'takes the disk format %s of the seed',
    async (format) => {
      const id = await create({ disk_format: format })
      expect((await as.owner('GET', `/v2/images/${id}`)).body.disk_format).toBe(format)
    },
  )

  test('an upload happens once', async () => {
    const id = await create()
    expect((await upload(id, Buffer.from('hello'))).status).toBe(204)
    const again = await upload(id, Buffer.from('other'))
    expect([again.status, JSON.parse(again.text).message]).toEqual([
      409,
      expect.stringContaining('transition from active to saving'),
    ])
  })

  test.each([
    ['a qcow2 with a backing file', 'qcow2', qcow2Sample({ backing: '/etc/passwd' }), 'backing file'],
    ['bytes that are no qcow2', 'qcow2', Buffer.alloc(70_000, 1), 'content is raw'],
    ['a qcow2 said to be raw', 'raw', qcow2Sample(), 'content is qcow2'],
  ])('refuses %s and keeps nothing of it', async (_, format, content, reason) => {
    const before = await storedFiles()
    const id = await create({ disk_format: format })
    const refused = await upload(id, content)
    expect(refused.status).toBe(400)
    expect(refused.text).toContain(reason)
    expect((await as.owner('GET', `/v2/images/${id}`)).body).toMatchObject({
      status: 'queued',
      size: null,
      checksum: null,
    })
    expect(await storedFiles()).toEqual(before)
  })

  test('half an upload leaves the image as it was, and it can be uploaded then', async () => {
    const before = await storedFiles()
    const id = await create()
    async function* breaks() {
      yield Buffer.alloc(100_000)
      throw new Error('the client is gone')
    }
    await upload(id, Readable.from(breaks())).catch(() => {})
    await platform.world.settle()
    expect((await as.owner('GET', `/v2/images/${id}`)).body.status).toBe('queued')
    expect(await storedFiles()).toEqual(before)
    expect((await upload(id, Buffer.from('whole'))).status).toBe(204)
  })

  test('before the upload there is nothing to download, and without formats nothing can be uploaded', async () => {
    const id = (await as.owner('POST', '/v2/images', { name: 'bare' })).body.id
    expect((await as.owner('GET', `/v2/images/${id}/file`)).status).toBe(204)
    expect((await upload(id, Buffer.from('x'))).status).toBe(400)
    const wrongType = await as.owner('PUT', `/v2/images/${id}/file`, 'x', { 'content-type': 'text/plain' })
    expect(wrongType.status).toBe(415)
  })

  test('one with an empty id is not there, and is not the list', async () => {
    expect((await as.owner('GET', '/v2/images')).status).toBe(200)
    expect((await as.owner('GET', '/v2/images/')).status).toBe(404)
  })

  test('a patch changes fields and properties, all of them or none', async () => {
    const id = await create()
    const change = (list: object[]) => as.owner('PATCH', `/v2/images/${id}`, list, patch)
    const done = await change([
      { op: 'replace', path: '/name', value: 'new' },
      { op: 'add', path: '/arch', value: 'x86_64' },
      { op: 'replace', path: '/min_ram', value: 96 },
    ])
    expect(done.body).toMatchObject({ name: 'new', arch: 'x86_64', min_ram: 96 })
    expect(
      (
        await change([
          { op: 'replace', path: '/name', value: 'newer' },
          { op: 'remove', path: '/nope' },
        ])
      ).status,
    ).toBe(409)
    expect((await as.owner('GET', `/v2/images/${id}`)).body.name).toBe('new')
    expect((await change([{ op: 'replace', path: '/status', value: 'active' }])).body.message).toContain(
      "Attribute 'status' is read-only.",
    )
    expect((await change([{ op: 'remove', path: '/arch' }])).body).not.toHaveProperty('arch')
    expect((await as.owner('PATCH', `/v2/images/${id}`, [])).status).toBe(415)
    const many = ['a', 'b', 'c', 'd'].map((name) => ({ op: 'add', path: `/${name}`, value: '' }))
    expect((await change(many)).status).toBe(413)
  })

  test('protected images stay, deactivated ones are not downloaded', async () => {
    const id = await create()
    await upload(id, Buffer.from('hello'))
    await as.owner('PATCH', `/v2/images/${id}`, [{ op: 'replace', path: '/protected', value: true }], patch)
    expect((await as.owner('DELETE', `/v2/images/${id}`)).status).toBe(403)
    await as.owner('POST', `/v2/images/${id}/actions/deactivate`)
    expect((await as.owner('GET', `/v2/images/${id}/file`)).status).toBe(403)
    await as.owner('POST', `/v2/images/${id}/actions/reactivate`)
    expect((await as.owner('GET', `/v2/images/${id}/file`)).status).toBe(200)
  })

  test('what another project may not see is not there', async () => {
    const id = await create({ visibility: 'private' })
    for (const [method, url, body, headers] of [
      ['GET', '', undefined, {}],
      ['PATCH', '', [{ op: 'replace', path: '/name', value: 'mine' }], patch],
      ['DELETE', '', undefined, {}],
      ['GET', '/file', undefined, {}],
      ['PUT', '/tags/x', undefined, {}],
      ['DELETE', '/tags/x', undefined, {}],
      ['POST', '/actions/deactivate', undefined, {}],
      ['POST', '/actions/reactivate', undefined, {}],
      ['GET', '/members', undefined, {}],
      ['POST', '/members', { member: 'project-b' }, {}],
      ['GET', '/members/project-b', undefined, {}],
      ['DELETE', '/members/project-b', undefined, {}],
      ['PUT', '/members/project-b', { status: 'accepted' }, {}],
    ] as const) {
      const answer = await as.other(method, `/v2/images/${id}${url}`, body, headers as Record<string, string>)
      expect([method, url, answer.status]).toEqual([method, url, 404])
    }
    expect((await upload(id, Buffer.from('x'), 'other')).status).toBe(404)
    expect((await as.other('GET', `/v2/images?id=${id}`)).body.images).toEqual([])
    expect((await as.reader('DELETE', `/v2/images/${id}`)).status).toBe(403)
    expect((await callsTo(service.http, undefined)('GET', `/v2/images/${id}`)).status).toBe(401)
  })

  test('only admins publish', async () => {
    const refused = await as.owner('POST', '/v2/images', { visibility: 'public' })
    expect([refused.status, refused.body.message]).toEqual([403, expect.stringContaining('publicize_image')])
    const id = await create({ visibility: 'public' }, as.admin)
    expect((await as.other('GET', `/v2/images/${id}`)).status).toBe(200)
  })

  test('a shared image is listed once the other project accepts it', async () => {
    const id = await create()
    expect((await as.other('GET', `/v2/images/${id}`)).status).toBe(404)
    const member = (await as.owner('POST', `/v2/images/${id}/members`, { member: 'project-b' })).body
    expect(member).toMatchObject({
      member_id: 'project-b',
      status: 'pending',
      image_id: id,
      schema: '/v2/schemas/member',
    })
    expect((await as.owner('POST', `/v2/images/${id}/members`, { member: 'project-c' })).status).toBe(413)
    expect((await as.other('GET', `/v2/images/${id}`)).status).toBe(200)
    const listed = async (query = '') =>
      (await as.other('GET', `/v2/images?limit=1000${query}`)).body.images.map(
        (each: { id: string }) => each.id,
      )
    expect(await listed()).not.toContain(id)
    expect((await as.owner('PUT', `/v2/images/${id}/members/project-b`, { status: 'accepted' })).status).toBe(
      403,
    )
    expect(
      (await as.other('PUT', `/v2/images/${id}/members/project-b`, { status: 'accepted' })).body.status,
    ).toBe('accepted')
    expect(await listed()).toContain(id)
    expect(await listed('&visibility=shared')).toContain(id)
    expect((await as.other('PUT', `/v2/images/${id}/tags/x`)).status).toBe(403)
  })

  test('lists are filtered, sorted and paged without a gap', async () => {
    for (const name of ['list-1', 'list-3', 'list-2', 'list-2'])
      await create({ name, series: 'list', tags: ['listed'] })
    const seen: string[] = []
    let url: string | undefined = '/v2/images?series=list&tag=listed&sort=name:asc&limit=1'
    while (url) {
      const page: { images: { name: string }[]; next?: string } = (await as.owner('GET', url)).body
      seen.push(...page.images.map((each) => each.name))
      url = page.next
    }
    expect(seen).toEqual(['list-1', 'list-2', 'list-2', 'list-3'])
    const names = async (query: string) =>
      (await as.owner('GET', `/v2/images?series=list&${query}`)).body.images.map(
        (each: { name: string }) => each.name,
      )
    expect(await names('name=in:list-1,list-3&sort=name:desc')).toEqual(['list-3', 'list-1'])
    expect(await names('size_min=1')).toEqual([])
    const sized = await create({ name: 'sized', series: 'list', min_disk: 7, min_ram: 70 })
    await upload(sized, Buffer.alloc(12_345))
    for (const query of [
      'size=12345',
      'virtual_size=12345',
      'min_disk=7',
      'min_ram=70',
      'os_hash_algo=sha512',
    ])
      expect(await names(query)).toEqual(['sized'])
    expect(await names('size=12344')).toEqual([])
    expect(await names('created_at=gt:2026-01-01T00:00:00Z')).toEqual([])
  })

  test.each([
    ['?limit=-1', 'limit param must be positive'],
    ['?limit=x', 'limit param must be an integer'],
    ['?marker=zz', 'No image found with ID zz'],
    ['?sort_key=zz', 'Invalid sort key: zz'],
    ['?sort=name:up', 'Invalid sort direction'],
    ['?visibility=zz', 'Invalid visibility value: zz'],
    ['?protected=zz', "Invalid value 'zz'"],
    ['?size_min=-1', 'size_min'],
    ['?size=big', 'size'],
    ['?created_at=yesterday', 'created_at'],
    ['?changes-since=2026-01-01T00:00:00Z', 'changes-since'],
  ])('a list refuses %s', async (query, words) => {
    const refused = await as.owner('GET', `/v2/images${query}`)
    expect([refused.status, refused.body.message]).toEqual([400, expect.stringContaining(words)])
  })

  test.each([
    [{ name: 'x'.repeat(256) }, 400],
    [{ name: 'x'.repeat(255) }, 201],
    [{ disk_format: 'zz' }, 400],
    [{ min_ram: -1 }, 400],
    [{ min_disk: 2 ** 40 }, 400],
    [{ custom: 5 }, 400],
    [{ size: 1 }, 403],
    [{ os_glance_x: 'y' }, 403],
    [{ id: 'no uuid' }, 400],
    [{ tags: ['a', 'b', 'c'] }, 413],
    [[], 400],
    ['{', 400],
  ])('create %j answers %i', async (body, status) => {
    expect((await as.owner('POST', '/v2/images', body)).status).toBe(status)
  })

  test('an id may be chosen, once', async () => {
    const id = platform.world.random.uuid()
    await create({ id })
    expect((await as.other('POST', '/v2/images', { id })).status).toBe(409)
  })

  test('errors come in the form that the client accepts', async () => {
    const url = `/v2/images/${platform.world.random.uuid()}`
    const html = await as.owner('GET', url, undefined, { accept: '*/*' })
    expect([html.headers['content-type'], html.body]).toEqual([
      'text/html; charset=UTF-8',
      expect.stringContaining('<h1>404 Not Found</h1>'),
    ])
    expect((await as.owner('GET', url)).body).toMatchObject({ code: '404 Not Found', title: 'Not Found' })
  })

  test('a wrong method, a wrong path and a broken body are told apart', async () => {
    const put = await as.owner('PUT', '/v2/images', {})
    expect([put.status, put.headers.allow]).toEqual([405, 'GET, POST'])
    expect(put.body.message).toContain('The method PUT is not allowed for this resource.')
    expect((await as.owner('GET', '/v2/nope')).status).toBe(404)
    expect((await as.owner('POST', '/v2/images', '{')).body.message).toContain(
      'Malformed JSON in request body.',
    )
  })

  test('the path of the version leads to one with a slash, which is not there', async () => {
    const call = callsTo(service.http, undefined)
    const found = await call('GET', '/v2')
    expect([found.status, found.headers.location]).toEqual([302, expect.stringMatching(/\/v2\/$/)])
    expect((await as.owner('GET', '/v2/')).status).toBe(404)
    const versions = await call('GET', '/')
    expect([versions.status, versions.body]).toEqual([300, (await call('GET', '/versions')).body])
    expect(versions.body.versions[0]).toMatchObject({ id: 'v2.15', status: 'CURRENT' })
  })

  test('what a crash left is cleared at the next start', async () => {
    const id = await create()
    await image.update(service.app.db, { id }, { status: 'saving', claimedBy: platform.world.host.name })
    const { recoverUploads } = await import('./ops/image-data.ts')
    await platform.world.files.write(join(folder, 'image/incoming', `${id}.half`), 'half')
    await recoverUploads(service.app)
    expect((await as.owner('GET', `/v2/images/${id}`)).body.status).toBe('queued')
    expect(await readdir(join(folder, 'image/incoming'))).toEqual([])
  })
})
