// Volume for its tests: the real service on virtual time, with hosts that hold volumes in memory and an image service of
// a few lines. Only tests import this.
import { hostRole, hostUserPrefix } from '#contracts/host.ts'
import { volumeAgent, volumePlugin } from '#contracts/volume-agent.ts'
import { type TestBus, testBus } from '#kit/bus/test-bus.ts'
import { withDefaults } from '#kit/config/section.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { HttpService } from '#kit/http/server.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import {
  authenticateBy,
  callsTo,
  type TestPlatform,
  testCaller,
  testPlatform,
} from '#kit/service/test-platform.ts'
import { type VirtualWorld, virtualWorld } from '#kit/world/virtual.ts'
import { type VolumeConfig, volumeConfig } from './config.ts'
import { openVolume, type RunningVolume } from './service.ts'

export const projectId = `${'a'.repeat(31)}1`
export const strangerId = `${'a'.repeat(31)}2`
const member = ['member', 'reader']
const callers = {
  admin: testCaller({ roles: ['admin', ...member], projectId: 'a'.repeat(32), token: 'admin' }),
  member: testCaller({ roles: member, projectId, token: 'member' }),
  reader: testCaller({ roles: ['reader'], projectId, token: 'reader' }),
  stranger: testCaller({ roles: member, projectId: strangerId, token: 'stranger' }),
  service: testCaller({ roles: ['admin', 'service'], projectId: 'b'.repeat(32), token: 'service' }),
  /** Agents of hosts that joined. */
  node1: joinedHost('node1'),
  node2: joinedHost('node2'),
}

function joinedHost(name: string) {
  return testCaller({
    roles: [hostRole],
    userName: hostUserPrefix + name,
    projectId: 'b'.repeat(32),
    token: name,
  })
}

export type TestHost = {
  /** GiB of what it holds, by volume. */
  volumes: Map<string, number>
  /** Why the next orders of a kind fail. */
  failures: { create: string[]; delete: string[]; extend: string[] }
  /** Takes orders and does not answer. */
  mute: boolean
  report(): Promise<void>
  stop(): Promise<void>
}

export type TestVolume = {
  world: VirtualWorld
  platform: TestPlatform
  bus: TestBus
  service: RunningVolume
  /** Images that the image service has. */
  images: Map<string, Record<string, unknown>>
  as(token: keyof typeof callers | undefined, version?: string): ReturnType<typeof callsTo>
  host(name: string, given?: { freeGib?: number; totalGib?: number }): Promise<TestHost>
  /** Made and settled. */
  volume(given?: Record<string, unknown>): Promise<{ id: string }>
  stop(): Promise<void>
}

export async function testVolume(
  options: { config?: Partial<VolumeConfig>; hosts?: number } = {},
): Promise<TestVolume> {
  const world = virtualWorld()
  const bus: TestBus = testBus(world, () => platform.journal)
  const images = new Map<string, Record<string, unknown>>()
  const services = new Map<string, HttpService>([['http://image.test', imageService(images)]])
  const platform = testPlatform({ world, bus, services })
  const service = await openVolume(platform, withDefaults(volumeConfig, options.config), {
    authenticate: authenticateBy(callers),
    serviceToken: async () => 'service',
  })
  const as: TestVolume['as'] = (token, version) =>
    callsTo(service.http, token, version ? { 'openstack-api-version': `volume ${version}` } : {})
  const test: TestVolume = {
    world,
    platform,
    bus,
    service,
    images,
    as,
    host: (name, given) => testHost(test, name, given),
    async volume(given = {}) {
      const answer = await as('member')('POST', `/v3/${projectId}/volumes`, { volume: { size: 1, ...given } })
      if (answer.status !== 202) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`)
      await world.settle()
      return answer.body.volume
    },
    async stop() {
      await world.settle()
      await service.stop()
      platform.http.close()
    },
  }
  for (let index = 1; index <= (options.hosts ?? 1); index++) await test.host(`node${index}`)
  return test
}

async function testHost(
  { bus, platform }: TestVolume,
  name: string,
  { freeGib = 500, totalGib = 500 } = {},
): Promise<TestHost> {
  const plugin = bus.caller(volumePlugin, 'cinder-volume')
  const trace = platform.journal.newTrace()
  const host: TestHost = {
    volumes: new Map(),
    failures: { create: [], delete: [], extend: [] },
    mute: false,
    async report() {
      await plugin.hostReport({ host: name, backend: 'file', totalGib, freeGib, startedAt: 0 }, { trace })
    },
    stop: () => served.stop(),
  }
  const obey = async (
    kind: keyof TestHost['failures'],
    order: { volumeId: string; operationId: string },
    work: () => void,
  ) => {
    if (host.mute) return
    const error = host.failures[kind].shift() ?? null
    if (error === null) work()
    await plugin.operationDone({ host: name, ...order, ok: error === null, error }, { trace })
  }
  const served = await bus.serve(volumeAgent, name, 'cinder-volume', {
    create: ({ volumeId, operationId, sizeGib }) =>
      obey('create', { volumeId, operationId }, () => void host.volumes.set(volumeId, sizeGib)),
    delete: (order) => obey('delete', order, () => void host.volumes.delete(order.volumeId)),
    extend: ({ volumeId, operationId, sizeGib }) =>
      obey('extend', { volumeId, operationId }, () => void host.volumes.set(volumeId, sizeGib)),
    async connect({ volumeId, connectingHost }) {
      if (!host.volumes.has(volumeId))
        throw new CloudError('notFound', `There is no volume ${volumeId} here.`)
      if (connectingHost !== name) throw new CloudError('conflict', `${connectingHost} can't reach it.`)
      return { driverVolumeType: 'file', data: { path: `/volumes/volume-${volumeId}`, format: 'raw' } }
    },
  })
  await host.report()
  return host
}

function imageService(images: Map<string, Record<string, unknown>>): HttpService {
  return {
    name: 'glance-api',
    routes: [],
    prefixes: [],
    rules: [],
    policy: openPolicy({ rules: [] }),
    govern: () => {},
    renew: () => {},
    async inject({ url }) {
      const image = images.get(decodeURIComponent(url.split('/').at(-1)!))
      const body = Buffer.from(JSON.stringify(image ?? { message: 'No image found' }))
      return { status: image ? 200 : 404, headers: { 'content-type': 'application/json' }, body }
    },
    listen: async () => ({ host: 'image.test', port: 80 }),
    close: async () => {},
  }
}
