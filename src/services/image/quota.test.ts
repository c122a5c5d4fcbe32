// Quotas as a project meets them: identity's limits, and what of them is used.
import { Readable } from 'node:stream'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { answer, routeOf } from '#kit/http/route.ts'
import { type HttpService, httpService } from '#kit/http/server.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { authenticateBy, testCaller } from '#kit/service/test-platform.ts'
import { imageFaults } from './fault.ts'
import { image } from './resources/image.ts'
import { type TestImage, testImage } from './test-image.ts'

const services = new Map<string, HttpService>()
let rig: TestImage
/** What identity answers: the only edge of image that this test plays. */
let registered: Record<string, number> = {}
let own: Record<string, number> = {}

const route = routeOf<object>()
const identityRoutes = [
  route('GET', '/v3/registered_limits', {
    policy: 'token',
    handle: async () =>
      answer({
        body: {
          registered_limits: Object.entries(registered).map(([resource_name, default_limit]) => ({
            ...{ resource_name, default_limit, region_id: null },
          })),
        },
      }),
  }),
  route('GET', '/v3/limits', {
    policy: 'token',
    handle: async (_, { query }) => ({
      limits: Object.entries(own).map(([resource_name, resource_limit]) => ({
        ...{ resource_name, resource_limit, region_id: null, project_id: 'project-a' },
      })),
      asked: query.get('project_id'),
    }),
  }),
]

beforeAll(async () => {
  const settings = { unifiedLimits: true, userStorageQuotaGib: 1 }
  rig = await testImage(settings, { serviceToken: async () => 'glance' }, { services })
  const { world, log, journal } = rig.platform
  const identity = await httpService({
    ...{ name: 'keystone', app: {}, world, log, journal },
    ...{ routes: identityRoutes, prefixes: [''], faults: imageFaults, policy: openPolicy({ rules: [] }) },
    authenticate: authenticateBy({ glance: testCaller({ roles: ['service'], projectId: 'service' }) }),
    authUri: () => '',
  })
  services.set('http://identity.test', identity)
})
beforeEach(async () => {
  registered = {}
  own = {}
  await image.delete(rig.service.app.db, {})
})
afterAll(() => rig.stop())

const usage = async () => (await rig.as.owner('GET', '/v2/info/usage')).body.usage
test('a project makes as many images as its limit says, by itself or by the registered one', async () => {
  registered = { image_count_total: 1 }
  await rig.create()
  const refused = await rig.as.owner('POST', '/v2/images', {})
  expect([refused.status, refused.body.message]).toEqual([413, expect.stringContaining('image_count_total')])
  expect((await rig.as.other('POST', '/v2/images', {})).status).toBe(201)
  own = { image_count_total: 2 }
  await rig.create()
  expect((await rig.as.owner('POST', '/v2/images', {})).status).toBe(413)
  own = { image_count_total: -1 }
  await rig.create()
  expect((await usage()).image_count_total).toEqual({ limit: -1, usage: 3 })
})

test('the usage names each quota, those without a limit too', async () => {
  registered = { image_size_total: 5, image_count_uploading: 2 }
  await rig.upload(await rig.create(), Buffer.alloc(2 * 2 ** 20 + 5))
  expect(await usage()).toEqual({
    image_size_total: { limit: 5, usage: 2 },
    image_stage_total: { limit: -1, usage: 0 },
    image_count_total: { limit: -1, usage: 1 },
    image_count_uploading: { limit: 2, usage: 0 },
  })
})

test('an upload ends where its project has no more room, and nothing of it is kept', async () => {
  registered = { image_size_total: 3 }
  const mib = 2 ** 20
  await rig.upload(await rig.create(), Buffer.alloc(2 * mib))
  const id = await rig.create()
  const tooMuch = Readable.from(Array.from({ length: 8 }, () => Buffer.alloc(mib / 4)))
  expect((await rig.upload(id, tooMuch)).status).toBe(413)
  expect((await rig.as.owner('GET', `/v2/images/${id}`)).body).toMatchObject({ status: 'queued', size: null })
  expect((await rig.upload(id, Buffer.alloc(mib))).status).toBe(204)
  const full = await rig.upload(await rig.create(), Buffer.alloc(1))
  expect([full.status, full.text]).toEqual([413, expect.stringContaining('image_size_total')])
  expect((await usage()).image_size_total).toEqual({ limit: 3, usage: 3 })
})

test('staged bytes and images on their way have limits of their own', async () => {
  registered = { image_stage_total: 1, image_count_uploading: 1 }
  const stage = async (id: string, bytes: number) => {
    const headers = { 'x-auth-token': 'owner', 'content-type': 'application/octet-stream' }
    const url = `/v2/images/${id}/stage`
    const request = { method: 'PUT', url, headers, body: Buffer.alloc(bytes) }
    return (await rig.service.http.inject(request)).status
  }
  const [first, second] = [await rig.create(), await rig.create()]
  expect(await stage(first, 2 ** 20 + 1)).toBe(413)
  expect(await stage(first, 2 ** 20)).toBe(204)
  expect(await usage()).toMatchObject({
    image_stage_total: { limit: 1, usage: 1 },
    image_count_uploading: { limit: 1, usage: 1 },
  })
  expect((await rig.upload(second, Buffer.alloc(1))).status).toBe(413)
  expect(await stage(second, 1)).toBe(413)
  const method = { name: 'glance-direct' }
  expect((await rig.as.owner('POST', `/v2/images/${first}/import`, { method })).status).toBe(202)
  await rig.platform.world.settle()
  expect((await rig.as.owner('GET', `/v2/images/${first}`)).body.status).toBe('active')
  expect((await rig.upload(second, Buffer.alloc(1))).status).toBe(204)
})
