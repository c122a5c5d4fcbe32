// Removes: a router that no L3 agent serves, or whose agent is dead or can't reach its networks while another lives that can.
import { agentTypes } from '#contracts/network-agent.ts'
import type { Loop } from '#kit/loop/loop.ts'
import type { NetworkApp } from '../app.ts'
import { isAlive } from '../ops/alive.ts'
import { perform } from '../ops/change.ts'
import { scheduleRouter } from '../ops/router-schedule.ts'
import { listAgents, routerBindingsOfAgents, routersWithoutAgent } from '../store/agent.ts'
import { findRouter, unboundRouters } from '../store/router.ts'

export function routerScheduling(app: NetworkApp): Loop {
  return {
    name: 'router-schedule',
    everyMs: 10_000,
    async run() {
      const dead = (await listAgents(app.db, agentTypes.l3.agentType)).filter((each) => !isAlive(app, each))
      const stranded = await routerBindingsOfAgents(
        app.db,
        dead.map((each) => each.id),
      )
      const waiting = await routersWithoutAgent(app.db)
      const unbound = await unboundRouters(app.db)
      for (const id of new Set([...waiting, ...stranded.map((each) => each.routerId), ...unbound]))
        await schedule(app, id)
    },
  }
}

const schedule = (app: NetworkApp, routerId: string) =>
  perform({ app, trace: app.journal.newTrace() }, async (work) => {
    const row = await findRouter(work.tx, routerId)
    if (row) await scheduleRouter(work, row)
  })
