// The conditions it removes: guests here that the cloud does not know, and power states that it was not told of.
import type { ReportedPower, ServerOrder } from '#contracts/compute.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import { reported } from './handler.ts'
import type { Operations } from './operation.ts'
import type { PartSync } from './part-sync.ts'
import type { Parts } from './parts.ts'

export type Reconciler = {
  turn(trace: Trace): Promise<void>
  /** Tells of a change at once; the next turn repeats it where the telling failed. */
  tell(serverId: string, power: ReportedPower, reason: string, trace: Trace): Promise<void>
}

export function openReconciler(parts: Parts, operations: Operations, syncParts: PartSync): Reconciler {
  const { world, log, driver, conductor, host, journal, config } = parts
  const told = new Map<string, ReportedPower>()
  let orphans = new Map<string, number>()

  async function tell(serverId: string, power: ReportedPower, reason: string, trace: Trace): Promise<void> {
    await conductor.powerChanged(
      { host, serverId, power, at: world.clock.now(), reason },
      { trace, subject: `server:${serverId}` },
    )
    told.set(serverId, power)
  }

  /** Seen twice with the grace between: the controller may just be writing what it will soon tell of. */
  async function removeOrphans(unknown: string[], trace: Trace): Promise<void> {
    const now = world.clock.monotonic()
    const since = new Map(unknown.map((id) => [id, orphans.get(id) ?? now]))
    orphans = since
    for (const [id, seenAt] of since) {
      if (now - seenAt < config.orphanGrace || operations.busy(id)) continue
      log.info({ serverId: id }, 'removing a guest that the cloud no longer knows')
      await journal.span(
        trace,
        {
          kind: 'driver',
          name: 'virt.destroy',
          subject: `server:${id}`,
          data: { reason: 'unknown to the cloud' },
        },
        () => driver.destroy(id),
      )
      since.delete(id)
    }
  }

  return {
    tell,
    async turn(trace) {
      // The guests first: one that is built after this look can't be taken for an orphan.
      const guests = await driver.list()
      const { servers } = await conductor.hostServers({ host }, { trace })
      const wanted = new Map(servers.map((server) => [server.id, server]))
      await removeOrphans(
        guests.map((guest) => guest.id).filter((id) => !wanted.has(id)),
        trace,
      )
      const here = new Map(guests.map((guest) => [guest.id, guest]))
      await syncParts(trace, guests, wanted)
      for (const [id, server] of wanted) {
        if (server.building || operations.busy(id)) continue
        const guest = here.get(id)
        const power = guest ? reported(guest.power) : 'absent'
        // Word of it may have been lost, or have come while an order was under way, whose end said something else.
        if (told.get(id) === power && agrees(power, server.desiredPower)) continue
        await tell(
          id,
          power,
          guest ? 'found at a look at all guests' : 'this host has no such guest',
          trace,
        ).catch((error) =>
          log.warn(
            { serverId: id, error: fullMessage(error) },
            'a power state could not be told; it will be',
          ),
        )
      }
      for (const id of told.keys()) if (!wanted.has(id)) told.delete(id)
    },
  }
}

/** Whether the cloud has the guest for what it is; one that is absent is the cloud's to make again. */
function agrees(power: ReportedPower, desired: ServerOrder['desiredPower']): boolean {
  if (power === 'absent') return true
  return (power === 'running' || power === 'paused' ? power : 'stopped') === desired
}
