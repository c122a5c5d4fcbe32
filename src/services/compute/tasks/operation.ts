// One order to a host, asked again until the host has answered: the part that all tasks share.
import { CloudError } from '#kit/errors/cloud-error.ts'
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

/**
 * Has the host destroy the server, as an undo step: throws until the host has said so, so that it is tried again. A
 * host that is down is not waited for: it looks at what it should have when it comes back, and this isn't among it.
 */
export async function destroyOnHost(
  app: Compute,
  t: TaskHandle<Compute, unknown>,
  of: { host: string; serverId: string; operationId: string },
): Promise<void> {
  const outcome = t.signal<Outcome>(signalOf(of.operationId))
  if (outcome?.ok) return
  if (!(await hostIsUp(app, of.host))) return
  await order(app, t, 'destroy', of)
  throw new CloudError('unavailable', `Host ${of.host} has not yet destroyed the server`)
}
