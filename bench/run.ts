// `npm run bench`: raises a simulated cloud of its own in a temporary folder and takes every published figure from it.
// It takes about two minutes, one of them idle. The machine is shared and noisy: read the ratios, not the numbers.
import { mkdtempSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSession, type Session } from '#cli/openstack.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type HttpClient, httpClient } from '#kit/http/client.ts'
import { realWorld } from '#kit/world/real.ts'
import type { World } from '#kit/world/world.ts'
import { loginOf } from '#main/credential.ts'
import { type Cloud, readCloud } from '#main/data-folder.ts'
import { type Figure, formatFigures, median } from './figure.ts'
import { requestRate } from './load.ts'
import { liftQuotas, makeNetwork, uploadBlankImage } from './project.ts'

const launcher = join(import.meta.dirname, '..', 'nimbo')
const portBase = '23000'
const burst = 50
const single = 20
const listed = 100
/** Zed's memory was taken 75 s after its start. */
const restMs = 60_000

const world = realWorld()
const root = mkdtempSync(join(tmpdir(), 'nimbo-bench-'))
const nimbo = async (...args: string[]) => {
  const result = await world.processes.run(launcher, [...args, '--data', root], { timeoutMs: 120_000 })
  if (result.code !== 0) throw new Error(`nimbo ${args.join(' ')}: ${result.stderr}`)
  return result.stdout
}
const figures: Figure[] = []
const showLoad = () => loadavg()[0]!.toFixed(1)
const loadBefore = showLoad()

try {
  await nimbo('up', '--sim', '--empty', '--port-base', portBase)
  await nimbo('down')
  const cloud = await readCloud(world, root)
  const http = httpClient()
  const started = world.clock.monotonic()
  const sinceStart = () => (world.clock.monotonic() - started) / 1000
  const up = nimbo('up', '--sim', '--empty').then(sinceStart)
  const admin = await firstSession(http, cloud)
  figures.push({
    name: 'all stopped until a password gets a token',
    unit: 's',
    zed: 22.9,
    goal: 1,
    better: 'less',
    ours: sinceStart(),
  })
  figures.push({
    name: 'all stopped until all services are up',
    unit: 's',
    zed: 31.3,
    goal: 1.5,
    better: 'less',
    ours: await up,
  })
  await world.timers.sleep(restMs)
  const status = JSON.parse(await nimbo('status', '--json')) as {
    processes: { role: string; memoryBytes?: number }[]
  }
  for (const [role, zed, goal] of [
    ['controller', 2312, 150],
    ['agent', undefined, 90],
  ] as const) {
    const pss = status.processes
      .filter((each) => each.role === role)
      .reduce((sum, each) => sum + (each.memoryBytes ?? 0), 0)
    figures.push({
      name: `memory of the ${role}, idle`,
      unit: 'MiB',
      zed,
      goal,
      better: 'less',
      ours: pss / 2 ** 20,
    })
  }
  const imageId = await prepare(admin)
  const token = { 'x-auth-token': admin.token }
  const rate = async (name: string, type: string, path: string, zed: number, goal: number, headers = {}) =>
    figures.push({
      name,
      unit: 'per second',
      zed,
      goal,
      better: 'more',
      ours: await requestRate(world, root, admin.endpoint(type) + path, { ...token, ...headers }),
    })

  await rate('token validation', 'identity', '/auth/tokens', 109, 3000, { 'x-subject-token': admin.token })
  await rate('images, 1', 'image', '/v2/images', 169, 3000)
  await rate('resource providers, 1', 'placement', '/resource_providers', 160, 3000)
  await boots(world, admin, imageId)
  await fill(world, admin, imageId)
  await rate(`servers/detail, ${listed}`, 'compute', '/servers/detail', 5.8, 300)
  await rate(`ports, ${listed}`, 'network', '/v2.0/ports', 17.2, 500)
  http.close()
} finally {
  // What was measured before something failed is worth showing too.
  for (const line of formatFigures(figures)) console.log(line)
  console.log(`load average ${loadBefore} before, ${showLoad()} after, ${world.host.cpus} CPUs`)
  await nimbo('destroy', '--yes').catch((error) => console.error(String(error)))
}

/** Asked again at once until identity answers, as somebody who waits for it would. */
async function firstSession(http: HttpClient, cloud: Cloud): Promise<Session> {
  for (;;) {
    try {
      return await openSession(http, loginOf(cloud, 'admin'))
    } catch (error) {
      if (!(error instanceof CloudError) || error.kind !== 'unavailable') throw error
      await world.timers.sleep(10)
    }
  }
}

async function prepare(session: Session): Promise<string> {
  await liftQuotas(session)
  const imageId = await uploadBlankImage(session)
  await makeNetwork(session, 'bench', '10.66.0.0/16', { enable_dhcp: false })
  return imageId
}

async function create(session: Session, imageId: string, name: string): Promise<string> {
  const { server } = await session.call<{ server: { id: string } }>('compute', {
    method: 'POST',
    path: '/servers',
    body: { server: { name, imageRef: imageId, flavorRef: '84', networks: 'auto' } },
  })
  return server.id
}

/** Polls as a client would, often enough that the polling hardly counts. */
async function active(world: World, session: Session, id: string): Promise<void> {
  for (;;) {
    const { server } = await session.call<{ server: { status: string; fault?: { message: string } } }>(
      'compute',
      { path: `/servers/${id}` },
    )
    if (server.status === 'ACTIVE') return
    if (server.status === 'ERROR') throw new Error(server.fault?.message ?? 'a server ended in ERROR')
    await world.timers.sleep(5)
  }
}

async function remove(world: World, session: Session, ids: string[]): Promise<void> {
  await Promise.all(ids.map((id) => session.call('compute', { method: 'DELETE', path: `/servers/${id}` })))
  for (;;) {
    const { servers } = await session.call<{ servers: unknown[] }>('compute', { path: '/servers' })
    if (servers.length === 0) return
    await world.timers.sleep(20)
  }
}

async function boots(world: World, session: Session, imageId: string): Promise<void> {
  const answered: number[] = []
  const done: number[] = []
  for (let index = 0; index < single; index++) {
    const start = world.clock.monotonic()
    const id = await create(session, imageId, `one-${index}`)
    answered.push(world.clock.monotonic() - start)
    await active(world, session, id)
    done.push(world.clock.monotonic() - start)
    await remove(world, session, [id])
  }
  figures.push({
    name: 'POST /servers answered, simulated host',
    unit: 'ms',
    zed: 234,
    goal: 15,
    better: 'less',
    ours: median(answered),
  })
  figures.push({
    name: 'POST /servers until ACTIVE, simulated host',
    unit: 'ms',
    zed: 1494,
    goal: 75,
    better: 'less',
    ours: median(done),
  })
  const start = world.clock.monotonic()
  const ids = await Promise.all(
    Array.from({ length: burst }, (_, index) => create(session, imageId, `many-${index}`)),
  )
  await Promise.all(ids.map((id) => active(world, session, id)))
  figures.push({
    name: `${burst} creates at once, all ACTIVE`,
    unit: 's',
    zed: 61.6,
    goal: 2,
    better: 'less',
    ours: (world.clock.monotonic() - start) / 1000,
  })
  await remove(world, session, ids)
}

async function fill(world: World, session: Session, imageId: string): Promise<void> {
  for (let done = 0; done < listed; done += 20) {
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, index) => create(session, imageId, `list-${done + index}`)),
    )
    await Promise.all(ids.map((id) => active(world, session, id)))
  }
}
