// Metadata definitions as operators write them and projects read them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { callsTo } from '#kit/service/test-platform.ts'
import { type TestImage, testImage } from './test-image.ts'

let rig: TestImage
let as: TestImage['as']
beforeAll(async () => {
  rig = await testImage()
  as = rig.as
})
afterAll(() => rig.stop())

const base = '/v2/metadefs/namespaces'
let made = 0
async function namespace(given: object = {}): Promise<string> {
  const name = `NS::${++made}`
  const answer = await as.admin('POST', base, { namespace: name, ...given })
  expect(answer.status).toBe(201)
  return `${base}/${name}`
}
const title = { title: 'T', type: 'string' }

describe('metadata definitions', () => {
  test('a new cloud knows types of resource, and properties that compute understands', async () => {
    const types = (await as.other('GET', '/v2/metadefs/resource_types')).body.resource_types
    expect(types.map((each: { name: string }) => each.name)).toContain('OS::Glance::Image')
    const shown = await as.other('GET', `${base}/OS::Compute::VirtCPUTopology?resource_type=OS::Nova::Flavor`)
    expect(Object.keys(shown.body.properties)).toContain('hw:cpu_cores')
    expect((await as.admin('DELETE', `${base}/OS::Compute::VirtCPUTopology`)).status).toBe(403)
  })

  test('a namespace is made with all that is inside, shown, and gone with it', async () => {
    const given = {
      display_name: 'Shown',
      description: 'Words',
      visibility: 'public',
      resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'hw_' }],
      properties: { bus: { ...title, enum: ['a', 'b'], default: 'a' } },
      objects: [{ name: 'group', required: ['x'], properties: { x: title } }],
      tags: [{ name: 'blue' }],
    }
    const url = await namespace(given)
    const shown = await as.other('GET', url)
    expect(shown.body).toMatchObject({
      display_name: 'Shown',
      description: 'Words',
      visibility: 'public',
      protected: false,
      owner: 'admin-project',
      self: url,
      schema: '/v2/schemas/metadefs/namespace',
      created_at: '2026-01-01T00:00:00Z',
      resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'hw_' }],
      properties: { bus: { name: 'bus', title: 'T', enum: ['a', 'b'], default: 'a' } },
      objects: [{ name: 'group', required: ['x'], properties: { x: title } }],
      tags: [{ name: 'blue' }],
    })
    const onImage = (await as.other('GET', `${url}?resource_type=OS::Glance::Image`)).body
    expect(Object.keys(onImage.properties)).toEqual(['hw_bus'])
    expect(onImage.objects[0]).toMatchObject({ required: ['hw_x'], properties: { hw_x: title } })
    expect((await as.other('GET', `${url}?resource_type=OS::Nova::Flavor`)).status).toBe(404)
    expect((await as.admin('DELETE', url)).status).toBe(204)
    expect((await as.admin('GET', url)).status).toBe(404)
    expect((await as.admin('POST', base, { namespace: url.split('/').at(-1) })).status).toBe(201)
    expect((await as.admin('GET', `${url}/objects`)).body.objects).toEqual([])
  })

  test('an update replaces what the namespace says of itself', async () => {
    const url = await namespace({
      description: 'Old',
      protected: true,
      visibility: 'public',
      tags: [{ name: 'x' }],
    })
    expect((await as.admin('DELETE', url)).status).toBe(403)
    const name = url.split('/').at(-1)
    const changed = await as.admin('PUT', url, { namespace: name, display_name: 'New' })
    expect(changed.body).toMatchObject({ display_name: 'New', protected: false, visibility: 'private' })
    expect(changed.body).not.toHaveProperty('description')
    expect((await as.admin('PUT', url, { namespace: 'OS::OperatingSystem' })).status).toBe(409)
    expect((await as.admin('PUT', url, { namespace: `${name}-b` })).status).toBe(200)
    expect((await as.admin('GET', url)).status).toBe(404)
    expect((await as.admin('GET', `${url}-b`)).body.tags).toEqual([{ name: 'x' }])
  })

  test('who may not see a namespace finds nothing in it, and only administrators write', async () => {
    const hidden = await namespace({ visibility: 'private', properties: { p: title }, tags: [{ name: 't' }] })
    const own = await namespace({ visibility: 'private', owner: 'project-a' })
    for (const part of [
      '',
      '/objects',
      '/properties',
      '/properties/p',
      '/tags',
      '/tags/t',
      '/resource_types',
    ]) {
      expect([part, (await as.other('GET', hidden + part)).status]).toEqual([part, 404])
    }
    expect((await as.owner('GET', own)).status).toBe(200)
    expect((await as.other('GET', own)).status).toBe(404)
    for (const [method, part, body] of [
      ['PUT', '', { namespace: 'x' }],
      ['DELETE', '', undefined],
      ['POST', '/objects', { name: 'o' }],
      ['DELETE', '/objects', undefined],
      ['POST', '/properties', { name: 'p', ...title }],
      ['DELETE', '/properties', undefined],
      ['POST', '/tags/t', undefined],
      ['POST', '/tags', { tags: [] }],
      ['DELETE', '/tags', undefined],
      ['POST', '/resource_types', { name: 'OS::Nova::Server' }],
    ] as const) {
      expect([part, (await as.other(method, own + part, body)).status]).toEqual([part, 404])
      expect([part, (await as.owner(method, own + part, body)).status]).toEqual([part, 403])
    }
    expect((await as.owner('POST', base, { namespace: 'mine' })).status).toBe(403)
    const listed = async (call: ReturnType<typeof callsTo>) =>
      (await call('GET', `${base}?limit=1000`)).body.namespaces.map((each: { self: string }) => each.self)
    expect(await listed(as.other)).not.toContain(own)
    expect(await listed(as.owner)).toContain(own)
    expect(await listed(as.owner)).not.toContain(hidden)
    expect(await listed(as.admin)).toEqual(expect.arrayContaining([own, hidden]))
  })

  test('what was shown can be sent back as a new namespace', async () => {
    const url = await namespace({
      resource_type_associations: [{ name: 'OS::Glance::Image' }],
      objects: [{ name: 'o', properties: { p: title } }],
      properties: { p: title },
      tags: [{ name: 't' }],
    })
    const { self, schema, created_at, updated_at, ...shown } = (await as.admin('GET', url)).body
    await as.admin('DELETE', url)
    expect((await as.admin('POST', base, shown)).status).toBe(201)
    expect((await as.admin('GET', url)).body).toMatchObject(shown)
  })

  test.each([
    ['namespace', 'namespace', ['namespace', 'visibility', 'objects', 'created_at']],
    ['namespaces', 'namespaces', ['namespaces', 'next']],
    ['object', 'object', ['name', 'required', 'self']],
    ['objects', 'objects', ['objects', 'next']],
    ['property', 'property', ['name', 'type', 'enum']],
    ['properties', 'properties', ['properties']],
    ['tag', 'tag', ['name', 'created_at']],
    ['tags', 'tags', ['tags']],
    ['resource_type', 'resource_type_association', ['name', 'prefix', 'properties_target']],
    ['resource_types', 'resource_type_associations', ['resource_type_associations']],
  ])('the schema %s says what there is', async (path, name, members) => {
    const { body } = await as.other('GET', `/v2/schemas/metadefs/${path}`)
    expect(body.name).toBe(name)
    expect(Object.keys(body.properties)).toEqual(expect.arrayContaining(members))
  })

  test('there is no other schema', async () => {
    for (const name of ['none', 'toString', '__proto__'])
      expect((await as.other('GET', `/v2/schemas/metadefs/${name}`)).status).toBe(404)
  })

  test('lists are narrowed, sorted and paged without a gap', async () => {
    for (const owner of ['o3', 'o1', 'o2'])
      await namespace({ owner, resource_type_associations: [{ name: 'OS::Paged' }] })
    const owners: string[] = []
    let url: string | undefined =
      `${base}?resource_types=OS::Paged,OS::None&sort_key=owner&sort_dir=asc&limit=1`
    const { body } = await as.admin('GET', url)
    expect(body.first).toContain('resource_types=')
    while (url) {
      const page: { namespaces: { owner: string }[]; next?: string } = (await as.admin('GET', url)).body
      owners.push(...page.namespaces.map((each) => each.owner))
      url = page.next
    }
    expect(owners).toEqual(['o1', 'o2', 'o3'])
    expect((await as.admin('GET', `${base}?visibility=private&resource_types=OS::Paged`)).body).toMatchObject(
      {
        namespaces: [
          { resource_type_associations: [{ name: 'OS::Paged' }] },
          expect.anything(),
          expect.anything(),
        ],
        schema: '/v2/schemas/metadefs/namespaces',
      },
    )
    expect((await as.admin('GET', `${base}?resource_types=OS::None`)).body.namespaces).toEqual([])
  })

  test('pages have no gap where some lack what the list is sorted by', async () => {
    for (const more of [{}, { display_name: 'b' }, {}, { display_name: 'a' }])
      await namespace({ ...more, resource_type_associations: [{ name: 'OS::Gap' }] })
    for (const direction of ['asc', 'desc']) {
      const names: (string | undefined)[] = []
      let url: string | undefined =
        `${base}?resource_types=OS::Gap&sort_key=display_name&sort_dir=${direction}&limit=1`
      while (url) {
        const page: { namespaces: { display_name?: string }[]; next?: string } = (await as.admin('GET', url))
          .body
        names.push(...page.namespaces.map((each) => each.display_name))
        url = page.next
      }
      const sorted = [undefined, undefined, 'a', 'b']
      expect(names).toEqual(direction === 'asc' ? sorted : sorted.reverse())
    }
  })

  test('objects are made, listed, renamed and deleted', async () => {
    const url = await namespace()
    const object = { name: 'CPU Limits', description: 'Words', required: ['a'], properties: { a: title } }
    const first = await as.admin('POST', `${url}/objects`, object)
    expect(first).toMatchObject({
      status: 201,
      body: { ...object, schema: '/v2/schemas/metadefs/object', self: `${url}/objects/CPU Limits` },
    })
    expect((await as.admin('POST', `${url}/objects`, object)).status).toBe(409)
    const changed = await as.admin('PUT', `${url}/objects/CPU%20Limits`, { name: 'Limits' })
    expect(changed.body).toMatchObject({ name: 'Limits', required: [], properties: {} })
    expect(changed.body).not.toHaveProperty('description')
    expect((await as.admin('GET', `${url}/objects/CPU%20Limits`)).status).toBe(404)
    expect((await as.admin('GET', `${url}/objects/Limits`)).body.name).toBe('Limits')
    await as.admin('POST', `${url}/objects`, { name: 'b' })
    expect((await as.admin('PUT', `${url}/objects/b`, { name: 'Limits' })).status).toBe(409)
    expect((await as.admin('DELETE', `${url}/objects/Limits`)).status).toBe(204)
    expect((await as.admin('DELETE', `${url}/objects/Limits`)).status).toBe(404)
    const listed = (await as.admin('GET', `${url}/objects`)).body
    expect([listed.objects.map((each: { name: string }) => each.name), listed.schema]).toEqual([
      ['b'],
      '/v2/schemas/metadefs/objects',
    ])
    expect((await as.admin('DELETE', `${url}/objects`)).status).toBe(204)
    expect((await as.admin('GET', `${url}/objects`)).body.objects).toEqual([])
  })

  test('properties are made, found by their name on a resource, renamed and deleted', async () => {
    const url = await namespace({
      resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'hw_' }],
    })
    const property = { name: 'bus', ...title, enum: ['a'], minLength: 1, items: { type: 'string' } }
    expect(await as.admin('POST', `${url}/properties`, property)).toMatchObject({
      status: 201,
      body: property,
    })
    expect((await as.admin('POST', `${url}/properties`, property)).status).toBe(409)
    expect((await as.admin('GET', `${url}/properties/bus`)).body).toEqual(property)
    const onImage = (name: string) =>
      as.admin('GET', `${url}/properties/${name}?resource_type=OS::Glance::Image`)
    expect((await onImage('hw_bus')).body.title).toBe('T')
    expect((await onImage('bus')).status).toBe(404)
    const renamed = await as.admin('PUT', `${url}/properties/bus`, { name: 'wheel', ...title })
    expect(renamed.body).toEqual({ name: 'wheel', ...title })
    expect((await as.admin('GET', `${url}/properties`)).body).toEqual({
      properties: { wheel: { name: 'wheel', ...title } },
    })
    expect((await as.admin('DELETE', `${url}/properties/bus`)).status).toBe(404)
    expect((await as.admin('DELETE', `${url}/properties/wheel`)).status).toBe(204)
  })

  test('tags come one by one and in bulk', async () => {
    const url = await namespace()
    const bulk = (names: string[], headers = {}) =>
      as.admin('POST', `${url}/tags`, { tags: names.map((name) => ({ name })) }, headers)
    const names = async (query = '') =>
      (await as.admin('GET', `${url}/tags${query}`)).body.tags.map((each: { name: string }) => each.name)
    expect(await bulk(['b', 'a'])).toMatchObject({
      status: 201,
      body: { tags: [{ name: 'b' }, { name: 'a' }] },
    })
    expect(await names()).toEqual(['a', 'b'])
    await bulk(['c'])
    expect(await names()).toEqual(['c'])
    await bulk(['d'], { 'x-openstack-append': 'True' })
    expect(await names('?sort_dir=desc')).toEqual(['d', 'c'])
    expect((await bulk(['e', 'e'])).status).toBe(409)
    expect(await names()).toEqual(['c', 'd'])
    const page = (await as.admin('GET', `${url}/tags?limit=1`)).body
    expect([page.tags, (await as.admin('GET', page.next)).body.tags]).toEqual([
      [{ name: 'c' }],
      [{ name: 'd' }],
    ])
    expect(await as.admin('POST', `${url}/tags/f`)).toMatchObject({
      status: 201,
      body: { name: 'f', created_at: '2026-01-01T00:00:00Z' },
    })
    expect((await as.admin('POST', `${url}/tags/f`)).status).toBe(409)
    expect((await as.admin('PUT', `${url}/tags/f`, { name: 'c' })).status).toBe(409)
    expect((await as.admin('PUT', `${url}/tags/f`, { name: 'g' })).body.name).toBe('g')
    expect((await as.admin('GET', `${url}/tags/f`)).status).toBe(404)
    expect((await as.admin('DELETE', `${url}/tags/g`)).status).toBe(204)
    expect((await as.admin('DELETE', `${url}/tags`)).status).toBe(204)
    expect(await names()).toEqual([])
    expect((await as.admin('POST', `${url}/tags/${'x'.repeat(81)}`)).status).toBe(400)
  })

  test('types of resource are given to a namespace and taken from it', async () => {
    const url = await namespace()
    const given = { name: 'OS::Made::Up', prefix: 'x_', properties_target: 'image' }
    expect(await as.admin('POST', `${url}/resource_types`, given)).toMatchObject({ status: 201, body: given })
    expect((await as.admin('POST', `${url}/resource_types`, given)).status).toBe(409)
    expect((await as.admin('GET', `${url}/resource_types`)).body.resource_type_associations).toMatchObject([
      given,
    ])
    const known = (await as.admin('GET', '/v2/metadefs/resource_types')).body.resource_types
    expect(known.map((each: { name: string }) => each.name)).toContain('OS::Made::Up')
    expect((await as.admin('DELETE', `${url}/resource_types/OS::Made::Up`)).status).toBe(204)
    expect((await as.admin('DELETE', `${url}/resource_types/OS::Made::Up`)).status).toBe(404)
  })

  test.each([
    ['', {}, 400, 'namespace is required'],
    ['', { namespace: 'x'.repeat(81) }, 400, 'namespace'],
    ['', { namespace: 'n', visibility: 'shared' }, 400, 'visibility'],
    ['', { namespace: 'n', self: 'x' }, 403, "Attribute 'self' is read-only"],
    ['', { namespace: 'n', zz: 1 }, 400, 'zz is not known'],
    ['', { namespace: 'n', properties: { p: { title: 'T' } } }, 400, 'properties.p type is required'],
    ['', { namespace: 'n', properties: { p: { ...title, type: 'blob' } } }, 400, 'properties.p.type'],
    ['', { namespace: 'n', properties: { ['x'.repeat(81)]: title } }, 400, '80 characters'],
    ['', { namespace: 'n', tags: [{ name: 'a' }, { name: 'a' }] }, 400, 'tags names a twice'],
    ['', { namespace: 'n', objects: [{ name: 'a' }, { name: 'a' }] }, 400, 'objects names a twice'],
    ['/OS::OperatingSystem/objects', { name: '' }, 400, 'name'],
    ['/OS::OperatingSystem/properties', { name: 'p', type: 'string' }, 400, 'title is required'],
    ['/OS::OperatingSystem/tags', { tags: 'a' }, 400, 'tags'],
    ['/OS::None/tags', { tags: [] }, 404, 'OS::None was not found'],
  ])('POST %s %j answers %i', async (part, body, status, words) => {
    const refused = await as.admin('POST', base + part, body)
    expect([refused.status, refused.body.message]).toEqual([status, expect.stringContaining(words)])
    expect((await as.admin('GET', `${base}/n`)).status).toBe(404)
  })

  test.each([
    ['?visibility=shared', 400],
    ['?sort_key=zz', 400],
    ['?sort_dir=up', 400],
    ['?limit=-1', 400],
    ['?marker=zz', 404],
  ])('a list refuses %s', async (query, status) => {
    expect((await as.admin('GET', base + query)).status).toBe(status)
  })
})
