// PATCH of images in both of its forms.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestImage, testImage } from './test-image.ts'

let rig: TestImage
beforeAll(async () => {
  rig = await testImage({ maxProperties: 3, maxTags: 2 })
})
afterAll(() => rig.stop())

const oldForm = { 'content-type': 'application/openstack-images-v2.0-json-patch' }
const show = async (id: string) => (await rig.as.owner('GET', `/v2/images/${id}`)).body

describe('a patch by draft 10', () => {
  test('adds, replaces and removes in order, all of it or none', async () => {
    const id = await rig.create({ tags: ['a'] })
    const done = await rig.patch(id, [
      { op: 'add', path: '/name', value: 'one' },
      { op: 'replace', path: '/name', value: 'two' },
      { op: 'add', path: '/first', value: 'x' },
      { op: 'add', path: '/first', value: 'y' },
      { op: 'add', path: '/gone', value: 'x' },
      { op: 'remove', path: '/gone' },
      { op: 'replace', path: '/tags', value: ['b', 'b', 'c'] },
      { op: 'replace', path: '/os_hidden', value: true },
      { op: 'replace', path: '/min_disk', value: 3 },
      { op: 'replace', path: '/name', value: null },
    ])
    expect(done.body).toMatchObject({
      name: null,
      first: 'y',
      tags: ['b', 'c'],
      os_hidden: true,
      min_disk: 3,
    })
    expect(done.body).not.toHaveProperty('gone')
    const before = await show(id)
    const half = await rig.patch(id, [
      { op: 'replace', path: '/name', value: 'half' },
      { op: 'remove', path: '/nope' },
    ])
    expect([half.status, half.body.message]).toEqual([
      409,
      expect.stringContaining('Property nope does not exist.'),
    ])
    expect(await show(id)).toEqual(before)
  })

  test('names with a slash and a tilde are escaped', async () => {
    const id = await rig.create()
    const done = await rig.patch(id, [
      { op: 'add', path: '/a~1b~0c', value: 'x' },
      { op: 'add', path: '/trait:STORAGE_DISK_SSD', value: 'required' },
    ])
    expect(done.body).toMatchObject({ 'a/b~c': 'x', 'trait:STORAGE_DISK_SSD': 'required' })
    expect((await rig.patch(id, [{ op: 'remove', path: '/a~1b~0c' }])).body).not.toHaveProperty('a/b~c')
  })

  test.each([
    [[{ path: '/name', value: 'x' }], 400, 'Unable to find `op`'],
    [[{ op: 'move', path: '/name', value: 'x' }], 400, 'Invalid operation: `move`'],
    [[{ op: 'add', value: 'x' }], 400, "Unable to find 'path'"],
    [[{ op: 'add', path: 'name', value: 'x' }], 400, 'does not start with "/"'],
    [[{ op: 'add', path: 5, value: 'x' }], 400, 'does not start with "/"'],
    [[{ op: 'add', path: '/name/', value: 'x' }], 400, 'ends with "/"'],
    [[{ op: 'add', path: '/a//b', value: 'x' }], 400, 'contains adjacent "/"'],
    [[{ op: 'add', path: '/', value: 'x' }], 400, 'does not contain a valid token'],
    [[{ op: 'add', path: '/a~2', value: 'x' }], 400, 'not part of a recognized escape sequence'],
    [[{ op: 'add', path: '/a~', value: 'x' }], 400, 'not part of a recognized escape sequence'],
    [[{ op: 'add', path: '/tags/-', value: 'x' }], 400, "Invalid JSON pointer for this resource: '/tags/-'"],
    [[{ op: 'add', path: '/locations', value: {} }], 400, 'Invalid JSON pointer'],
    [[{ op: 'add', path: '/name' }], 400, 'requires a member named "value"'],
    [[{ op: 'add', path: '/name', value: 5 }], 400, 'name must be'],
    [[{ op: 'add', path: '/own', value: 5 }], 400, "own must be a value of type 'string'"],
    [[{ op: 'add', path: '/own', value: null }], 400, "own must be a value of type 'string'"],
    [[{ op: 'replace', path: '/visibility', value: 'all' }], 400, 'visibility'],
    [[{ op: 'replace', path: '/protected', value: 'true' }], 400, 'protected'],
    [[{ op: 'replace', path: '/tags', value: ['x'.repeat(256)] }], 400, 'tags'],
    [[{ op: 'add', path: `/${'x'.repeat(256)}`, value: '' }], 400, '255'],
    [['add'], 400, 'Operations must be JSON objects.'],
    [[null], 400, 'Operations must be JSON objects.'],
    [{ op: 'add' }, 400, 'must be a JSON array'],
    [[{ op: 'replace', path: '/id', value: 'x' }], 403, "Attribute 'id' is read-only."],
    [[{ op: 'replace', path: '/checksum', value: 'x' }], 403, "Attribute 'checksum' is read-only."],
    [[{ op: 'remove', path: '/created_at' }], 403, "Attribute 'created_at' is read-only."],
    [[{ op: 'remove', path: '/name' }], 403, 'Property name may not be removed.'],
    [[{ op: 'add', path: '/deleted', value: 'x' }], 403, "Attribute 'deleted' is reserved."],
    [[{ op: 'add', path: '/os_glance_x', value: 'x' }], 403, "Attribute 'os_glance_x' is reserved."],
    [[{ op: 'add', path: '/__proto__', value: 'x' }], 403, 'is reserved.'],
    [[{ op: 'replace', path: '/visibility', value: 'public' }], 403, 'publicize_image'],
    [[{ op: 'replace', path: '/owner', value: 'project-b' }], 403, "Owner can't be updated by non admin."],
    [[{ op: 'replace', path: '/toString', value: 'x' }], 409, 'Property toString does not exist.'],
  ])('%j answers %i', async (operations, status, words) => {
    const id = await rig.create()
    const before = await show(id)
    const refused = await rig.patch(id, operations)
    expect([refused.status, refused.body.message]).toEqual([status, expect.stringContaining(words)])
    expect(await show(id)).toEqual(before)
  })

  test('formats stay once there is content', async () => {
    const id = await rig.create()
    await rig.upload(id, Buffer.from('hello'))
    expect((await rig.patch(id, [{ op: 'replace', path: '/disk_format', value: 'iso' }])).status).toBe(403)
    expect((await rig.patch(id, [{ op: 'replace', path: '/disk_format', value: 'raw' }])).status).toBe(200)
  })

  test('an administrator gives an image to another project', async () => {
    const id = await rig.create({ visibility: 'private' })
    const given = await rig.patch(id, [{ op: 'replace', path: '/owner', value: 'project-b' }], 'admin')
    expect(given.body.owner).toBe('project-b')
    expect((await rig.as.owner('GET', `/v2/images/${id}`)).status).toBe(404)
  })

  test('counts are limited, and what is beyond a limit since it was lowered may shrink', async () => {
    const id = await rig.create({ a: '', b: '', c: '' })
    const add = { op: 'add', path: '/d', value: '' }
    const tags = { op: 'replace', path: '/tags', value: ['a', 'b', 'c'] }
    expect((await rig.patch(id, [add])).status).toBe(413)
    expect((await rig.patch(id, [tags])).status).toBe(413)
    const { config } = rig.service.app as { config: { maxProperties: number } }
    config.maxProperties = 1
    expect((await rig.patch(id, [{ op: 'remove', path: '/a' }])).status).toBe(200)
    expect((await rig.patch(id, [add])).status).toBe(413)
    config.maxProperties = 3
  })
})

describe('a patch by draft 4', () => {
  const change = (id: string, operations: unknown) =>
    rig.as.owner('PATCH', `/v2/images/${id}`, operations, oldForm)

  test('adds what is not there, replaces and removes', async () => {
    const id = await rig.create()
    expect((await change(id, [{ add: '/own', value: 'x' }])).body.own).toBe('x')
    expect((await change(id, [{ add: '/own', value: 'y' }])).status).toBe(409)
    expect((await change(id, [{ add: '/name', value: 'y' }])).status).toBe(409)
    expect((await change(id, [{ replace: '/own', value: 'z' }])).body.own).toBe('z')
    expect((await change(id, [{ remove: '/own' }])).body).not.toHaveProperty('own')
  })

  test.each([
    [[{ op: 'add', path: '/x', value: 'y' }], 'exactly one member'],
    [[{ add: '/x', replace: '/x', value: 'y' }], 'exactly one member'],
    [[{ add: '/x' }], 'requires a member named "value"'],
  ])('%j is refused', async (operations, words) => {
    const refused = await change(await rig.create(), operations)
    expect([refused.status, refused.body.message]).toEqual([400, expect.stringContaining(words)])
  })
})

test('another media type is told which there are', async () => {
  const refused = await rig.as.owner('PATCH', `/v2/images/${await rig.create()}`, [])
  expect([refused.status, refused.headers['accept-patch']]).toEqual([
    415,
    'application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch',
  ])
})

test('of patches and tags at once none undoes another', async () => {
  const id = await rig.create()
  const done = await Promise.all([
    rig.patch(id, [{ op: 'add', path: '/a', value: '1' }]),
    rig.patch(id, [{ op: 'add', path: '/b', value: '2' }]),
    rig.as.owner('PUT', `/v2/images/${id}/tags/x`),
    rig.as.owner('PUT', `/v2/images/${id}/tags/y`),
    rig.patch(id, [{ op: 'replace', path: '/name', value: 'n' }]),
  ])
  expect(done.map((each) => each.status)).toEqual([200, 200, 204, 204, 200])
  expect(await show(id)).toMatchObject({ a: '1', b: '2', name: 'n', tags: ['x', 'y'] })
  expect((await rig.as.owner('PUT', `/v2/images/${id}/tags/z`)).status).toBe(413)
  expect((await rig.as.owner('PUT', `/v2/images/${id}/tags/x`)).status).toBe(204)
})
