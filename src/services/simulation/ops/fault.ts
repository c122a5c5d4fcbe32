// Begins faults and ends them: by themselves when their time is over, or when somebody asks. Each end may fail (a host that
// doesn't start): it is tried again until it succeeds, and the fault says meanwhile why it is still there.
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { SimulationApp, SimulationContext, StruckFault } from '../app.ts'
import { type EndedBy, type Fault, type FaultWish, isOver } from '../resources/fault.ts'
import { type FaultKindName, faultKinds, type GivenFault } from '../resources/fault-kind.ts'
import { rememberActive } from './remembrance.ts'

/** So many ended faults are shown; older ones are in the journal alone. */
const endedKept = 100
const tryAgainMs = 1_000

export function listFaults({ faults }: SimulationApp, all: boolean): Fault[] {
  return [...faults.values()].filter((fault) => all || !isOver(fault))
}

export function showFault({ faults }: SimulationApp, id: string): StruckFault {
  const fault = faults.get(id)
  if (!fault) throw new CloudError('notFound', `There is no fault ${id}.`)
  return fault
}

export async function addFault(context: SimulationContext, given: GivenFault): Promise<Fault> {
  const { app, trace, caller } = context
  const { wish, reason, parameters } = readWish(given)
  const ongoing = await app.around.strike(wish, trace)
  const startedAt = app.world.clock.now()
  const lasts = ongoing.end !== undefined
  const fault: StruckFault = {
    id: app.world.random.uuid(),
    kind: wish.kind,
    parameters,
    subject: ongoing.subject,
    reason,
    userId: caller.userId,
    startedAt,
    endsAt: lasts ? startedAt + wish.durationMs : null,
    endedAt: null,
    endedBy: null,
    error: null,
    ongoing,
  }
  app.faults.set(fault.id, fault)
  record(app, trace, 'fault.begin', fault, { duration: lasts ? wish.durationMs / 1000 : 0 })
  app.log.warn({ faultId: fault.id, kind: fault.kind, subject: fault.subject, reason }, 'a fault began')
  if (lasts) endLater(app, fault, wish.durationMs)
  else over(app, trace, fault, 'itself')
  await rememberActive(app)
  return fault
}

export async function endFault({ app, trace, caller }: SimulationContext, id: string): Promise<void> {
  const fault = showFault(app, id)
  if (isOver(fault)) throw new CloudError('conflict', `The fault ${id} is over already.`)
  await end(app, trace, fault, 'request', caller.userId)
}

/** Before the cloud is put back to a snapshot, and when the process ends in order. Errors are logged: what comes next starts anew. */
export async function endAllFaults(app: SimulationApp, by: EndedBy): Promise<void> {
  const trace = app.journal.newTrace()
  for (const fault of listFaults(app, false)) {
    try {
      await end(app, trace, app.faults.get(fault.id)!, by)
    } catch (error) {
      app.log.warn({ faultId: fault.id, error: fullMessage(error) }, 'a fault did not end in order')
    }
  }
}

function endLater(app: SimulationApp, fault: StruckFault, ms: number): void {
  const endNow = () =>
    end(app, app.journal.newTrace(), fault, 'time').catch((error) => {
      app.log.warn(
        { faultId: fault.id, error: fullMessage(error) },
        'a fault could not be ended; trying again',
      )
      endLater(app, fault, tryAgainMs)
    })
  fault.cancelTimer = app.world.timers.after(ms, () => void endNow())
}

async function end(
  app: SimulationApp,
  trace: Trace,
  fault: StruckFault,
  by: EndedBy,
  userId?: string,
): Promise<void> {
  if (isOver(fault)) return
  fault.ending ??= app.world.activity.track(fault.ongoing.end?.() ?? Promise.resolve())
  try {
    await fault.ending
  } catch (error) {
    fault.error = fullMessage(error)
    throw error
  } finally {
    fault.ending = undefined
  }
  if (isOver(fault)) return
  over(app, trace, fault, by, userId)
  await rememberActive(app)
}

function over(app: SimulationApp, trace: Trace, fault: StruckFault, by: EndedBy, userId?: string): void {
  fault.cancelTimer?.()
  fault.endedAt = app.world.clock.now()
  fault.endedBy = by
  fault.error = null
  record(app, trace, 'fault.end', { ...fault, userId: userId ?? null }, { ended_by: by })
  app.log.info({ faultId: fault.id, kind: fault.kind, subject: fault.subject, by }, 'a fault ended')
  const ended = [...app.faults.values()].filter(isOver)
  for (const { id } of ended.slice(0, Math.max(0, ended.length - endedKept))) app.faults.delete(id)
}

function record(
  { journal }: SimulationApp,
  trace: Trace,
  name: 'fault.begin' | 'fault.end',
  { id, kind, subject, parameters, reason, userId }: Fault,
  more: Record<string, unknown>,
): void {
  journal.record(trace, {
    kind: 'decision',
    name,
    subject,
    ...(userId && { userId }),
    data: { fault_id: id, kind, parameters, ...(reason && { reason }), ...more },
  })
}

/** The kind decides what else is right. */
function readWish({ kind, fields, asked }: GivenFault): {
  wish: FaultWish
  reason: string | null
  parameters: Record<string, unknown>
} {
  const { duration, reason, ...parameters } = fields
  const seconds = (duration as number | undefined) ?? faultKinds[kind].usualSeconds
  return {
    // Checked by the schema of this very kind, from which the type is made.
    wish: { kind, parameters, durationMs: seconds * 1000 } as FaultWish,
    reason: (reason as string | undefined) ?? null,
    parameters: wireParameters(kind, asked),
  }
}

function wireParameters(kind: FaultKindName, asked: GivenFault['asked']): Record<string, unknown> {
  const own = Object.keys(faultKinds[kind].fields)
  return Object.fromEntries(own.flatMap((name) => (asked[name] === undefined ? [] : [[name, asked[name]]])))
}
