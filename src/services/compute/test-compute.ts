// Compute for its tests: the real service on virtual time, with peers in memory and hosts whose agents answer at once.
// Only tests import this.
import { compute, conductor, type HostReport } from '#contracts/compute.ts'
import { type TestBus, testBus } from '#kit/bus/test-bus.ts'
import { withDefaults } from '#kit/config/section.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Caller } from '#kit/http/caller.ts'
import {
  authenticateBy,
  callsTo,
  type TestPlatform,
  testCaller,
  testPlatform,
} from '#kit/service/test-platform.ts'
import { type VirtualWorld, virtualWorld } from '#kit/world/virtual.ts'
import { type ComputeConfig, computeConfig } from './config.ts'
import { openCompute, type RunningCompute } from './service.ts'
import { type TestPeers, testPeers } from './test-peers.ts'

export const projectId = 'p'.repeat(32)
export const callers: Record<string, Caller> = {
  admin: testCaller({
    userId: 'a'.repeat(32),
    roles: ['admin', 'member', 'reader'],
    projectId: 'a'.repeat(32),
    token: 'admin',
  }),
  member: testCaller({ roles: ['member', 'reader'], token: 'member' }),
  reader: testCaller({ userId: 'r'.repeat(32), roles: ['reader'], token: 'reader' }),
  stranger: testCaller({
    userId: 's'.repeat(32),
    roles: ['member', 'reader'],
    projectId: 's'.repeat(32),
    token: 'stranger',
  }),
  nobody: testCaller({ roles: [], token: 'nobody' }),
}

export type TestHost = {
  name: string
  /** Servers that it has, by id. */
  guests: Map<string, { power: string; volumes: string[]; ports: string[] }>
  /** Why the next builds fail. */
  failBuilds: string[]
  /** Takes orders and does not answer. */
  mute: boolean
  report(change?: Partial<HostReport>): Promise<void>
  stop(): Promise<void>
}

export type TestCompute = {
  world: VirtualWorld
  platform: TestPlatform
  bus: TestBus
  peers: TestPeers
  service: RunningCompute
  call: ReturnType<typeof callsTo>
  /** Another caller, or another version. */
  as(token: string | undefined, version?: string): ReturnType<typeof callsTo>
  host(name: string, change?: Partial<HostReport>): Promise<TestHost>
  network(given?: Partial<{ name: string; project_id: string; shared: boolean }>): string
  image(given?: Record<string, unknown>): string
  flavor(given?: Record<string, unknown>): Promise<string>
  /** Made and settled. */
  server(given?: Record<string, unknown>, token?: string): Promise<{ id: string }>
  stop(): Promise<void>
}

export async function testCompute(
  options: { config?: Partial<ComputeConfig>; hosts?: number; seed?: number; plugPorts?: boolean } = {},
): Promise<TestCompute> {
  const world = virtualWorld({ seed: options.seed })
  const peers = testPeers(world.random)
  const bus: TestBus = testBus(world, () => platform.journal)
  const platform = testPlatform({ world, bus, services: peers.services })
  const novncBaseUrl = 'http://127.0.0.1:6080/vnc_auto.html'
  const config = withDefaults(computeConfig, { novncBaseUrl, ...options.config })
  const service = await openCompute(platform, config, {
    authenticate: authenticateBy(callers),
    serviceToken: async () => 'nova',
  })
  const as = (token: string | undefined, version?: string) =>
    callsTo(service.http, token, version ? { 'openstack-api-version': `compute ${version}` } : {})
  if (options.plugPorts !== false)
    peers.hooks.bound = (port) => {
      // Wired a moment later, and compute is told of it.
      world.timers.after(5, () => {
        port.status = 'ACTIVE'
        const events = [{ name: 'network-vif-plugged', server_uuid: port.device_id, tag: port.id }]
        void world.activity.track(as('admin')('POST', '/v2.1/os-server-external-events', { events }))
      })
    }
  const made: TestCompute = {
    world,
    platform,
    bus,
    peers,
    service,
    call: as('member'),
    as,
    host: (name, change) => startHost(made, name, change),
    network(given = {}) {
      const id = world.random.uuid()
      const { name = 'net', project_id = projectId, shared = false } = given
      peers.networks.set(id, {
        id,
        name,
        project_id,
        shared,
        'router:external': false,
        subnets: ['subnet'],
        mtu: 1450,
      })
      return id
    },
    image(given = {}) {
      const id = world.random.uuid()
      peers.images.set(id, {
        id,
        name: 'tiny',
        status: 'active',
        size: 2 ** 20,
        min_ram: 0,
        min_disk: 0,
        ...given,
      })
      return id
    },
    async flavor(given = {}) {
      const flavor = { name: `f-${world.random.hexId()}`, ram: 512, vcpus: 1, disk: 1, ...given }
      const answer = await as('admin')('POST', '/v2.1/flavors', { flavor })
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
      return answer.body.flavor.id
    },
    async server(given = {}, token = 'member') {
      const server = {
        name: 'vm',
        flavorRef: given.flavorRef ?? (await made.flavor()),
        imageRef: made.image(),
        networks: 'none',
        ...given,
      }
      const answer = await as(token, '2.93')('POST', '/v2.1/servers', { server })
      if (answer.status !== 202) throw new Error(JSON.stringify(answer.body))
      await world.settle()
      return answer.body.server
    },
    async stop() {
      await service.stop()
    },
  }
  for (let at = 1; at <= (options.hosts ?? 1); at++) await made.host(`node${at}`)
  await world.settle()
  return made
}

async function startHost(of: TestCompute, name: string, change: Partial<HostReport> = {}): Promise<TestHost> {
  const { world, bus, platform } = of
  const ask = bus.caller(conductor, 'nova-compute')
  const guests: TestHost['guests'] = new Map()
  const answered = new Map<string, Parameters<typeof ask.operationDone>[0]>()
  const trace = () => platform.journal.newTrace()

  type Operation = { serverId: string; operationId: string }
  type Work = () => string | undefined | Promise<string | undefined>
  /** Done once by its id; asked again, the same answer. */
  const perform = async ({ serverId, operationId }: Operation, work: Work): Promise<void> => {
    let answer = answered.get(operationId)
    if (!answer) {
      let error: string | null = null
      let power: string | undefined
      try {
        power = await work()
      } catch (thrown) {
        error = (thrown as Error).message
      }
      answer = {
        host: name,
        serverId,
        operationId,
        ok: error === null,
        error,
        power: (power ?? null) as 'running' | null,
      }
      answered.set(operationId, answer)
    }
    // An answer that gets lost is asked for again.
    if (!host.mute) await ask.operationDone(answer, { trace: trace() }).catch(() => undefined)
  }
  const last = new Map<string, Promise<void>>()
  /** One after the other, as the agent does it: a server destroyed while it is built would come into being afterwards. */
  const done = (operation: Operation, work: Work): Promise<void> => {
    const turn = (last.get(operation.serverId) ?? Promise.resolve()).then(() => perform(operation, work))
    last.set(operation.serverId, turn)
    return turn
  }
  const power = (to: string) => (operation: Operation) =>
    done(operation, () => {
      const guest = guests.get(operation.serverId)
      if (!guest) throw new CloudError('notFound', 'There is no such guest')
      guest.power = to
      return to
    })

  const served = await bus.serve(compute, name, 'nova-compute', {
    build: (operation) =>
      done(operation, async () => {
        const why = host.failBuilds.shift()
        if (why !== undefined) throw new Error(why)
        const { server } = await ask.serverGet(
          { host: name, serverId: operation.serverId },
          { trace: trace() },
        )
        if (!server) throw new Error('The conductor knows no such server')
        const ports = [...of.peers.ports.values()].filter((each) => each.device_id === server.id)
        guests.set(server.id, {
          power: 'running',
          volumes: server.volumes.map((each) => each.volumeId),
          ports: ports.map((each) => each.id),
        })
        return 'running'
      }),
    start: power('running'),
    stop: power('shutdown'),
    pause: power('paused'),
    unpause: power('running'),
    reboot: power('running'),
    destroy: (operation) =>
      done(operation, () => {
        guests.delete(operation.serverId)
        return 'absent'
      }),
    attachVolume: (operation) =>
      done(operation, () => {
        guests.get(operation.serverId)!.volumes.push(operation.volumeId)
        return undefined
      }),
    detachVolume: (operation) =>
      done(operation, () => {
        const guest = guests.get(operation.serverId)!
        guest.volumes = guest.volumes.filter((each) => each !== operation.volumeId)
        return undefined
      }),
    attachInterface: (operation) =>
      done(operation, () => {
        guests.get(operation.serverId)!.ports.push(operation.portId)
        return undefined
      }),
    detachInterface: (operation) =>
      done(operation, () => {
        const guest = guests.get(operation.serverId)!
        guest.ports = guest.ports.filter((each) => each !== operation.portId)
        return undefined
      }),
    consoleOutput: async ({ lines }) => ({
      output: ['one', 'two', 'three'].slice(lines === null ? 0 : -lines || 3).join('\n'),
    }),
    openConsole: async () => ({ host: '127.0.0.1', port: 5999, ticket: 'a ticket' }),
    lookAgain: async () => undefined,
  })

  const host: TestHost = {
    name,
    guests,
    failBuilds: [],
    mute: false,
    async report(more = {}) {
      await send(more)
      await world.settle()
    },
    async stop() {
      stopped = true
      await served.stop()
      // Until the cloud takes it for dead.
      await world.advance(70_000)
    },
  }
  const send = (more: Partial<HostReport> = {}) =>
    ask.hostReport(
      {
        host: name,
        hypervisorType: 'QEMU',
        hypervisorVersion: 7002000,
        architecture: 'x86_64',
        accel: 'tcg',
        cpuModel: 'qemu64',
        hostIp: '192.0.2.1',
        vcpus: 8,
        memoryMb: 16_384,
        diskGb: 100,
        traits: ['COMPUTE_NODE'],
        runningGuests: guests.size,
        startedAt: world.clock.now(),
        ...change,
        ...more,
      },
      { trace: trace() },
    )
  let stopped = false
  const beat = () => {
    if (stopped) return
    void world.activity.track(send())
    world.timers.after(10_000, beat, { background: true })
  }
  await host.report()
  world.timers.after(10_000, beat, { background: true })
  return host
}
