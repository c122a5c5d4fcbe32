// The processes of a machine made of namespaces, as the real machine's /proc shows them: those that a run kills, and how
// each is told from the others. Killed from outside, at once: no program has to be started for it.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export type Seen = {
  /** As the real machine numbers it. */
  pid: number
  parent: number
  /** With the pid it names one process for good. */
  startTicks: number
  /** The program's file name; a kernel's shortened word where it has no command line. */
  name: string
  command: readonly string[]
}

export const programs = [
  'controller',
  'agent',
  'controller-supervisor',
  'agent-supervisor',
  'broker',
  'dnsmasq',
  'haproxy',
  'ovs-vswitchd',
  'ovsdb-server',
  'qemu',
  'command',
] as const
/** `command`: whatever short-lived program the agent runs just then, `ip`, `nft`, `ovs-ofctl`, `qemu-img` and so on. */
export type Program = (typeof programs)[number]

/** All processes that live in the pid namespace of the machine's first process, without that one. */
export function machineProcesses(firstPid: number): Seen[] {
  const space = linkOf(`/proc/${firstPid}/ns/pid`)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== firstPid)
    .filter((name) => linkOf(`/proc/${name}/ns/pid`) === space)
    .flatMap((name) => look(Number(name)) ?? [])
}

/** Those of a kind. `focus` narrows where there may be several: an id in the command line. */
export function findProgram(all: readonly Seen[], program: Exclude<Program, 'command'>, focus = ''): Seen[] {
  return all.filter((one) => kindOf(one) === program && one.command.join(' ').includes(focus))
}

/** What the agent runs just now and waits for: no guest, no daemon that outlives it. */
export function agentCommands(agent: Seen): Seen[] {
  let children: string
  try {
    children = readFileSync(`/proc/${agent.pid}/task/${agent.pid}/children`, 'utf8')
  } catch {
    return []
  }
  return children
    .trim()
    .split(' ')
    .filter(Boolean)
    .flatMap((pid) => look(Number(pid)) ?? [])
    .filter((one) => kindOf(one) === undefined && !/^(node|MainThread)/.test(one.name))
}

/** True where this very process was alive: it may end by itself meanwhile, as a command does that was just a copy of its agent. */
export function slay(one: Seen): boolean {
  if (look(one.pid)?.startTicks !== one.startTicks) return false
  try {
    process.kill(one.pid, 'SIGKILL')
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

export function lives(one: Seen): boolean {
  return look(one.pid)?.startTicks === one.startTicks
}

export function kindOf({ name, command }: Seen): Program | undefined {
  const words = command.join(' ')
  const role = /\b(controller|agent|broker) --data /.exec(words)?.[1] as
    | 'controller'
    | 'agent'
    | 'broker'
    | undefined
  if (words.includes('supervise.sh'))
    return role === 'controller' || role === 'agent' ? `${role}-supervisor` : undefined
  if (name === 'node') return role
  if (name.startsWith('qemu-system')) return 'qemu'
  return (['dnsmasq', 'haproxy', 'ovs-vswitchd', 'ovsdb-server'] as const).find((each) => each === name)
}

function look(pid: number): Seen | undefined {
  let stat: string
  let line: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return undefined // it ended meanwhile
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // Dead, and its parent hasn't asked yet how it ended.
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  const command = line.split('\0').slice(0, -1)
  const shortName = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
  return {
    pid,
    parent: Number(fields[1]),
    startTicks: Number(fields[19]),
    name: command[0]?.split('/').at(-1) ?? shortName,
    command,
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
