// An image service for tests, with callers of two projects and what tests do over and over.
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type ConfigOf, withDefaults } from '#kit/config/section.ts'
import {
  authenticateBy,
  callsTo,
  type TestPlatform,
  testCaller,
  testPlatform,
} from '#kit/service/test-platform.ts'
import { imageConfig } from './config.ts'
import { openImage, type RunningImage } from './service.ts'

const callers = {
  admin: testCaller({ token: 'admin', roles: ['admin', 'member', 'reader'], projectId: 'admin-project' }),
  owner: testCaller({ token: 'owner', roles: ['member', 'reader'], projectId: 'project-a' }),
  reader: testCaller({ token: 'reader', roles: ['reader'], projectId: 'project-a' }),
  other: testCaller({ token: 'other', roles: ['member', 'reader'], projectId: 'project-b' }),
}
export type CallerName = keyof typeof callers

export type TestImage = {
  service: RunningImage
  platform: TestPlatform
  as: Record<CallerName, ReturnType<typeof callsTo>>
  /** An image's id; raw and bare unless `fields` say so. */
  create(fields?: object, name?: CallerName): Promise<string>
  upload(id: string, content: Buffer | Readable, name?: CallerName): Promise<{ status: number; text: string }>
  patch(id: string, operations: unknown, name?: CallerName): ReturnType<ReturnType<typeof callsTo>>
  stop(): Promise<void>
}

export async function testImage(
  settings: Partial<ConfigOf<typeof imageConfig>> = {},
  peers?: Parameters<typeof openImage>[3],
  services?: Parameters<typeof testPlatform>[0],
): Promise<TestImage> {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-image-'))
  const platform = testPlatform({ folder, bus: { notify: async () => {} } as never, ...services })
  const config = withDefaults(imageConfig, settings)
  const service = await openImage(platform, config, authenticateBy(callers), peers)
  const names = Object.keys(callers) as CallerName[]
  const as = Object.fromEntries(names.map((name) => [name, callsTo(service.http, name)])) as TestImage['as']
  return {
    service,
    platform,
    as,
    async create(fields = {}, name = 'owner') {
      const given = { disk_format: 'raw', container_format: 'bare', ...fields }
      const made = await as[name]('POST', '/v2/images', given)
      if (made.status !== 201) throw new Error(`${made.status}: ${JSON.stringify(made.body)}`)
      return made.body.id
    },
    async upload(id, content, name = 'owner') {
      const headers = {
        'x-auth-token': name,
        'content-type': 'application/octet-stream',
        accept: 'application/json',
      }
      const url = `/v2/images/${id}/file`
      const { status, body } = await service.http.inject({ method: 'PUT', url, headers, body: content })
      return { status, text: body.toString() }
    },
    patch: (id, operations, name = 'owner') =>
      as[name]('PATCH', `/v2/images/${id}`, operations, {
        'content-type': 'application/openstack-images-v2.1-json-patch',
      }),
    async stop() {
      await service.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
