// One strike: an operation is asked for, processes die in it, and the cloud has to get over it by itself. Nothing here
// does more than wait, ask as users do, and cut short the pauses that supervisors make between two starts.
import { until } from '#test/interop/live-cloud.ts'
import { isCutOff } from '#test/kill/patience.ts'
import {
  type Ended,
  type Operation,
  type OperationKind,
  passing,
  type Server,
} from './operation/operation.ts'
import { operationKinds } from './operation/table.ts'
import { describeStrike, type Strike } from './plan.ts'
import {
  agentCommands,
  findProgram,
  kindOf,
  lives,
  machineProcesses,
  type Program,
  type Seen,
  slay,
} from './process.ts'
import { type Stage, world } from './stage.ts'

export type Struck = {
  strike: Strike
  /** Those that were there to be killed. */
  killed: { program: Program; name: string }[]
  at: number
  ended: Ended | 'not begun'
  /** From the kill to the operation's end, in milliseconds. */
  endedMs: number
}

const momentPatienceMs = 6_000

export async function carryOut(stage: Stage, strike: Strike): Promise<Struck> {
  const kind = operationKinds[strike.operation] as OperationKind
  const operation = await kind.open(stage, `${passing}${strike.number}`)
  const began = world.clock.now()
  let refused: unknown
  let over = false
  const asking = operation.begin().then(
    () => {
      over = true
    },
    (error: unknown) => {
      over = true
      if (!isCutOff(error)) refused = error
    },
  )
  const killed = await strikeAt(stage, strike, kind, operation, began, () => over)
  const at = world.clock.now()
  await asking
  if (refused !== undefined && !saysWhy(refused)) throw refused
  await replaced(stage, strike.kill)
  let ended: Ended | undefined
  await stage.until(`${strike.operation} is done or undone (${describeStrike(strike)})`, async () => {
    ended = await operation.ended()
    return ended !== undefined
  })
  const endedMs = world.clock.now() - at
  if (strike.kill.includes('qemu'))
    await stage.until('guests run where servers are said to', () => guestsAreAsShown(stage))
  // A guest that is off shows nothing; that it can be switched on again is seen at rest.
  if (ended === 'done' && operation.works && !strike.kill.includes('qemu'))
    await stage.until(`${strike.operation} has its effect`, operation.works)
  return { strike, killed, at, ended: ended!, endedMs }
}

/** A refusal with words of its own is an answer; an internal error is a bug. */
function saysWhy(error: unknown): boolean {
  return error instanceof Error && 'kind' in error && error.kind !== 'internal'
}

async function strikeAt(
  stage: Stage,
  { number, kill, at }: Strike,
  kind: OperationKind,
  operation: Operation,
  began: number,
  isOver: () => boolean,
): Promise<Struck['killed']> {
  if ('command' in at) return strikeCommand(stage, at.command, isOver)
  if ('ms' in at) await world.timers.sleep(at.ms)
  else
    await until('the moment has come', () => hasCome(stage, at, operation, began), momentPatienceMs, 2).catch(
      () => {
        // It may be over before it could be seen, or never come to it: then the kill falls behind the operation.
      },
    )
  const all = machineProcesses(stage.machine.pid)
  const victims = kill.flatMap((program) =>
    program === 'command' ? [] : victimsOf(stage, all, program, { kind, operation, turn: number }),
  )
  const killed = victims.filter(slay)
  await until('they are dead', async () => !killed.some(lives), 60_000, 1)
  return killed.map((one) => ({ program: kindOf(one)!, name: one.name }))
}

async function hasCome(
  stage: Stage,
  at: { event: string } | { file: string },
  operation: Operation,
  since: number,
): Promise<boolean> {
  const subject = operation.subject()
  if (subject === undefined) return false
  if ('file' in at) {
    const id = subject.split(':')[1]
    const folder = at.file.endsWith('.sock') ? `run/guests/${id}` : `instances/${id}`
    return world.files.exists(`${stage.machine.folder}/var/lib/nimbo/${folder}/${at.file}`)
  }
  const path = `/v1/events?subject=${subject}&name=${at.event}&since=${since}&limit=1`
  try {
    return (await stage.admin.call<{ events: unknown[] }>('journal', { path })).events.length > 0
  } catch (error) {
    if (isCutOff(error)) return false
    throw error
  }
}

/** Of daemons of which there are several (of networks, of routers) each has its turn. */
function victimsOf(
  stage: Stage,
  all: readonly Seen[],
  program: Exclude<Program, 'command'>,
  { kind, operation, turn }: { kind: OperationKind; operation: Operation; turn: number },
): Seen[] {
  if (program !== 'qemu') {
    const found = findProgram(all, program)
    const first = turn % Math.max(1, found.length)
    return found.sort((a, b) => (a.command.join() < b.command.join() ? -1 : 1)).slice(first, first + 1)
  }
  const id =
    kind.guest === 'own'
      ? operation.subject()?.split(':')[1]
      : kind.guest === 'subject'
        ? stage.subject.id
        : stage.spare.id
  return id === undefined ? [] : findProgram(all, 'qemu', id)
}

async function strikeCommand(stage: Stage, number: number, isOver: () => boolean): Promise<Struck['killed']> {
  const [agent] = findProgram(machineProcesses(stage.machine.pid), 'agent')
  if (!agent) throw new Error('The agent does not run.')
  const met = new Set<string>()
  const deadline = world.clock.monotonic() + momentPatienceMs
  let over: number | undefined
  while (world.clock.monotonic() < deadline) {
    for (const one of agentCommands(agent)) {
      met.add(`${one.pid} ${one.startTicks}`)
      if (met.size >= number && slay(one)) return [{ program: 'command', name: one.name }]
    }
    // What the agent does of it comes a little later than the answer.
    if (isOver()) over ??= world.clock.monotonic()
    if (over !== undefined && world.clock.monotonic() - over > 1_500) break
    await world.timers.sleep(0)
  }
  return []
}

/** Each has to be there again; supervisors' pauses, which grow while a process keeps ending, are cut short. */
async function replaced(stage: Stage, kill: readonly Program[]): Promise<void> {
  const both = (['agent', 'controller'] as const).filter(
    (role) => kill.includes(role) && kill.includes(`${role}-supervisor`),
  )
  // Nobody is left who could: this is the operator's turn, as after a start of the machine.
  if (both.length > 0) await stage.machine.nimbo('up', '--empty')
  const wanted = kill.filter((one) => one !== 'command' && one !== 'qemu')
  await stage.until(`${wanted.join(' and ')} run again`, async () => {
    const all = machineProcesses(stage.machine.pid)
    for (const pause of all.filter(({ name }) => name === 'sleep')) {
      const parent = all.find(({ pid }) => pid === pause.parent)
      if (parent?.command.join(' ').includes('supervise.sh')) slay(pause)
    }
    return wanted.every((one) => findProgram(all, one as Exclude<Program, 'command'>).length > 0)
  })
}

/** A guest that ended is shown as off; one that is shown as on lives. */
async function guestsAreAsShown(stage: Stage): Promise<boolean> {
  const { servers } = await stage.ask<{ servers: Server[] }>('compute', { path: '/servers/detail' })
  const guests = findProgram(machineProcesses(stage.machine.pid), 'qemu').map(({ command }) =>
    command.join(' '),
  )
  return servers.every(({ id, status }) => {
    const alive = guests.some((words) => words.includes(id))
    return alive ? ['ACTIVE', 'PAUSED'].includes(status) : ['SHUTOFF', 'ERROR'].includes(status)
  })
}
