// The compute agent of a host: takes orders from the bus, keeps guests as the cloud wants them, and reports.
// It has no database: what it knows of a server it asks of the conductor (row 83).
import { compute, conductor } from '#contracts/compute.ts'
import type { VirtDriver } from '#drivers/virt/load.ts'
import type { Bus } from '#kit/bus/bus.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import { type Journal, quiet } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { startLoop } from '#kit/loop/loop.ts'
import { startReports } from '#kit/loop/report.ts'
import type { World } from '#kit/world/world.ts'
import type { ConsoleDoor } from './console.ts'
import { handlers, reported } from './handler.ts'
import { openOperations } from './operation.ts'
import { openPartSync } from './part-sync.ts'
import { type Parts, service } from './parts.ts'
import { openPeers } from './peer.ts'
import { openReconciler } from './reconcile.ts'
import { hostReport } from './report.ts'

export { type ComputeAgentConfig, computeAgentConfig } from './config.ts'

export type ComputeAgentParts = Omit<Parts, 'conductor' | 'journal' | 'log'> & {
  world: World
  log: Log
  journal: Journal
  bus: Bus
  driver: VirtDriver
}

export type ComputeAgent = {
  /** Look at all guests soon. */
  nudge(): void
  /** Takes no more orders; guests go on running. */
  stop(): Promise<void>
}

export async function startComputeAgent(given: ComputeAgentParts): Promise<ComputeAgent> {
  const { world, bus, host, driver, config } = given
  const log = given.log.with({ agent: 'compute', host })
  const journal = given.journal.as(service)
  const parts: Parts = { ...given, log, journal, conductor: bus.caller(conductor, service) }
  const operations = openOperations(parts)
  const peers = openPeers(parts)
  const reconciler = openReconciler(parts, operations, openPartSync(parts, peers, operations))
  const doors = new Set<ConsoleDoor>()

  const report = startReports(world, log, journal, {
    name: 'compute-report',
    everyMs: config.reportInterval,
    phase: given.phase,
    send: async (startedAt, options) =>
      parts.conductor.hostReport(await hostReport(parts, startedAt), options),
  })
  const sync = startLoop(world, log, {
    name: 'compute-sync',
    everyMs: config.syncInterval,
    phase: given.phase,
    run: () => reconciler.turn(quiet(journal.newTrace())),
  })
  const stopEvents = driver.events(({ id, power, reason }) => {
    // What an operation does to the guest is told with the operation's end.
    if (operations.busy(id)) return
    reconciler
      .tell(id, reported(power), reason, journal.newTrace())
      .catch((error) =>
        log.warn(
          { serverId: id, error: fullMessage(error) },
          'a power change could not be told; the next look repeats it',
        ),
      )
  })
  const served = await bus.serve(
    compute,
    host,
    service,
    handlers(parts, peers, operations, doors, () => sync.nudge()),
  )
  report.nudge()
  sync.nudge()
  return {
    nudge: () => sync.nudge(),
    async stop() {
      stopEvents()
      await served.stop()
      await Promise.all([report.stop(), sync.stop()])
      for (const door of doors) await door.close()
    },
  }
}
