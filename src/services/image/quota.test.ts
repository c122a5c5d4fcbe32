// Quotas as a project meets them: identity's limits, and what of them is used.
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { withDefaults } from '#kit/config/section.ts'
import { answer, routeOf } from '#kit/http/route.ts'
import { type HttpService, httpService } from '#kit/http/server.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { authenticateBy, callsTo, testCaller, testPlatform } from '#kit/service/test-platform.ts'
import { imageConfig } from './config.ts'
import { imageFaults } from './fault.ts'
import { image } from './resources/image.ts'
import { openImage, type RunningImage } from './service.ts'

const folder = mkdtempSync(join(tmpdir(), 'nimbo-image-quota-'))
const services = new Map<string, HttpService>()
const platform = testPlatform({ folder, services, bus: { notify: async () => {} } as never })
const callers = {
  owner: testCaller({ roles: ['member', 'reader'], projectId: 'project-a' }),
  other: testCaller({ roles: ['member', 'reader'], projectId: 'project-b' }),
  glance: testCaller({ roles: ['service'], projectId: 'service' }),
}
let limited: RunningImage
let owner: ReturnType<typeof callsTo>
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
  const identity = await httpService({
    ...{ name: 'keystone', app: {}, world: platform.world, log: platform.log, journal: platform.journal },
    ...{ routes: identityRoutes, prefixes: [''], faults: imageFaults, policy: openPolicy({ rules: [] }) },
    authenticate: authenticateBy(callers),
    authUri: () => '',
  })
  services.set('http://identity.test', identity)
  const config = withDefaults(imageConfig, { unifiedLimits: true, userStorageQuotaGib: 1 })
  limited = await openImage(platform, config, authenticateBy(callers), { serviceToken: async () => 'glance' })
  owner = callsTo(limited.http, 'owner')
})
beforeEach(async () => {
  registered = {}
  own = {}
  await image.delete(limited.app.db, {})
})
afterAll(async () => {
  await limited.stop()
  await rm(folder, { recursive: true })
})

const usage = async () => (await owner('GET', '/v2/info/usage')).body.usage
async function create(call = owner): Promise<string> {
  return (await call('POST', '/v2/images', { disk_format: 'raw', container_format: 'bare' })).body.id
}
async function upload(id: string, bytes: number): Promise<number> {
  const headers = { 'x-auth-token': 'owner', 'content-type': 'application/octet-stream' }
  const url = `/v2/images/${id}/file`
  return (await limited.http.inject({ method: 'PUT', url, headers, body: Buffer.alloc(bytes) })).status
}

test('a project makes as many images as its limit says, by itself or by the registered one', async () => {
  registered = { image_count_total: 1 }
  await create()
  const refused = await owner('POST', '/v2/images', {})
  expect([refused.status, refused.body.message]).toEqual([413, expect.stringContaining('image_count_total')])
  expect((await callsTo(limited.http, 'other')('POST', '/v2/images', {})).status).toBe(201)
  own = { image_count_total: 2 }
  await create()
  expect((await owner('POST', '/v2/images', {})).status).toBe(413)
  own = { image_count_total: -1 }
  await create()
  expect((await usage()).image_count_total).toEqual({ limit: -1, usage: 3 })
})

test('the usage names each quota, those without a limit too', async () => {
  registered = { image_size_total: 5, image_count_uploading: 2 }
  await upload(await create(), 2 * 2 ** 20 + 5)
  expect(await usage()).toEqual({
    image_size_total: { limit: 5, usage: 2 },
    image_stage_total: { limit: -1, usage: 0 },
    image_count_total: { limit: -1, usage: 1 },
    image_count_uploading: { limit: 2, usage: 0 },
  })
})
