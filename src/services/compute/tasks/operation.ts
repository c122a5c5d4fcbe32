// One order to a host, asked again until the host has answered: the part that all tasks share.
import type { TaskHandle } from '#kit/task/task.ts'
import type { Compute } from '../app.ts'
import { isUp } from '../resources/service.ts'
import { findService } from '../store/host.ts'
import { findServer } from '../store/server.ts'

/** What a host says at the end of an operation. */
export type Outcome = { ok: boolean; error: string | null; power: string | null }

export const signalOf = (operationId: string) => `op:${operationId}`

/** An order that got no answer for so long is sent again; the host does it once, by its id. */
export const askAgainMs = 30_000

type Order = 'build' | 'start' | 'stop' | 'pause' | 'unpause' | 'destroy'

export async function order(
  app: Compute,
  t: Pick<TaskHandle<Compute, unknown>, 'trace' | 'subject'>,
  kind: Order,
  of: { host: string; serverId: string; operationId: string },
): Promise<void> {
  const server = await findServer(app.db, of.serverId)
  const params = { serverId: of.serverId, operationId: of.operationId, generation: server?.generation ?? 0 }
  const options = { host: of.host, trace: t.trace, subject: t.subject }
  await (kind === 'build' ? app.builds.build(params, options) : app.hosts[kind](params, options))
}

export async function hostIsUp(app: Compute, host: string): Promise<boolean> {
  const service = await findService(app.db, host, 'nova-compute')
  return service !== undefined && isUp(service, app.world.clock.now(), app.config.serviceDownTime)
}
