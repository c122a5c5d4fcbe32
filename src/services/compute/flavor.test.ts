// Flavors, their extra specs and their access lists, through the API.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schemaDifferences } from '#kit/db/schema.ts'
import { computeTables } from './store/tables.ts'
import { callers, type TestCompute, testCompute } from './test-compute.ts'

let compute: TestCompute
let admin: TestCompute['call']
beforeAll(async () => {
  compute = await testCompute({ hosts: 0 })
  admin = compute.as('admin')
})
afterAll(() => compute.stop())

const small = (more: object = {}) => ({
  flavor: { name: compute.world.random.hexId(), ram: 64, vcpus: 1, disk: 1, ...more },
})

it('migrates to what the tables declare', async () => {
  expect(await schemaDifferences(compute.service.app.db, computeTables)).toEqual([])
})

describe('flavors', () => {
  it('takes id 0 and shows the flavor as Nova does', async () => {
    const made = await admin('POST', '/v2.1/flavors', small({ name: 'm1.nano', id: 0 }))
    expect(made.status).toBe(200)
    expect(made.body.flavor).toEqual({
      id: '0',
      name: 'm1.nano',
      ram: 64,
      vcpus: 1,
      disk: 1,
      swap: '',
      'OS-FLV-EXT-DATA:ephemeral': 0,
      'OS-FLV-DISABLED:disabled': false,
      'os-flavor-access:is_public': true,
      rxtx_factor: 1,
      links: [
        { rel: 'self', href: expect.stringMatching(/\/v2\.1\/flavors\/0$/) },
        { rel: 'bookmark', href: expect.stringMatching(/[^1]\/flavors\/0$/) },
      ],
    })
    const newest = await compute.as('member', '2.93')('GET', '/v2.1/flavors/0')
    expect(newest.body.flavor).toMatchObject({ swap: 0, description: null, extra_specs: {} })
    expect(newest.headers['openstack-api-version']).toBe('compute 2.93')
    expect(newest.headers['x-compute-request-id']).toMatch(/^req-/)
  })

  it('keeps ids and names unique', async () => {
    const first = small({ id: 'one', name: 'unique' })
    expect((await admin('POST', '/v2.1/flavors', first)).status).toBe(200)
    const sameName = await admin('POST', '/v2.1/flavors', small({ name: 'unique' }))
    expect(sameName).toMatchObject({
      status: 409,
      body: { conflictingRequest: { code: 409, message: 'Flavor with name unique already exists.' } },
    })
    expect(
      (await admin('POST', '/v2.1/flavors', small({ id: 'one' }))).body.conflictingRequest.message,
    ).toContain('ID one')
  })

  it.each([
    [{ ram: 0 }],
    [{ ram: 'much' }],
    [{ ram: 2 ** 31 }],
    [{ vcpus: -1 }],
    [{ name: '' }],
    [{ name: ' x' }],
    [{ name: 'n'.repeat(256) }],
    [{ id: ' a' }],
    [{ color: 'red' }],
    [{ rxtx_factor: 0 }],
    [{ description: 'not before 2.55' }],
  ])('refuses %j', async (wrong) => {
    const answer = await admin('POST', '/v2.1/flavors', small(wrong))
    expect(answer.status).toBe(400)
    expect(answer.body.badRequest.message).toBeTruthy()
  })
  it('takes a name of 255 characters', async () => {
    expect((await admin('POST', '/v2.1/flavors', small({ name: 'n'.repeat(255) }))).status).toBe(200)
  })

  it('pages by id, and filters', async () => {
    for (const id of ['page-1', 'page-2', 'page-3'])
      await admin('POST', '/v2.1/flavors', small({ id, ram: 4096 }))
    const first = await compute.call('GET', '/v2.1/flavors?minRam=4096&limit=2')
    expect(first.body.flavors.map((each: { id: string }) => each.id)).toEqual(['page-1', 'page-2'])
    const next = new URL(first.body.flavors_links[0].href)
    const second = await compute.call('GET', next.pathname + next.search)
    expect(second.body.flavors.map((each: { id: string }) => each.id)).toEqual(['page-3'])
    expect(second.body.flavors_links).toBeUndefined()
    expect((await compute.call('GET', '/v2.1/flavors?limit=x')).status).toBe(400)
    expect((await compute.call('GET', '/v2.1/flavors?marker=none')).status).toBe(400)
    expect((await compute.as('member', '2.75')('GET', '/v2.1/flavors?color=red')).status).toBe(400)
  })

  it('hides one that is not public from all but its projects', async () => {
    const { flavor } = (await admin('POST', '/v2.1/flavors', small({ 'os-flavor-access:is_public': false })))
      .body
    const path = `/v2.1/flavors/${flavor.id}`
    expect((await compute.call('GET', path)).status).toBe(404)
    expect((await admin('GET', `${path}/os-flavor-access`)).body).toEqual({ flavor_access: [] })
    const listed = (await admin('GET', '/v2.1/flavors')).body.flavors
    expect(listed.map((each: { id: string }) => each.id)).not.toContain(flavor.id)
    const tenant = callers.member!.projectId
    const added = await admin('POST', `${path}/action`, { addTenantAccess: { tenant } })
    expect(added.body.flavor_access).toContainEqual({ flavor_id: flavor.id, tenant_id: tenant })
    expect((await compute.call('GET', path)).status).toBe(200)
    const list = await compute.call('GET', '/v2.1/flavors')
    expect(list.body.flavors.map((each: { id: string }) => each.id)).toContain(flavor.id)
    expect((await admin('POST', `${path}/action`, { addTenantAccess: { tenant } })).status).toBe(409)
    expect((await admin('POST', `${path}/action`, { removeTenantAccess: { tenant } })).status).toBe(200)
    expect((await compute.call('GET', path)).status).toBe(404)
  })

  it('keeps what is for administrators from others', async () => {
    expect((await compute.call('POST', '/v2.1/flavors', small())).status).toBe(403)
    expect((await compute.as(undefined)('GET', '/v2.1/flavors')).status).toBe(401)
  })

  it('describes from 2.55 on', async () => {
    const { flavor } = (
      await compute.as('admin', '2.55')('POST', '/v2.1/flavors', small({ description: 'old' }))
    ).body
    expect(flavor.description).toBe('old')
    const put = await compute.as('admin', '2.55')('PUT', `/v2.1/flavors/${flavor.id}`, {
      flavor: { description: 'new' },
    })
    expect(put.body.flavor.description).toBe('new')
    expect(
      (await admin('PUT', `/v2.1/flavors/${flavor.id}`, { flavor: { description: 'new' } })).status,
    ).toBe(404)
  })

  it('deletes once', async () => {
    const id = await compute.flavor()
    expect((await admin('DELETE', `/v2.1/flavors/${id}`)).status).toBe(202)
    expect((await admin('DELETE', `/v2.1/flavors/${id}`)).body.itemNotFound.message).toBe(
      `Flavor ${id} could not be found.`,
    )
  })
})

describe('extra specs', () => {
  it('are set, shown, changed and removed one by one', async () => {
    const id = await compute.flavor()
    const path = `/v2.1/flavors/${id}/os-extra_specs`
    const specs = { 'hw:cpu_policy': 'shared', 'hw:numa_nodes': '1' }
    expect((await admin('POST', path, { extra_specs: specs })).body).toEqual({ extra_specs: specs })
    expect((await compute.call('GET', path)).body).toEqual({ extra_specs: specs })
    expect((await admin('PUT', `${path}/hw:numa_nodes`, { 'hw:numa_nodes': '2' })).body).toEqual({
      'hw:numa_nodes': '2',
    })
    expect((await admin('PUT', `${path}/hw:numa_nodes`, { other: '2' })).status).toBe(400)
    expect((await compute.call('GET', `${path}/hw:numa_nodes`)).body).toEqual({ 'hw:numa_nodes': '2' })
    expect((await admin('DELETE', `${path}/hw:numa_nodes`)).status).toBe(200)
    expect((await compute.call('GET', `${path}/hw:numa_nodes`)).status).toBe(404)
  })

  it('are checked from 2.86 on where Nova defines them', async () => {
    const id = await compute.flavor()
    const path = `/v2.1/flavors/${id}/os-extra_specs`
    const post = (version: string, extra_specs: object) =>
      compute.as('admin', version)('POST', path, { extra_specs })
    expect((await post('2.85', { 'hw:cpu_policy': 'sharrred' })).status).toBe(200)
    expect((await post('2.86', { 'hw:cpu_policy': 'sharrred' })).status).toBe(400)
    expect((await post('2.86', { 'hw:foo': 'bar' })).status).toBe(400)
    expect((await post('2.86', { 'trait:HW_CPU_X86_AVX2': 'required', 'own:thing': 'x' })).status).toBe(200)
  })
})
