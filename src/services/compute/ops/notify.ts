// What compute tells the world on the bus about a server: Nova's unversioned payload, which meters and dashboards read.
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { Compute } from '../app.ts'
import type { Server } from '../resources/server.ts'
import { instanceName } from '../resources/server-view.ts'
import { inMicroseconds, orNull } from '../resources/time.ts'

/** `event`: 'compute.instance.create.end'. Never holds up what it tells of: a bus that is away is logged. */
export async function notifyServer(
  app: Compute,
  trace: Trace,
  server: Server,
  event: string,
  more: Record<string, unknown> = {},
): Promise<void> {
  const { flavor } = server
  try {
    await app.bus.notify(trace, {
      eventType: event,
      publisherId: server.host === null ? 'api.nova' : `compute.${server.host}`,
      priority: event.endsWith('.error') ? 'error' : 'info',
      payload: {
        tenant_id: server.projectId,
        user_id: server.userId,
        instance_id: server.id,
        display_name: server.name,
        hostname: server.hostname,
        reservation_id: server.reservationId,
        instance_type: flavor.name,
        instance_flavor_id: flavor.id,
        architecture: null,
        memory_mb: flavor.memoryMb,
        vcpus: flavor.vcpus,
        root_gb: flavor.rootGb,
        ephemeral_gb: flavor.ephemeralGb,
        disk_gb: flavor.rootGb + flavor.ephemeralGb,
        host: server.host,
        node: server.node,
        availability_zone: server.availabilityZone,
        image_ref_url: server.imageId === null ? '' : `/images/${server.imageId}`,
        image_meta: server.imageId === null ? {} : { base_image_ref: server.imageId },
        metadata: server.metadata,
        state: server.vmState,
        state_description: server.taskState ?? '',
        created_at: inMicroseconds(server.createdAt),
        launched_at: orNull(inMicroseconds, server.launchedAt) ?? '',
        deleted_at: orNull(inMicroseconds, server.deletedAt) ?? '',
        terminated_at: orNull(inMicroseconds, server.terminatedAt) ?? '',
        instance_name: instanceName(server.number),
        fixed_ips: server.addresses.flatMap((each) =>
          each.ips.map((ip) => ({
            address: ip.address,
            version: ip.version,
            type: ip.type,
            label: each.network,
          })),
        ),
        ...more,
      },
    })
  } catch (error) {
    app.log.warn({ serverId: server.id, event, error: fullMessage(error) }, 'a notification was not sent')
  }
}
