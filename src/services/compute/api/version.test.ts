// How clients find out what compute speaks, and what it says of what is not there.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { projectId, type TestCompute, testCompute } from '../test-compute.ts'

let cloud: TestCompute
beforeAll(async () => {
  cloud = await testCompute({ hosts: 0 })
})
afterAll(() => cloud.stop())

it('tells its versions without a token, with and without the slash', async () => {
  const anybody = cloud.as(undefined)
  const { body } = await anybody('GET', '/')
  expect(body.versions).toMatchObject([
    { id: 'v2.0', status: 'SUPPORTED', version: '' },
    { id: 'v2.1', status: 'CURRENT', version: '2.93', min_version: '2.1' },
  ])
  for (const path of ['/v2.1', '/v2.1/']) {
    const { version } = (await anybody('GET', path)).body
    expect(version).toMatchObject({ id: 'v2.1', version: '2.93', min_version: '2.1' })
    expect(version.links[0].href).toMatch(/^http:\/\/[^/]+\/v2\.1\/$/)
  }
  expect((await anybody('GET', '/v2/')).body.version.id).toBe('v2.0')
})

it('does not take the thing with an empty id for the list of all', async () => {
  const list = cloud.as('admin')
  expect((await list('GET', '/v2.1/flavors')).status).toBe(200)
  for (const path of [
    '/v2.1/flavors/',
    '/v2.1/servers/?limit=1',
    `/v2.1/${projectId}/os-simple-tenant-usage/`,
  ])
    expect((await list('GET', path)).status).toBe(404)
})

it('repeats the version of an answer, in both headers', async () => {
  const { headers } = await cloud.as('member')('GET', '/v2.1/flavors', undefined, {
    'x-openstack-nova-api-version': '2.10',
  })
  expect(headers).toMatchObject({
    'openstack-api-version': 'compute 2.10',
    'x-openstack-nova-api-version': '2.10',
    vary: 'OpenStack-API-Version, X-OpenStack-Nova-API-Version',
  })
  expect((await cloud.as('member', '2.94')('GET', '/v2.1/flavors')).status).toBe(406)
  expect((await cloud.as('member', 'two')('GET', '/v2.1/flavors')).status).toBe(400)
})

it('says of a path that is none that it is not found, and of a call of other versions in its own words', async () => {
  const nope = await cloud.as('member')('GET', '/v2.1/nope')
  expect([nope.status, nope.body.code]).toEqual([404, '404 Not Found'])
  const early = await cloud.as('admin')('PUT', '/v2.1/os-services/force-down', {})
  expect(early.body).toEqual({ itemNotFound: { code: 404, message: 'The resource could not be found.' } })
})

it('takes the project of the token in its path, and no other', async () => {
  expect((await cloud.as('member')('GET', `/v2.1/${projectId}/flavors`)).status).toBe(200)
  const other = await cloud.as('admin')('GET', `/v2.1/${projectId}/flavors`)
  expect([other.status, Object.keys(other.body)]).toEqual([400, ['badRequest']])
})

it.each(['/os-cells', '/os-cells/detail', '/os-certificates/root', '/os-fping', '/servers/x/consoles'])(
  'says that %s is gone',
  async (path) => {
    for (const version of ['2.1', '2.93']) {
      const answer = await cloud.as('member', version)('GET', `/v2.1${path}`)
      expect([answer.status, Object.keys(answer.body)]).toEqual([410, ['computeFault']])
    }
  },
)

it('lists extensions for clients that look for them', async () => {
  const { extensions } = (await cloud.as('member')('GET', '/v2.1/extensions')).body
  const aliases = extensions.map((each: { alias: string }) => each.alias)
  expect(aliases).toContain('os-simple-tenant-usage')
  const one = await cloud.as('member')('GET', '/v2.1/extensions/os-server-groups')
  expect(Object.keys(one.body.extension).sort()).toEqual([
    'alias',
    'description',
    'links',
    'name',
    'namespace',
    'updated',
  ])
  expect((await cloud.as('member')('GET', '/v2.1/extensions/os-cells')).status).toBe(404)
})
