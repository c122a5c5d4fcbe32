// A guest's power changed without an order: shut down from within, killed, or started by its host (rows 87, 107).
import type { ReportedPower } from '#contracts/compute.ts'
import type { Compute } from '../app.ts'
import type { Server } from '../resources/server.ts'
import { changeServer, findServer } from '../store/server.ts'

type Change = { host: string; serverId: string; power: ReportedPower; at: number; reason: string }

const meaning: Partial<Record<ReportedPower, Pick<Server, 'vmState' | 'powerState' | 'desiredPower'>>> = {
  running: { vmState: 'active', powerState: 1, desiredPower: 'running' },
  paused: { vmState: 'paused', powerState: 3, desiredPower: 'paused' },
  shutdown: { vmState: 'stopped', powerState: 4, desiredPower: 'stopped' },
  crashed: { vmState: 'stopped', powerState: 6, desiredPower: 'stopped' },
}

export async function takePower(app: Compute, change: Change): Promise<void> {
  const server = await findServer(app.db, change.serverId)
  if (!server || server.host !== change.host) return
  // Under an order the order's own end tells the state; in other states power says nothing of them.
  if (server.taskState !== null || !['active', 'stopped', 'paused'].includes(server.vmState)) return
  const next = meaning[change.power]
  // An absent guest is the agent's to bring back: it is still wanted.
  if (!next || (server.vmState === next.vmState && server.powerState === next.powerState)) return
  // Word of before the last change came late.
  if (change.at < (server.launchedAt ?? 0)) return
  await changeServer(app.db, server, { ...next, updatedAt: app.world.clock.now() })
  app.log.debug(
    { serverId: server.id, power: change.power, reason: change.reason },
    "a server's power changed by itself",
  )
}
