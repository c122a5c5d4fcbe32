// Saves the whole cloud and puts it back, one after another, with a line in the journal for each.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { SimulationApp, SimulationContext } from '../app.ts'
import type { Snapshot } from '../resources/snapshot.ts'
import { endAllFaults } from './fault.ts'

export const listSnapshots = ({ around }: SimulationApp) => around.snapshots.list()

export async function showSnapshot(app: SimulationApp, name: string): Promise<Snapshot> {
  const found = (await listSnapshots(app)).find((each) => each.name === name)
  if (!found) throw new CloudError('notFound', `There is no snapshot '${name}'.`)
  return found
}

export function saveSnapshot(
  context: SimulationContext,
  { name, description = '' }: { name: string; description?: string },
): Promise<Snapshot> {
  const { app } = context
  return app.turn(async () => {
    const saved = await app.around.snapshots.save({ name, description })
    record(context, 'snapshot.save', saved)
    return saved
  })
}

export function restoreSnapshot(context: SimulationContext, name: string): Promise<Snapshot> {
  const { app } = context
  return app.turn(async () => {
    await showSnapshot(app, name)
    await endAllFaults(app, 'snapshot')
    const restored = await app.around.snapshots.restore(name)
    // Into the journal that came back: what it held since the snapshot is gone with the rest.
    record(context, 'snapshot.restore', restored)
    return restored
  })
}

export function deleteSnapshot(context: SimulationContext, name: string): Promise<void> {
  const { app } = context
  return app.turn(async () => {
    const snapshot = await showSnapshot(app, name)
    await app.around.snapshots.delete(name)
    record(context, 'snapshot.delete', snapshot)
  })
}

function record({ app, trace, caller }: SimulationContext, name: string, snapshot: Snapshot): void {
  const { sizeBytes, tookMs } = snapshot
  app.journal.record(trace, {
    kind: 'decision',
    name,
    subject: `snapshot:${snapshot.name}`,
    userId: caller.userId,
    data: { size_bytes: sizeBytes, took_ms: Math.round(tookMs) },
  })
}
