// Starts a guest's process and finds one again: the pid file holds the process's start time too, since numbers
// are used again; a process that started just before we died is found by its command line.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { connectQmp, type Qmp } from '#kit/qmp/qmp.ts'
import { unlessGone } from '#kit/world/gone.ts'
import type { StartedProcess } from '#kit/world/world.ts'
import { type Launch, qemuArguments } from './arguments.ts'
import { giveToGuest, type Host, qemuProgram } from './host.ts'
import { startTicks } from './lock.ts'

/** A QEMU on a busy host opens its sockets within a second. */
const startTimeoutMs = 30_000
const lookMs = 5

export type GuestProcess = { pid: number; ticks: number }

/** Begins the process and connects to it; its guest doesn't run before `cont`. */
export async function startProcess(host: Host, launch: Launch): Promise<{ process: GuestProcess; qmp: Qmp }> {
  const { files, spec } = launch
  await requireTaps(host, launch)
  await prepareRunFolder(host, files)
  await host.world.files.remove(files.log)
  const started = await host.world.processes.start(qemuProgram, qemuArguments(launch), {
    cwd: '/',
    env: {},
    detached: true,
    logFile: files.log,
    ...host.owner,
  })
  const ticks = await startTicks(host, started.pid)
  if (ticks !== undefined) await writePid(host, files.pid, { pid: started.pid, ticks })
  try {
    return { process: { pid: started.pid, ticks: ticks ?? 0 }, qmp: await reach(host, launch, started) }
  } catch (error) {
    started.kill('SIGKILL')
    await started.exited
    await host.world.files.remove(files.pid)
    await host.world.files.removeTree(files.run)
    host.log.warn(
      { serverId: spec.id, log: await host.world.files.readText(files.log) },
      'QEMU did not start',
    )
    throw error
  }
}

async function writePid(host: Host, path: string, process: GuestProcess): Promise<void> {
  await host.world.files.write(`${path}.new`, JSON.stringify(process))
  await host.world.files.rename(`${path}.new`, path)
}

async function prepareRunFolder(host: Host, files: Launch['files']): Promise<void> {
  await host.world.files.removeTree(files.run)
  await host.world.files.makeFolder(files.run, { mode: 0o700 })
  await giveToGuest(host, files.run)
}

async function requireTaps(host: Host, { spec }: Launch): Promise<void> {
  for (const nic of spec.nics) {
    if (await host.world.files.exists(`/sys/class/net/${nic.tap}`)) continue
    throw new CloudError(
      'unavailable',
      `Port ${nic.portId} isn't plugged on host ${host.name}: there is no device ${nic.tap}.`,
      { type: 'PortNotPlugged' },
    )
  }
}

/** Connects as soon as the socket is there; a process that ended instead says why in its log. */
async function reach(host: Host, { files, spec }: Launch, started: StartedProcess): Promise<Qmp> {
  let ended = false
  void started.exited.then(() => {
    ended = true
  })
  const deadline = host.world.clock.monotonic() + startTimeoutMs
  while (host.world.clock.monotonic() < deadline) {
    if (ended) break
    if (await host.world.files.exists(files.qmp)) {
      try {
        return await connectQmp(host.world, files.qmp)
      } catch (error) {
        // The socket exists a moment before QEMU listens, and breaks when QEMU ends over a bad device.
        if (!(error instanceof CloudError) || error.kind !== 'unavailable') throw error
      }
    }
    await host.world.timers.sleep(lookMs)
  }
  const reason = complaint(await host.world.files.readText(files.log))
  throw new CloudError(
    'unavailable',
    `QEMU ${ended ? 'ended' : 'did not answer'} when guest ${spec.id} was started${reason ? `: ${reason}` : ''}.`,
    {
      type: 'GuestStartFailed',
    },
  )
}

/** The last line of QEMU's that is no warning, without its own name and our quoting. */
function complaint(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '' && !line.includes('warning:'))
  return (lines.at(-1) ?? '')
    .replace(/^qemu-system-\w+: /, '')
    .replace(/^-\S+ \{.*\}: /, '')
    .replace(/\.$/, '')
}

/** The guest's process as recorded or, where the record is missing, by the socket that its command line names. */
export async function findProcess(host: Host, id: string): Promise<GuestProcess | undefined> {
  const files = host.layout.guest(id)
  const text = await unlessGone(host.world.files.readText(files.pid))
  if (text !== undefined) {
    const known = JSON.parse(text) as GuestProcess
    if ((await startTicks(host, known.pid)) === known.ticks) return known
  }
  if (!(await host.world.files.exists(files.run))) return undefined
  const found = await host.world.processes.find([id, `path=${files.qmp.replaceAll(',', ',,')}`])
  const one = found.find((process) => process.command[0]?.endsWith(qemuProgram))
  if (!one) return undefined
  const process = { pid: one.pid, ticks: one.startTicks }
  await writePid(host, files.pid, process)
  return process
}

export async function isAlive(host: Host, process: GuestProcess): Promise<boolean> {
  return (await startTicks(host, process.pid)) === process.ticks
}

/** Waits for the end; false where it didn't come in time. */
export async function waitForEnd(host: Host, process: GuestProcess, timeoutMs: number): Promise<boolean> {
  const deadline = host.world.clock.monotonic() + timeoutMs
  while (await isAlive(host, process)) {
    if (host.world.clock.monotonic() >= deadline) return false
    await host.world.timers.sleep(lookMs)
  }
  return true
}
