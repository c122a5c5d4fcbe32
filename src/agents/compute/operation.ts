// Orders as they come over the bus: one at a time for each server, each done once, its end always told.

import type { ReportedPower } from '#contracts/compute.ts'
import type { Incoming } from '#kit/bus/bus.ts'
import { asError, CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import { withoutSecrets } from '#kit/redact/text.ts'
import type { Parts } from './parts.ts'
import { patiently } from './patience.ts'

export type Order = { serverId: string; operationId: string; generation: number }
export type Outcome = { ok: boolean; error: string | null; power: ReportedPower | null }

/** Operations whose end is remembered, so that a repeated order is only answered. */
const remembered = 2_000
/** The broker may be away for as long as the controller takes to start again. */
const tellAttempts = 30
const tellPauseMs = 2_000

export type Operations = {
  run(
    name: string,
    order: Order,
    incoming: Incoming,
    work: () => Promise<ReportedPower | null>,
  ): Promise<void>
  /** Something that no order asked for, when nothing else is being done to the server. */
  alone(serverId: string, work: () => Promise<void>): Promise<void>
  /** True while something is being done to the server. */
  busy(serverId: string): boolean
}

export function openOperations(parts: Parts): Operations {
  const { world, log, conductor, host } = parts
  const finished = new Map<string, Outcome>()
  const queues = new Map<string, Promise<void>>()

  async function perform(
    name: string,
    order: Order,
    work: () => Promise<ReportedPower | null>,
  ): Promise<Outcome> {
    const known = finished.get(order.operationId)
    if (known) return known
    let outcome: Outcome
    try {
      outcome = { ok: true, error: null, power: await work() }
    } catch (error) {
      log.warn(
        { serverId: order.serverId, operation: name, error: fullMessage(error) },
        'an operation failed',
      )
      const message =
        error instanceof CloudError
          ? error.message
          : `An unexpected error: ${withoutSecrets(asError(error).message)}`
      outcome = { ok: false, error: message, power: null }
    }
    finished.set(order.operationId, outcome)
    if (finished.size > remembered) finished.delete(finished.keys().next().value!)
    return outcome
  }

  async function tell(order: Order, outcome: Outcome, incoming: Incoming): Promise<void> {
    const { serverId, operationId } = order
    for (let attempt = 1; ; attempt++) {
      try {
        await conductor.operationDone(
          { host, serverId, operationId, ...outcome },
          { trace: incoming.trace, subject: `server:${serverId}` },
        )
        return
      } catch (error) {
        if (attempt === tellAttempts) throw error
        await world.timers.sleep(tellPauseMs)
      }
    }
  }

  async function inTurn(serverId: string, work: () => Promise<void>): Promise<void> {
    const turn = (queues.get(serverId) ?? Promise.resolve()).then(work)
    const settled = turn.catch(() => {})
    queues.set(serverId, settled)
    try {
      await turn
    } finally {
      if (queues.get(serverId) === settled) queues.delete(serverId)
    }
  }

  /** An order that was carried out long ago would undo what came after it: a stopped guest would run again. */
  async function isWanted(
    { serverId, operationId }: Order,
    { redelivered, trace }: Incoming,
  ): Promise<boolean> {
    if (!redelivered || finished.has(operationId)) return true
    const ask = () =>
      conductor.orderWanted({ host, serverId, operationId }, { trace, subject: `server:${serverId}` })
    try {
      return (await patiently(world, ask)).wanted
    } catch (error) {
      // A conductor before 1.4 can't say.
      if (error instanceof CloudError && error.kind === 'notImplemented') return true
      throw error
    }
  }

  return {
    run: (name, order, incoming, work) =>
      inTurn(order.serverId, async () => {
        if (await isWanted(order, incoming)) return tell(order, await perform(name, order, work), incoming)
        log.info({ serverId: order.serverId, operation: name }, 'an order came again that nobody waits for')
      }),
    alone: inTurn,
    busy: (serverId) => queues.has(serverId),
  }
}
