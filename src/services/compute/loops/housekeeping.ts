// Removes the conditions: our own roles look dead, console tokens outlive their time, shown addresses differ from the
// network service's, and a server has a task state without a task.
import type { Loop } from '#kit/loop/loop.ts'
import type { Compute } from '../app.ts'
import { keepAddresses } from '../ops/server-address.ts'
import { subjectOf } from '../ops/server-load.ts'
import { reportService } from '../ops/service.ts'
import type { Binary } from '../resources/service.ts'
import { deleteExpiredTokens } from '../store/console.ts'
import { changeServer, listServers } from '../store/server.ts'

export function heartbeatLoop(app: Compute, binaries: readonly Binary[]): Loop {
  const report = async () => {
    for (const binary of binaries) await reportService(app.world, app.db, app.world.host.name, binary)
  }
  return { name: 'compute-heartbeat', everyMs: app.config.reportInterval, run: report }
}

export function consoleLoop(app: Compute): Loop {
  return {
    name: 'compute-console-tokens',
    everyMs: 60_000,
    run: async () => void (await deleteExpiredTokens(app.db, app.world.clock.now())),
  }
}

/** A word of the network service that got lost only delays what is shown. */
export function addressLoop(app: Compute): Loop {
  return {
    name: 'compute-addresses',
    everyMs: 60_000,
    async run() {
      const servers = (
        await listServers(app.db, {
          equal: { deletedAt: null, taskState: null },
          orderBy: [['number', 'asc']],
        })
      ).filter((each) => each.addresses.length > 0)
      if (servers.length === 0) return
      const { network, serviceToken } = app.conductor
      const trace = app.journal.newTrace()
      const token = await serviceToken(trace)
      const ports = await network.listPorts(trace, token, {})
      const floating = await network.listFloatingIps(trace, token)
      const byDevice = Map.groupBy(ports, (port) => port.device_id)
      for (const server of servers) await keepAddresses(app, server, byDevice.get(server.id) ?? [], floating)
    },
  }
}

/** Tasks end by themselves, so this finds something only where rows were changed by hand. */
export function stuckLoop(app: Compute): Loop {
  return {
    name: 'compute-stuck-servers',
    everyMs: 300_000,
    async run() {
      const servers = await listServers(app.db, { equal: { deletedAt: null }, orderBy: [['number', 'asc']] })
      for (const server of servers) {
        if (server.taskState === null && server.vmState !== 'building') continue
        if ((await app.tasks.running(subjectOf(server.id))).length > 0) continue
        const building = server.vmState === 'building' || server.taskState === 'deleting'
        const now = app.world.clock.now()
        const fault = {
          code: 500,
          message: 'What was under way with the server has ended without a result.',
          details: '',
          at: now,
        }
        await changeServer(app.db, server, {
          taskState: null,
          updatedAt: now,
          ...(building && { vmState: 'error' as const, fault }),
        })
        app.log.warn(
          { serverId: server.id, taskState: server.taskState },
          'a server without a task had a task state',
        )
      }
    },
  }
}
