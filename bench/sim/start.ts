// How soon a simulated cloud of ten hosts answers and what it holds, in one process and in two: the figures of a start from
// nothing. `node bench/sim/start.ts [--hosts 10] [--rounds 5] [--port-base 27000]`
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openSession } from '#cli/openstack.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { httpClient } from '#kit/http/client.ts'
import { realWorld } from '#kit/world/real.ts'
import type { World } from '#kit/world/world.ts'
import { loginOf } from '#main/credential.ts'
import { dataFolder, readCloud } from '#main/data-folder.ts'
import { type Figure, formatFigures, median } from '../figure.ts'
import { openGauge } from './gauge.ts'

export type StartPlan = { hosts: number; rounds: number; portBase: number }
type Round = {
  /** Seconds until a password gets a token. */
  answer: number
  /** Seconds until all hosts have reported and `up` ends. */
  up: number
  /** Processor seconds of the cloud's processes by then. */
  busy: number
  bytes: number
}

/** 170 MB. */
const memoryGoal = 170e6 / 2 ** 20
const launcher = join(import.meta.dirname, '..', '..', 'nimbo')
/** By then the first garbage of the start is collected. */
const restMs = 5_000

export async function measureStart(world: World, plan: StartPlan): Promise<Figure[]> {
  const one: Round[] = []
  const two: Round[] = []
  // In turns: what else the machine does meets both. The first of each may have the bundle to make, and compiles it: it isn't counted.
  for (let round = 0; round <= plan.rounds; round++)
    for (const [processes, rounds] of [['one', one] as const, ['two', two] as const]) {
      const measured = await measureOnce(world, plan, processes)
      if (round > 0) rounds.push(measured)
    }
  const row = (name: string, unit: Figure['unit'], of: (round: Round) => number, goal?: number): Figure[] => [
    { name: `${name}, one process`, unit, goal, better: 'less', ours: median(one.map(of)) },
    { name: `${name}, two processes`, unit, better: 'less', ours: median(two.map(of)) },
  ]
  return [
    ...row('from nothing to the first token', 's', (round) => round.answer, 1),
    ...row(`from nothing to ${plan.hosts} hosts up`, 's', (round) => round.up),
    ...row('processor time by then', 's', (round) => round.busy),
    ...row('memory of all processes', 'MiB', (round) => round.bytes / 2 ** 20, memoryGoal),
  ]
}

async function measureOnce(
  world: World,
  { hosts, portBase }: StartPlan,
  processes: 'one' | 'two',
): Promise<Round> {
  const root = mkdtempSync(join(tmpdir(), 'nimbo-start-'))
  const nimbo = async (...args: string[]) => {
    const result = await world.processes.run(launcher, [...args, '--data', root], { timeoutMs: 120_000 })
    if (result.code !== 0) throw new Error(`nimbo ${args.join(' ')}: ${result.stderr}`)
    return result.stdout
  }
  try {
    const settings = `data_plane: sim, processes: ${processes}, hosts: ${hosts}, port_base: ${portBase}`
    await world.files.write(`${root}/nimbo.yaml`, `cloud: { ${settings} }\n`)
    const started = world.clock.monotonic()
    const since = () => (world.clock.monotonic() - started) / 1000
    const up = nimbo('up', '--empty').then(since)
    // Told by whoever awaits it below.
    up.catch(() => {})
    const answer = await firstToken(world, root).then(since)
    const upAfter = await up
    const status = JSON.parse(await nimbo('status', '--json')) as Status
    const busy = openGauge(status).cpu().busySeconds
    await world.timers.sleep(restMs)
    const { processes: running } = JSON.parse(await nimbo('status', '--json')) as Status
    const bytes = running.reduce(
      (sum, each) => sum + (each.memoryBytes ?? 0) + (each.supervisor?.memoryBytes ?? 0),
      0,
    )
    return { answer, up: upAfter, busy, bytes }
  } finally {
    await nimbo('destroy', '--yes')
    rmSync(root, { recursive: true, force: true })
  }
}

type Status = {
  processes: { pid?: number; memoryBytes?: number; supervisor?: { memoryBytes?: number } }[]
}

/** Asked again at once until identity answers, as somebody who waits for it would. */
async function firstToken(world: World, root: string): Promise<void> {
  // Before that the folder is still being made.
  while (!(await world.files.exists(dataFolder(root).adminRc))) await world.timers.sleep(5)
  const http = httpClient()
  try {
    for (;;) {
      try {
        await openSession(http, loginOf(await readCloud(world, root), 'admin'))
        return
      } catch (error) {
        if (!(error instanceof CloudError) || error.kind !== 'unavailable') throw error
        await world.timers.sleep(10)
      }
    }
  } finally {
    http.close()
  }
}

if (process.argv[1] === import.meta.filename) {
  const number = (fallback: number) => ({ type: 'string' as const, default: `${fallback}` })
  const { values } = parseArgs({
    options: { hosts: number(10), rounds: number(5), 'port-base': number(27_000) },
  })
  const figures = await measureStart(realWorld(), {
    hosts: Number(values.hosts),
    rounds: Number(values.rounds),
    portBase: Number(values['port-base']),
  })
  for (const line of formatFigures(figures)) console.log(line)
}
