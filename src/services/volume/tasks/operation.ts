// One order to a volume host, asked again until the host has answered: the part that all tasks share.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { TaskHandle } from '#kit/task/task.ts'
import type { VolumeApp } from '../app.ts'
import { agentOf, subjectOf } from '../resources/volume.ts'
import { isUp } from '../resources/volume-service.ts'
import { findService } from '../store/volume-service.ts'

/** What a host says at the end of an operation. */
export type Outcome = { ok: boolean; error: string | null }

export const signalOf = (operationId: string) => `op:${operationId}`

/** An order that got no answer for so long is sent again; doing it twice is harmless. */
export const askAgainMs = 30_000

type Handle = Pick<TaskHandle<VolumeApp, unknown>, 'app' | 'trace' | 'signal'>

export const sendOptions = (t: Pick<Handle, 'trace'>, host: string, volumeId: string) => ({
  host: agentOf(host),
  trace: t.trace,
  subject: subjectOf(volumeId),
})

/** What the host said; undefined while it has said nothing. Throws its reason where it failed. */
export function outcomeOf(t: Handle, operationId: string): Outcome | undefined {
  const outcome = t.signal<Outcome>(signalOf(operationId))
  if (outcome && !outcome.ok)
    throw new CloudError('conflict', outcome.error ?? 'The volume host gave no reason.')
  return outcome
}

export async function hostIsUp(app: VolumeApp, host: string): Promise<boolean> {
  const service = await findService(app.db, 'cinder-volume', host)
  return service !== undefined && isUp(service, app.world.clock.now(), app.config.serviceDownTime)
}

/**
 * Has the host remove the volume, as an undo step: throws until the host has said so, so that it is tried again. A host
 * that is down is not waited for: when it comes back it removes what the cloud doesn't know.
 */
export async function removeFromHost(
  t: Handle,
  of: { host: string; volumeId: string; operationId: string },
): Promise<void> {
  const outcome = t.signal<Outcome>(signalOf(of.operationId))
  if (outcome?.ok) return
  if (!(await hostIsUp(t.app, of.host))) return
  await t.app.agent.delete(
    { volumeId: of.volumeId, operationId: of.operationId },
    sendOptions(t, of.host, of.volumeId),
  )
  throw new CloudError('unavailable', `Host ${of.host} has not yet removed the volume`)
}
