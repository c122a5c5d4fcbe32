// What volume tells the world on the bus about a volume: Cinder's payload, which meters and dashboards read.
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { VolumeApp } from '../app.ts'
import { inMicroseconds } from '../resources/time.ts'
import type { Volume } from '../resources/volume.ts'

/** `event`: 'create.end'. Never holds up what it tells of: a bus that is away is logged. */
export async function notifyVolume(
  app: VolumeApp,
  trace: Trace,
  row: Volume,
  event: string,
  more: Record<string, unknown> = {},
): Promise<void> {
  try {
    await app.bus.notify(trace, {
      eventType: `volume.${event}`,
      publisherId: `volume.${row.host ?? app.world.host.name}`,
      priority: event.endsWith('.error') ? 'error' : 'info',
      payload: {
        tenant_id: row.projectId,
        user_id: row.userId,
        volume_id: row.id,
        display_name: row.name,
        volume_type: row.typeId,
        size: row.size,
        status: row.status,
        host: row.host,
        availability_zone: row.availabilityZone,
        created_at: inMicroseconds(row.createdAt),
        snapshot_id: null,
        ...more,
      },
    })
  } catch (error) {
    app.log.warn({ volumeId: row.id, event, error: fullMessage(error) }, 'a notification was not sent')
  }
}
