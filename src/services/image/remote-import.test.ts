// Imports from another region's Glance, as users of both regions see them: two image services that share one identity.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { HttpService } from '#kit/http/server.ts'
import { qcow2Sample } from '#kit/image-format/sample.ts'
import { taskTable } from '#kit/task/store.ts'
import { catalogService, type TestCatalog } from './test-catalog.ts'
import { type TestImage, testImage } from './test-image.ts'

const services = new Map<string, HttpService>()
let near: TestImage
let far: TestImage
const catalog: TestCatalog = { endpoints: [] }
const nowhere = '36d4b546-64a2-4bb9-bdd0-ba676aa48f2c'

beforeAll(async () => {
  far = await testImage()
  near = await testImage(
    {
      stores: [
        { id: 'one', kind: 'file' },
        { id: 'two', kind: 'file' },
      ],
      importMethods: ['glance-direct', 'glance-download'],
      injectProperties: { os_imported: 'yes' },
      maxProperties: 4,
      remoteProperties: ['hw_', 'os_distro', 'img_signature'],
      maxSizeGib: 1,
    },
    undefined,
    { services },
  )
  services.set('http://identity.test', await catalogService(near.platform, catalog))
  services.set('http://glance.far.test', far.service.http)
})
beforeEach(() => {
  catalog.endpoints = [{ interface: 'public', url: 'http://glance.far.test/' }]
  catalog.ended = false
  catalog.gate = undefined
})
afterAll(async () => {
  await near.stop()
  await far.stop()
})

const begin = (id: string, given: object) =>
  near.as.owner('POST', `/v2/images/${id}/import`, {
    method: { name: 'glance-download', glance_region: 'far', ...given },
    all_stores: true,
  })
const show = async (id: string) => (await near.as.owner('GET', `/v2/images/${id}`)).body
const taskOf = async (id: string) => (await near.as.owner('GET', `/v2/images/${id}/tasks`)).body.tasks[0]

/** An active image of region Far. */
async function remote(fields: object, content: Buffer, name: 'owner' | 'other' = 'owner'): Promise<string> {
  const id = await far.create(fields, name)
  expect((await far.upload(id, content, name)).status).toBe(204)
  return id
}
async function failed(id: string): Promise<string> {
  await near.platform.world.settle()
  const task = await taskOf(id)
  expect([task.status, (await show(id)).status]).toEqual(['failure', 'queued'])
  return task.message
}

test('clients are told of the way, and the image comes with its formats and the properties that are let in', async () => {
  expect((await near.as.owner('GET', '/v2/info/import')).body['import-methods'].value).toEqual([
    'glance-direct',
    'glance-download',
  ])
  const content = qcow2Sample()
  const source = await remote(
    { disk_format: 'qcow2', hw_cpu_cores: '5', os_distro: 'rhel', speed: '88mph' },
    content,
  )
  const id = await near.create({ disk_format: 'iso', hw_cpu_cores: '1', own: 'kept' })
  expect((await begin(id, { glance_image_id: source })).status).toBe(202)
  await near.platform.world.settle()
  const theirs = (await far.as.owner('GET', `/v2/images/${source}`)).body
  expect(await taskOf(id)).toMatchObject({ status: 'success' })
  const ours = await show(id)
  expect(ours).toMatchObject({
    ...{ status: 'active', disk_format: 'qcow2', container_format: 'bare', stores: 'one,two' },
    ...{ hw_cpu_cores: '5', os_distro: 'rhel', own: 'kept', os_imported: 'yes' },
    ...{ size: content.length, checksum: theirs.checksum, os_hash_value: theirs.os_hash_value },
  })
  expect(ours).not.toHaveProperty('speed')
})

test.each([
  ['once the bytes are there', undefined],
  ['once the import has failed', nowhere],
])('the token lies sealed in the task, and nowhere %s', async (_, missing) => {
  const id = await near.create()
  let letThrough = () => {}
  catalog.gate = new Promise((done) => {
    letThrough = done
  })
  await begin(id, { glance_image_id: missing ?? (await remote({}, Buffer.from('raw'))) })
  const rows = () => taskTable.find(near.service.app.db, { subject: `image:${id}` })
  const [before] = await rows()
  expect(JSON.stringify(before!.state)).toMatch(/"token":"gAAAA/)
  expect(JSON.stringify(before!.state)).not.toContain('"token":"owner')
  letThrough()
  await near.platform.world.settle()
  expect((await taskOf(id)).status).toBe(missing ? 'failure' : 'success')
  expect(JSON.stringify(await rows())).not.toContain('gAAAA')
})

test.each([
  [{}, "'glance_image_id' needs to be set for glance-download import method"],
  [{ glance_image_id: 'foo' }, 'Remote image id does not look like a UUID: foo'],
  [{ glance_region: undefined, glance_image_id: 'foo' }, "'glance_region' needs to be set"],
])('a request that says %j is refused', async (given, words) => {
  const id = await near.create()
  const { status, body } = await begin(id, given)
  expect([status, body.message]).toEqual([400, expect.stringContaining(words)])
  expect((await show(id)).status).toBe('queued')
})

test('what the other region does not give is told by the task, and the image is queued as it was', async () => {
  const attempt = async (given: object) => {
    const id = await near.create({ own: 'kept' })
    expect((await begin(id, given)).status).toBe(202)
    const message = await failed(id)
    expect(await show(id)).toMatchObject({ own: 'kept', disk_format: 'raw' })
    return message
  }
  expect(await attempt({ glance_region: 'Moon', glance_image_id: nowhere })).toMatch(/in region Moon/)
  expect(await attempt({ glance_service_interface: 'inner', glance_image_id: nowhere })).toMatch(
    /inner endpoint/,
  )
  expect(await attempt({ glance_image_id: nowhere })).toMatch(/has no bytes of an image/)
  const foreign = await remote({ visibility: 'private' }, Buffer.from('theirs'), 'other')
  expect(await attempt({ glance_image_id: foreign })).toMatch(/has no bytes of an image/)
  expect(await attempt({ glance_image_id: await far.create() })).toMatch(/should be active instead of queued/)
  const many = await remote({ hw_a: '1', hw_b: '2', hw_c: '3', hw_d: '4' }, Buffer.from('raw'))
  expect(await attempt({ glance_image_id: many })).toMatch(/image properties. Attempted: 5, Maximum: 4/)
  catalog.endpoints = [{ interface: 'public', url: 'file:///etc' }]
  expect(await attempt({ glance_image_id: nowhere })).toMatch(/no address of an image service/)
})

test('an image that would be signed by what it brings is refused, as one that is signed here', async () => {
  const { img_signature, ...rest } = {
    img_signature: 'AAAA',
    img_signature_hash_method: 'SHA-256',
    img_signature_key_type: 'RSA-PSS',
    img_signature_certificate_uuid: nowhere,
  }
  const id = await near.create(rest)
  await begin(id, { glance_image_id: await remote({ img_signature }, Buffer.from('raw')) })
  expect(await failed(id)).toMatch(/Signature verification failed .*certificate/)
})

test('a token that ended meanwhile is told, and not tried again', async () => {
  const id = await near.create()
  catalog.ended = true
  await begin(id, { glance_image_id: nowhere })
  expect(await failed(id)).toMatch(/token .* isn't good any more/)
})

test('properties that the caller may not set are not brought by an import either', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-remote-'))
  const file = join(folder, 'protections.conf')
  writeFileSync(
    file,
    '[^hw_.*]\ncreate = admin\nread = @\n[.*]\ncreate = @\nread = @\nupdate = @\ndelete = @\n',
  )
  const rig = await testImage(
    { importMethods: ['glance-download'], propertyProtectionFile: file },
    undefined,
    { services },
  )
  try {
    const id = await rig.create()
    await rig.as.owner('POST', `/v2/images/${id}/import`, {
      method: {
        ...{ name: 'glance-download', glance_region: 'Far' },
        glance_image_id: await remote({ hw_a: '1' }, Buffer.from('raw')),
      },
    })
    await rig.platform.world.settle()
    const { status, message } = (await rig.as.owner('GET', `/v2/images/${id}/tasks`)).body.tasks[0]
    expect([status, message]).toEqual(['failure', expect.stringContaining("'hw_a' is reserved")])
  } finally {
    await rig.stop()
    rmSync(folder, { recursive: true })
  }
})
