// Removes the conditions: our own roles look dead, console tokens outlive their time, shown addresses differ from the
// network service's, and a server has a task state without a task.
import type { Loop } from '#kit/loop/loop.ts'
import type { Compute } from '../app.ts'
import { keepAddresses } from '../ops/server-address.ts'
import { subjectOf } from '../ops/server-load.ts'
import { reportService } from '../ops/service.ts'
import type { Server } from '../resources/server.ts'
import type { Binary } from '../resources/service.ts'
import { deleteExpiredTokens } from '../store/console.ts'
import { changeServer, listServers, serversUnderWay } from '../store/server.ts'

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
      let below: number | undefined
      do {
        const servers = await listServers(app.db, {
          equal: { deletedAt: null, taskState: null },
          orderBy: [['number', 'desc']],
          limit: lookedAtAtOnce,
          below,
        })
        await keepAddressesOf(
          app,
          servers.filter((each) => each.addresses.length > 0),
        )
        below = servers.length === lookedAtAtOnce ? servers.at(-1)!.number : undefined
      } while (below !== undefined)
    },
  }
}

/** Between pages requests have their turn, however many servers there are. */
const lookedAtAtOnce = 100

async function keepAddressesOf(app: Compute, servers: readonly Server[]): Promise<void> {
  if (servers.length === 0) return
  const { network, serviceToken } = app.conductor
  const trace = app.journal.newTrace()
  const token = await serviceToken(trace)
  const ports = await network.listPorts(trace, token, { device_id: servers.map((each) => each.id) })
  const floating =
    ports.length === 0
      ? []
      : await network.listFloatingIps(trace, token, { port_id: ports.map((each) => each.id) })
  const byDevice = Map.groupBy(ports, (port) => port.device_id)
  for (const server of servers) await keepAddresses(app, server, byDevice.get(server.id) ?? [], floating)
}

/** Tasks end by themselves, so this finds something only where rows were changed by hand. */
export function stuckLoop(app: Compute): Loop {
  return {
    name: 'compute-stuck-servers',
    everyMs: 300_000,
    async run() {
      for (const server of await serversUnderWay(app.db)) {
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
