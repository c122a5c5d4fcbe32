// `npm run bench:bus`: our broker and Debian's RabbitMQ side by side, the same load in turn, in one run of some five minutes.
// The machine is shared and noisy: read the ratios. `--quick` takes one round of each.
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { realWorld } from '#kit/world/real.ts'
import { median } from '../figure.ts'
import { type Contender, startNimbo, startRabbit } from './contender.ts'
import { type Backlog, type Outcome, type ScenarioName, scenarios } from './scenario.ts'

const rounds = process.argv.includes('--quick') ? 1 : 3
const milliseconds = 4000
const million = 1_000_000
const ports = { Nimbo: 24_500, RabbitMQ: 24_600 }
/** How often our rate must be RabbitMQ's; see issue 3. */
const goals: Record<ScenarioName, number> = {
  'auto-ack, 100 B': 5,
  'auto-ack, 1 KB': 5,
  'fan-out to ten queues, 1 KB': 5,
  'persistent, confirmed, 1 KB, one publisher': 5,
  'persistent, confirmed, 1 KB, sixteen publishers': 5,
  'RPC, sixteen clients, 100 B': 3,
}

type Sample = Outcome & { cpuMicroseconds: number }

const world = realWorld()
const folder = mkdtempSync(join(tmpdir(), 'nimbo-bench-bus-'))
const print = (line = '') => process.stdout.write(`${line}\n`)

async function load<T>(contender: Contender, what: string, how: string): Promise<T> {
  const args = [...process.execArgv, `${import.meta.dirname}/load.ts`, contender.url.href, what, how]
  const result = await world.processes.run(process.execPath, args, { timeoutMs: 300_000 })
  if (result.code !== 0) throw new Error(`${what} on ${contender.name}: ${result.stderr}`)
  return JSON.parse(result.stdout) as T
}

async function sample(contender: Contender, name: ScenarioName): Promise<Sample> {
  const before = await contender.cpuSeconds()
  const outcome = await load<Outcome>(contender, name, `${milliseconds}`)
  const cpuMicroseconds = (((await contender.cpuSeconds()) - before) / outcome.messages) * 1e6
  return { ...outcome, cpuMicroseconds }
}

async function rates(contenders: readonly Contender[]): Promise<void> {
  print(row('scenario', ['Nimbo /s', 'RabbitMQ /s', 'ratio', 'goal', 'p99 ms', 'p99 ms', 'CPU us', 'CPU us']))
  for (const name of Object.keys(scenarios) as ScenarioName[]) {
    const samples = contenders.map(() => [] as Sample[])
    for (let round = 0; round < rounds; round++)
      for (const [at, contender] of contenders.entries()) samples[at]!.push(await sample(contender, name))
    const [ours, theirs] = samples.map(
      (each) => (field: keyof Sample) => median(each.map((one) => one[field] ?? 0)),
    )
    const figures = [ours!, theirs!]
    print(
      row(name, [
        ...figures.map((figure) => figure('perSecond').toFixed(0)),
        `${(ours!('perSecond') / theirs!('perSecond')).toFixed(1)} x`,
        `${goals[name]} x`,
        ...figures.map((figure) => (figure('p99Ms') === 0 ? '-' : figure('p99Ms').toFixed(2))),
        ...figures.map((figure) => figure('cpuMicroseconds').toFixed(1)),
      ]),
    )
  }
}

/** Memory idle and with a million messages, then a start with that million on disk. */
async function backlog(contenders: Contender[]): Promise<void> {
  const mebibytes = async (contender: Contender) => `${((await contender.memory()) / 2 ** 20).toFixed(0)} MiB`
  const transient: Backlog = { queue: 'load.transient', count: million, size: 100, persistent: false }
  const durable: Backlog = { queue: 'load.durable', count: million, size: 100, persistent: true }
  const lines: Record<string, string[]> = {
    'a million transient 100 B: fill': [],
    'a million transient 100 B: memory': [],
    'a million transient 100 B: drain': [],
    'a million persistent 100 B: fill': [],
    'start with that million on disk': [],
    'memory after that start': [],
    'drain after that start': [],
  }
  const [fillLine, memoryLine, drainLine, durableLine, startLine, startedLine, drainedLine] =
    Object.values(lines)
  for (const [at, contender] of contenders.entries()) {
    fillLine!.push(rate(await load(contender, 'fill', JSON.stringify(transient))))
    memoryLine!.push(await mebibytes(contender))
    drainLine!.push(rate(await load(contender, 'drain', JSON.stringify(transient))))
    durableLine!.push(rate(await load(contender, 'fill', JSON.stringify(durable))))
    await contender.stop()
    const again = await starters[at]!()
    contenders[at] = again
    startLine!.push(`${again.startMs.toFixed(0)} ms`)
    startedLine!.push(await mebibytes(again))
    drainedLine!.push(rate(await load(again, 'drain', JSON.stringify(durable))))
  }
  print()
  for (const [name, cells] of Object.entries(lines)) print(row(name, cells))
}

const starters = [
  () => startNimbo(world, `${folder}/nimbo`, ports.Nimbo),
  () => startRabbit(world, `${folder}/rabbit`, ports.RabbitMQ),
]
const contenders: Contender[] = []
try {
  for (const start of starters) contenders.push(await start())
  const loadBefore = loadavg()[0]!
  await world.timers.sleep(5000)
  print(
    row(
      '',
      contenders.map(({ name }) => name),
    ),
  )
  print(
    row(
      'start, empty',
      contenders.map(({ startMs }) => `${startMs.toFixed(0)} ms`),
    ),
  )
  const idle = await Promise.all(contenders.map((each) => each.memory()))
  print(
    row(
      'idle memory',
      idle.map((bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`),
    ),
  )
  print()
  await rates(contenders)
  await backlog(contenders)
  print(
    `\nmedian of ${rounds}; load average ${loadBefore.toFixed(1)} before, ${loadavg()[0]!.toFixed(1)} after`,
  )
} finally {
  for (const contender of contenders) await contender.stop()
  rmSync(folder, { recursive: true, force: true })
}

function rate({ perSecond }: { perSecond: number }): string {
  return `${perSecond.toFixed(0)} /s`
}

function row(name: string, cells: readonly string[]): string {
  return [name.padEnd(48), ...cells.map((cell) => cell.padStart(12))].join(' ')
}
