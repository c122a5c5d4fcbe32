// What the conductor role answers on the bus: hosts have no database and ask here (row 83).
import type { conductor } from '#contracts/compute.ts'
import type { Handlers } from '#kit/bus/bus.ts'
import type { Compute } from '../app.ts'
import { authorizeConsole } from '../ops/console.ts'
import { takeHostReport } from '../ops/host-report.ts'
import { takePower } from '../ops/power-sync.ts'
import { subjectOf } from '../ops/server-load.ts'
import { orderOf, wantedOfHost } from '../ops/server-order.ts'
import { findServer } from '../store/server.ts'
import { signalOf } from '../tasks/operation.ts'
import { metadataHandlers } from './metadata-get.ts'

export function conductorHandlers(app: Compute): Handlers<typeof conductor.methods> {
  return {
    ...metadataHandlers(app),

    serverGet: async ({ host, serverId }, { trace }) => ({
      server: await orderOf(app, trace, host, serverId),
    }),

    hostServers: async ({ host }) => ({ servers: await wantedOfHost(app, host) }),

    async orderWanted({ serverId, operationId }) {
      const running = await app.tasks.running(subjectOf(serverId))
      return { wanted: running.some(({ state }) => Object.values(state as object).includes(operationId)) }
    },

    async operationDone({ host, serverId, operationId, ok, error, power }) {
      const subject = subjectOf(serverId)
      const server = await findServer(app.db, serverId)
      if (server && server.host !== host)
        app.log.debug(
          { serverId, host, now: server.host },
          'a host that the server has left ended an operation',
        )
      let accepted = false
      for (const each of await app.tasks.running(subject)) {
        const heard = await app.tasks.signal(subject, each.kind, signalOf(operationId), { ok, error, power })
        accepted ||= heard
      }
      return { accepted }
    },

    async powerChanged(change) {
      await takePower(app, change)
      return undefined
    },

    async hostReport(report) {
      await takeHostReport(app, report)
      return { accepted: true }
    },

    consoleAuthorize: async ({ token }, { trace }) => ({
      console: await authorizeConsole(app, trace, token),
    }),
  }
}
