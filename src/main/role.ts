// The processes of a cloud on this machine, each under a supervisor of its own. A pid file holds the pid and the tick at
// which the process started: a number that came round again after a restart of the machine is not taken for ours.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ProcessInfo, World } from '#kit/world/world.ts'
import type { Cloud, DataFolder } from './data-folder.ts'

/** In the order in which they start; `cloud` is controller and simulated hosts in one process. */
export const roles = ['cloud', 'controller', 'agent'] as const
export type Role = (typeof roles)[number]

/** Of this folder: a host that joined a cloud has no controller. */
export function rolesOf({ member, settings }: Pick<Cloud, 'member' | 'settings'>): readonly Role[] {
  if (member) return ['agent']
  return isOneProcess(settings) ? ['cloud'] : ['controller', 'agent']
}

/** Whose process answers the APIs. */
export function controllingRole({ settings }: Pick<Cloud, 'settings'>): Role {
  return isOneProcess(settings) ? 'cloud' : 'controller'
}

/** Whose process holds this folder's hosts. */
export function hostingRole(cloud: Pick<Cloud, 'member' | 'settings'>): Role {
  return !cloud.member && isOneProcess(cloud.settings) ? 'cloud' : 'agent'
}

function isOneProcess({ dataPlane, processes }: Cloud['settings']): boolean {
  return dataPlane === 'sim' && processes === 'one'
}

export type RoleState = {
  role: Role
  process?: ProcessInfo
  supervisor?: ProcessInfo
  /** Since the process started, in seconds. */
  uptimeSeconds?: number
  log: string
}

/** How this program is started: Node, its options, main.ts. */
export type Program = readonly string[]

const supervisorScript = `${import.meta.dirname}/supervise.sh`
/** Kernel ticks per second as seen by programs: fixed at 100 on Linux. */
const ticksPerSecond = 100

export function roleLog(folder: DataFolder, role: Role): string {
  return `${folder.log}/${role}.log`
}

export function roleCommand(program: Program, cloud: Cloud, role: Role): string[] {
  return [...program, ...roleArguments(cloud.folder, role)]
}

/** True where it started one; false where it runs already. */
export async function startRole(world: World, cloud: Cloud, role: Role, program: Program): Promise<boolean> {
  const state = await roleState(world, cloud.folder, role)
  if (state.process || state.supervisor) return false
  await startSupervisor(world, cloud, role, program)
  return true
}

/** One that starts the role at once, or takes over a role that runs and starts the next when that has ended. */
export async function startSupervisor(
  world: World,
  cloud: Cloud,
  role: Role,
  program: Program,
  running?: ProcessInfo,
): Promise<void> {
  const log = roleLog(cloud.folder, role)
  const after = running ? ['--after', `${running.pid}`, `${running.startTicks}`] : []
  const supervisor = await world.processes.start(
    '/bin/sh',
    [supervisorScript, ...after, log, ...roleCommand(program, cloud, role)],
    { detached: true, cwd: '/', logFile: log },
  )
  await writePidFile(world, supervisorFile(cloud.folder, role), supervisor.pid)
}

/** Whether the file of a role's supervisor names a process that lives, or one that doesn't, or isn't there. */
export async function supervisorState(
  world: World,
  folder: DataFolder,
  role: Role,
): Promise<'living' | 'dead' | 'none'> {
  const file = supervisorFile(folder, role)
  if (await readPidFile(world, file)) return 'living'
  // Looked at after the process: who ends a supervisor on purpose removes its file first.
  return (await world.files.exists(file)) ? 'dead' : 'none'
}

/** Called by the process itself, whoever started it. */
export async function announceRole(world: World, folder: DataFolder, role: Role): Promise<void> {
  const other = await readPidFile(world, roleFile(folder, role))
  if (other && other.pid !== world.processes.self) {
    throw new CloudError('conflict', `The ${role} of ${folder.root} runs already, as process ${other.pid}.`)
  }
  await writePidFile(world, roleFile(folder, role), world.processes.self)
}

/** The supervisor first, so that it starts nothing again; then the process, asked to end and killed when it doesn't. */
export async function stopRole(
  world: World,
  folder: DataFolder,
  role: Role,
  patienceMs = 15_000,
): Promise<boolean> {
  const { supervisor } = await roleState(world, folder, role)
  // Before its process: a role whose supervisor died with its file still there starts another.
  await world.files.remove(supervisorFile(folder, role))
  if (supervisor) await endProcess(world, supervisor.pid, 2_000)
  // By their arguments too: one that was just started has not announced itself yet.
  const announced = (await roleState(world, folder, role)).process
  const pids = new Set(
    [announced, ...(await findRole(world, folder, role))].flatMap((each) => each?.pid ?? []),
  )
  for (const pid of pids) await endProcess(world, pid, patienceMs)
  await world.files.remove(roleFile(folder, role))
  return supervisor !== undefined || pids.size > 0
}

export async function roleState(world: World, folder: DataFolder, role: Role): Promise<RoleState> {
  const process = await readPidFile(world, roleFile(folder, role))
  const supervisor = await readPidFile(world, supervisorFile(folder, role))
  const uptimeSeconds = process && (await hostUptime(world)) - process.startTicks / ticksPerSecond
  return { role, process, supervisor, uptimeSeconds, log: roleLog(folder, role) }
}

/** Asks, waits, then kills. */
export async function endProcess(world: World, pid: number, patienceMs: number): Promise<void> {
  const deadline = world.clock.monotonic() + patienceMs
  world.processes.signal(pid, 'SIGTERM')
  while (world.processes.alive(pid)) {
    if (world.clock.monotonic() > deadline) {
      world.processes.signal(pid, 'SIGKILL')
      return
    }
    await world.timers.sleep(20)
  }
}

/** The role's processes, and a supervisor that no file tells of. */
async function findRole(world: World, folder: DataFolder, role: Role): Promise<ProcessInfo[]> {
  const ending = roleArguments(folder, role)
  const found = await world.processes.find(ending)
  return found.filter(({ command }) => command.slice(-ending.length).join('\0') === ending.join('\0'))
}

function roleArguments(folder: DataFolder, role: Role): string[] {
  return [role, '--data', folder.root]
}

function roleFile(folder: DataFolder, role: Role): string {
  return `${folder.run}/${role}.pid`
}

function supervisorFile(folder: DataFolder, role: Role): string {
  return `${folder.run}/${role}-supervisor.pid`
}

async function writePidFile(world: World, path: string, pid: number): Promise<void> {
  const info = await world.processes.info(pid)
  if (!info) throw new CloudError('internal', `Process ${pid} ended as soon as it started.`)
  await world.files.writeAtomic(path, `${pid} ${info.startTicks}\n`)
}

async function readPidFile(world: World, path: string): Promise<ProcessInfo | undefined> {
  if (!(await world.files.exists(path))) return undefined
  const [pid, startTicks] = (await world.files.readText(path)).trim().split(' ').map(Number)
  const info = pid ? await world.processes.info(pid) : undefined
  return info?.startTicks === startTicks ? info : undefined
}

async function hostUptime(world: World): Promise<number> {
  return Number.parseFloat(await world.files.readText('/proc/uptime'))
}
