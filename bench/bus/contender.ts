// The two brokers that are compared, each a fresh one in a temporary folder on ports of its own.
import type { StartedProcess, World } from '#kit/world/world.ts'
import { connectLoad } from './client.ts'

export type Contender = {
  readonly name: string
  readonly url: URL
  /** From the start of its process until a client was let in. */
  readonly startMs: number
  /** Seconds of processor time so far, of all its processes. */
  cpuSeconds(): Promise<number>
  /** Bytes, of all its processes (PSS). */
  memory(): Promise<number>
  /** Asked to end, as an operator would. */
  stop(): Promise<void>
}

const startMostMs = 60_000
/** Kernel ticks per second as seen by programs: fixed at 100 on Linux. */
const ticksPerSecond = 100
const launcher = `${import.meta.dirname}/../../nimbo`

/** `program` is what starts ours; the folder is kept, so that a second start finds what the first one left. */
export function startNimbo(world: World, folder: string, port: number): Promise<Contender> {
  const args = [
    'broker',
    '--data',
    folder,
    '--port',
    `${port}`,
    '--management-port',
    `${port + 1}`,
    '--guest',
  ]
  return start(world, 'Nimbo', port, () =>
    world.processes.start(launcher, args, { logFile: `${folder}.log` }),
  )
}

/** Debian's rabbitmq-server with its management plugin, as an operator has it. */
export async function startRabbit(world: World, folder: string, port: number): Promise<Contender> {
  await world.files.makeFolder(folder)
  await world.files.write(`${folder}/plugins`, '[rabbitmq_management].\n')
  await world.files.write(
    `${folder}/rabbit.conf`,
    [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      `management.tcp.ip = 127.0.0.1`,
      `management.tcp.port = ${port + 1}`,
      'log.file.level = warning',
      '',
    ].join('\n'),
  )
  const env = {
    HOME: folder,
    RABBITMQ_NODENAME: `bench${port}@localhost`,
    RABBITMQ_DIST_PORT: `${port + 2}`,
    ERL_EPMD_PORT: `${port + 3}`,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_MNESIA_BASE: `${folder}/mnesia`,
    RABBITMQ_LOG_BASE: `${folder}/log`,
    RABBITMQ_ENABLED_PLUGINS_FILE: `${folder}/plugins`,
    RABBITMQ_CONFIG_FILE: `${folder}/rabbit.conf`,
    RABBITMQ_CONF_ENV_FILE: `${folder}/none`,
  }
  const contender = await start(world, 'RabbitMQ', port, () =>
    world.processes.start('/usr/lib/rabbitmq/bin/rabbitmq-server', [], { env, logFile: `${folder}.log` }),
  )
  return {
    ...contender,
    async stop() {
      await contender.stop()
      // Its port mapper is a daemon, which would stay.
      await world.processes.run('epmd', ['-port', env.ERL_EPMD_PORT, '-kill'])
    },
  }
}

async function start(
  world: World,
  name: string,
  port: number,
  begin: () => Promise<StartedProcess>,
): Promise<Contender> {
  const url = new URL(`amqp://guest:guest@127.0.0.1:${port}/`)
  const started = world.clock.monotonic()
  const process = await begin()
  for (;;) {
    try {
      ;(await connectLoad(world, url)).close()
      break
    } catch (error) {
      if (world.clock.monotonic() - started > startMostMs || !world.processes.alive(process.pid)) {
        process.kill()
        throw new Error(`${name} did not start`, { cause: error })
      }
      await world.timers.sleep(10)
    }
  }
  const startMs = world.clock.monotonic() - started
  return {
    name,
    url,
    startMs,
    async cpuSeconds() {
      const times = await Promise.all((await family(world, process.pid)).map((pid) => ticks(world, pid)))
      return times.reduce((sum, each) => sum + each, 0) / ticksPerSecond
    },
    async memory() {
      const pids = await family(world, process.pid)
      const sizes = await Promise.all(pids.map((pid) => world.processes.memory(pid)))
      return sizes.reduce<number>((sum, each) => sum + (each ?? 0), 0)
    },
    async stop() {
      for (const pid of (await family(world, process.pid)).toReversed())
        world.processes.signal(pid, 'SIGTERM')
      await process.exited
    },
  }
}

/** A process and all below it. */
async function family(world: World, pid: number): Promise<number[]> {
  const path = `/proc/${pid}/task/${pid}/children`
  const text = (await world.files.exists(path)) ? await world.files.readText(path) : ''
  const children = text.split(' ').filter(Boolean).map(Number)
  return [pid, ...(await Promise.all(children.map((child) => family(world, child)))).flat()]
}

/** User and system time, its ended children's included. */
async function ticks(world: World, pid: number): Promise<number> {
  const stat = await world.files.readText(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, each) => sum + Number(each), 0)
}
