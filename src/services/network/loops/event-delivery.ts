// Removes: events that compute has not been told of. They are rows, so a restart or a compute that is away only delays
// them: nothing is dropped until compute has answered.
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { Loop } from '#kit/loop/loop.ts'
import type { ComputeClient } from '#services/compute/client.ts'
import type { NetworkApp } from '../app.ts'
import type { ComputeEvent } from '../resources/event.ts'
import * as store from '../store/event.ts'

const most = 100
const longestDelayMs = 60_000

export type EventPeers = { compute: ComputeClient; serviceToken: (trace: Trace) => Promise<string> }

export function eventDelivery(app: NetworkApp, peers: EventPeers): Loop {
  return {
    name: 'compute-events',
    everyMs: 2000,
    async run() {
      for (;;) {
        const due = await store.dueEvents(app.db, app.world.clock.now(), most)
        if (due.length === 0) return
        for (const events of byTrace(due)) await deliver(app, peers, events)
      }
    },
  }
}

async function deliver(app: NetworkApp, peers: EventPeers, events: ComputeEvent[]): Promise<void> {
  const { db, world, log, journal } = app
  const ids = events.map((each) => each.id)
  const trace = journal.childOf({ traceId: events[0]!.traceId, spanId: events[0]!.spanId })
  try {
    const token = await peers.serviceToken(trace)
    const refused = await peers.compute.sendExternalEvents(
      trace,
      token,
      events.map(({ name, serverId, portId }) => ({
        name,
        serverId,
        ...(name === 'network-changed' ? {} : { tag: portId }),
        status: 'completed' as const,
      })),
    )
    for (const { name, serverId, code } of refused)
      log.debug({ name, serverId, code }, 'compute has no use for an event')
  } catch (error) {
    const final = error instanceof CloudError && ['badRequest', 'notFound'].includes(error.kind)
    if (!final) {
      const attempts = events[0]!.attempts + 1
      const delay = Math.min(longestDelayMs, 500 * 2 ** Math.min(attempts, 10))
      await store.delayEvents(db, ids, attempts, world.clock.now() + delay)
      log.warn(
        { events: ids.length, error: fullMessage(error) },
        'compute could not be told of ports; it will be',
      )
      return
    }
    // A server that is gone needs no news of its ports.
    log.debug({ events: ids.length, error: fullMessage(error) }, 'compute knows none of the servers')
  }
  await store.deleteEvents(db, ids)
}

/** Events of one piece of work go together. */
function byTrace(events: readonly ComputeEvent[]): ComputeEvent[][] {
  const groups: ComputeEvent[][] = []
  for (const each of events) {
    const last = groups.at(-1)
    if (last && last[0]!.traceId === each.traceId && last[0]!.attempts === each.attempts) last.push(each)
    else groups.push([each])
  }
  return groups
}
