// A program that serves one namespace and outlives its agent. The command line is its whole identity: what runs with
// the wanted one is kept, whoever started it, and what runs for the same purpose with another is ended.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { NamespaceProcess, WiringDriver } from './driver.ts'

export type Daemon = {
  namespace: string
  program: string
  args: readonly string[]
  /** Appended to; its end explains a failed start. */
  logFile: string
}

export type DaemonHost = {
  world: World
  driver: WiringDriver
  /** Called when a daemon that was started here has ended. */
  ended: () => void
}

/** A program that finds its configuration wrong ends in less. */
const startMs = 150
const endPatienceMs = 2000
const logTail = 400

/** The process of `daemon` among those that run, if it is as wanted. */
export function runningDaemon(
  running: readonly NamespaceProcess[],
  daemon: Daemon,
): NamespaceProcess | undefined {
  const wanted = [daemon.program, ...daemon.args].join('\0')
  return inNamespace(running, daemon).find(({ command }) => command.join('\0') === wanted)
}

/** Starts it afresh; any process of the program in the namespace is ended before `prepare` changes its files. */
export async function startDaemon(
  host: DaemonHost,
  running: readonly NamespaceProcess[],
  daemon: Daemon,
  prepare: () => Promise<void>,
): Promise<void> {
  const { world, driver } = host
  await endDaemon(host, running, daemon)
  await prepare()
  const { namespace, program, args, logFile } = daemon
  // It outlives us and gives up root: our environment, which may hold passwords, is not its business.
  const started = await driver.startIn(namespace, program, args, { detached: true, logFile, env: {} })
  let alive = true
  void started.exited.then(() => {
    alive = false
    host.ended()
  })
  await world.timers.sleep(startMs)
  if (alive) return
  const log = (await world.files.exists(logFile)) ? await world.files.readText(logFile) : ''
  throw new CloudError('internal', `${program} did not start in ${namespace}`, {
    detail: log.slice(-logTail).trim(),
  })
}

export async function endDaemon(
  { world, driver }: DaemonHost,
  running: readonly NamespaceProcess[],
  daemon: Pick<Daemon, 'namespace' | 'program'>,
): Promise<void> {
  const old = inNamespace(running, daemon)
  if (old.length === 0) return
  for (const process of old) await driver.signal(process, 'SIGTERM')
  const left = async () =>
    (await driver.processes()).filter(({ pid }) => old.some((process) => process.pid === pid))
  for (let waited = 0; waited < endPatienceMs; waited += 20) {
    if ((await left()).length === 0) return
    await world.timers.sleep(20)
  }
  for (const process of await left()) await driver.signal(process, 'SIGKILL')
}

function inNamespace(
  running: readonly NamespaceProcess[],
  { namespace, program }: Pick<Daemon, 'namespace' | 'program'>,
): NamespaceProcess[] {
  return running.filter(
    (process) => process.namespace === namespace && process.command[0]?.split('/').at(-1) === program,
  )
}
