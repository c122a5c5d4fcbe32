// Removes the condition: placement holds a claim for a server that is gone.
import type { Loop } from '#kit/loop/loop.ts'
import type { Compute } from '../app.ts'
import { listHypervisors } from '../store/host.ts'
import { findServers } from '../store/server.ts'

export function allocationLoop(app: Compute): Loop {
  return {
    name: 'compute-allocations',
    everyMs: 300_000,
    async run() {
      const { placement, serviceToken } = app.conductor
      const trace = app.journal.newTrace()
      for (const host of await listHypervisors(app.db)) {
        if (host.toldPlacement === null) continue
        const token = await serviceToken(trace)
        const consumers = await placement.consumers(trace, token, host.id)
        const alive = new Set((await findServers(app.db, consumers)).map((each) => each.id))
        for (const id of consumers.filter((each) => !alive.has(each))) {
          await placement.release(trace, token, id, `server:${id}`)
          app.log.warn({ serverId: id, host: host.host }, 'a claim without a server was released')
        }
      }
    },
  }
}
