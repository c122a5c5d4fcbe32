// A simulated cloud of many hosts, filled with servers at a steady rate through its API: how long a create takes, what lists of
// a thousand cost, what the processes hold, and what they burn when nothing happens.
// `node bench/sim/scale.ts [--hosts 1000] [--servers 10000] [--rate 20] [--networks 50] [--port-base 29000] [--idle 30]`
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openSession, type Session } from '#cli/openstack.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import { httpClient } from '#kit/http/client.ts'
import { realWorld } from '#kit/world/real.ts'
import type { World } from '#kit/world/world.ts'
import { loginOf } from '#main/credential.ts'
import { readCloud } from '#main/data-folder.ts'
import { type Figure, formatFigures } from '../figure.ts'
import { liftQuotas, makeNetwork, uploadBlankImage } from '../project.ts'
import { type Cpu, cpuBetween, openGauge } from './gauge.ts'

export type ScalePlan = {
  hosts: number
  servers: number
  /** Creates a second. */
  rate: number
  /** The servers are spread over so many, each with DHCP. */
  networks: number
  portBase: number
  /** Seconds without a request, in which the processes' CPU time is taken. */
  idle: number
  /** Told of what goes on. */
  say: (line: string) => void
}

const launcher = join(import.meta.dirname, '..', '..', 'nimbo')
const page = 1000
const rounds = 10
/** A server that isn't ACTIVE by then counts as failed. */
const patienceMs = 60_000
/** Between looks at a server, longer the longer it takes: what is measured is not to be the measuring. */
const pollMs = 25
const pollGrowth = 1.25
/** Of all processor time: a thread with less is left out. */
const worthTelling = 0.02

export async function measureScale(world: World, plan: ScalePlan): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), 'nimbo-scale-'))
  const nimbo = async (...args: string[]) => {
    const result = await world.processes.run(launcher, [...args, '--data', root], { timeoutMs: 300_000 })
    if (result.code !== 0) throw new Error(`nimbo ${args.join(' ')}: ${result.stderr}`)
    return result.stdout
  }
  const figures: Figure[] = []
  const add = (name: string, unit: Figure['unit'], ours: number, goal?: number) => {
    figures.push({ name, unit, goal, better: unit === 'per second' ? 'more' : 'less', ours })
    plan.say(formatFigures(figures.slice(-1))[1]!)
  }
  const http = httpClient()
  try {
    const started = world.clock.monotonic()
    await nimbo('up', '--sim', '--empty', '--hosts', `${plan.hosts}`, '--port-base', `${plan.portBase}`)
    add(`${plan.hosts} hosts up`, 's', (world.clock.monotonic() - started) / 1000)
    const gauge = openGauge(JSON.parse(await nimbo('status', '--json')))
    const admin = await openSession(http, loginOf(await readCloud(world, root), 'admin'))
    const rest = async (when: string) => {
      await world.timers.sleep(5_000)
      const before = gauge.cpu()
      await world.timers.sleep(plan.idle * 1000)
      add(`CPU ${when}, of one core`, 'percent', 100 * share(cpuBetween(before, gauge.cpu())))
      add(`memory ${when}`, 'MiB', gauge.memoryBytes() / 2 ** 20)
      add(`heart-beats missed ${when}`, 'agents', await silentAgents(admin))
    }
    await rest('with no servers')
    const facts = await prepare(admin, plan.networks)
    const before = gauge.cpu()
    const threadsBefore = gauge.threads()
    const { latencies, failed } = await fill(world, admin, facts, plan)
    add('creates that failed', 'servers', failed, 0)
    for (const percent of [50, 95, 99])
      add(
        `create to ACTIVE at ${plan.rate} a second, p${percent}`,
        'ms',
        percentile(latencies, percent),
        percent === 95 ? 300 : undefined,
      )
    const lastThousand = latencies.slice(-1000)
    add('the same p95, of the last 1000', 'ms', percentile(lastThousand, 95), 300)
    const used = cpuBetween(before, gauge.cpu())
    add('CPU meanwhile, of one core', 'percent', 100 * share(used))
    // Of all that the cloud did meanwhile: it says more than the time where others use the machine, too.
    add('CPU time of a create', 'ms', (1000 * used.busySeconds) / plan.servers)
    // A second core is of use to what isn't all in one.
    for (const [name, seconds] of gauge.threads()) {
      const busySeconds = seconds - (threadsBefore.get(name) ?? 0)
      if (busySeconds > used.busySeconds * worthTelling)
        add(`of it in thread ${name}`, 'ms', (1000 * busySeconds) / plan.servers)
    }
    add('heart-beats missed meanwhile', 'agents', await silentAgents(admin), 0)
    const list = async (name: string, type: string, path: string, goal?: number) =>
      add(name, 'ms', await timeOf(world, admin, type, path), goal)
    await list(`servers, ${page}`, 'compute', `/servers?all_tenants=1&limit=${page}`, 100)
    await list(`servers/detail, ${page}`, 'compute', `/servers/detail?all_tenants=1&limit=${page}`, 100)
    await list(`ports, ${page}`, 'network', `/v2.0/ports?limit=${page}`)
    await list('agents, all', 'network', '/v2.0/agents')
    await list('services, all', 'compute', '/os-services')
    await list('hypervisors/detail, all', 'compute', '/os-hypervisors/detail')
    await list('resource providers, all', 'placement', '/resource_providers')
    await rest(`with ${plan.servers} servers`)
  } finally {
    http.close()
    await nimbo('destroy', '--yes').catch((error) => plan.say(fullMessage(error)))
  }
  return figures
}

type Facts = { imageId: string; networkIds: string[] }

export async function prepare(session: Session, networks: number): Promise<Facts> {
  await liftQuotas(session)
  const imageId = await uploadBlankImage(session)
  const networkIds: string[] = []
  for (let index = 0; index < networks; index++) {
    networkIds.push(await makeNetwork(session, `scale-${index}`, `10.${index}.0.0/16`))
  }
  return { imageId, networkIds }
}

/** One server after the other at its time, whether those before are done or not. */
async function fill(
  world: World,
  session: Session,
  { imageId, networkIds }: Facts,
  plan: ScalePlan,
): Promise<{ latencies: number[]; failed: number }> {
  const latencies: number[] = []
  let failed = 0
  const begun = world.clock.monotonic()
  const one = async (index: number) => {
    const start = world.clock.monotonic()
    try {
      const { server } = await session.call<{ server: { id: string } }>('compute', {
        method: 'POST',
        path: '/servers',
        body: {
          server: {
            name: `scale-${index}`,
            imageRef: imageId,
            flavorRef: '84',
            networks: [{ uuid: networkIds[index % networkIds.length] }],
          },
        },
      })
      await active(world, session, server.id)
      latencies.push(world.clock.monotonic() - start)
    } catch (error) {
      if (failed++ < 5) plan.say(`server ${index}: ${fullMessage(error)}`)
    }
    if (latencies.length % 500 === 0)
      plan.say(
        `${latencies.length} servers, p95 of the last 500: ${percentile(latencies.slice(-500), 95).toFixed(0)} ms`,
      )
  }
  const running: Promise<void>[] = []
  for (let index = 0; index < plan.servers; index++) {
    const wait = begun + (index * 1000) / plan.rate - world.clock.monotonic()
    if (wait > 0) await world.timers.sleep(wait)
    running.push(one(index))
  }
  await Promise.all(running)
  return { latencies, failed }
}

export async function active(world: World, session: Session, id: string): Promise<void> {
  const until = world.clock.monotonic() + patienceMs
  for (let wait = pollMs; world.clock.monotonic() < until; wait *= pollGrowth) {
    await world.timers.sleep(wait)
    const { server } = await session.call<{ server: { status: string; fault?: { message: string } } }>(
      'compute',
      { path: `/servers/${id}` },
    )
    if (server.status === 'ACTIVE') return
    if (server.status === 'ERROR') throw new Error(server.fault?.message ?? 'a server ended in ERROR')
  }
  throw new Error(`server ${id} is not ACTIVE after ${patienceMs / 1000} s`)
}

async function timeOf(world: World, session: Session, type: string, path: string): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const start = world.clock.monotonic()
    await session.call(type, { path })
    times.push(world.clock.monotonic() - start)
  }
  return percentile(times, 50)
}

/** Hosts that compute takes for down, and agents that network takes for dead. */
async function silentAgents(session: Session): Promise<number> {
  const { services } = await session.call<{ services: { state: string }[] }>('compute', {
    path: '/os-services?binary=nova-compute',
  })
  const { agents } = await session.call<{ agents: { alive: boolean }[] }>('network', {
    path: '/v2.0/agents?fields=alive',
  })
  return services.filter(({ state }) => state !== 'up').length + agents.filter(({ alive }) => !alive).length
}

function percentile(values: readonly number[], percent: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil((values.length * percent) / 100) - 1] ?? 0
}

const share = ({ busySeconds, seconds }: Cpu) => busySeconds / seconds

if (process.argv[1] === import.meta.filename) {
  const number = (fallback: number) => ({ type: 'string' as const, default: `${fallback}` })
  const { values } = parseArgs({
    options: {
      hosts: number(1000),
      servers: number(10_000),
      rate: number(20),
      networks: number(50),
      'port-base': number(29_000),
      idle: number(30),
    },
  })
  const { 'port-base': portBase, ...given } = values
  const wanted = Object.fromEntries(
    Object.entries({ ...given, portBase }).map(([name, text]) => [name, Number(text)]),
  )
  const say = (line: string) => console.error(line)
  const figures = await measureScale(realWorld(), { ...(wanted as Omit<ScalePlan, 'say'>), say })
  for (const line of formatFigures(figures)) console.log(line)
}
