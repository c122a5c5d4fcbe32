// What a host is told of its servers.
import type { ServerOrder } from '#contracts/compute.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { Compute } from '../app.ts'
import { devicesOf, volumesOf } from '../store/block-device.ts'
import { findServer, serversOfHost } from '../store/server.ts'
import { subjectOf } from './server-load.ts'
import { readZones } from './zone.ts'

/** Null where the server is gone or belongs to another host. */
export async function orderOf(
  app: Compute,
  trace: Trace,
  host: string,
  serverId: string,
): Promise<ServerOrder | null> {
  const journal = app.journal.as('nova-conductor')
  const subject = subjectOf(serverId)
  const server = await journal.span(trace, { kind: 'db', name: 'server.lookup', subject }, () =>
    findServer(app.db, serverId),
  )
  if (!server || server.host !== host) return null
  return journal.span(trace, { kind: 'db', name: 'server.read', subject }, async () => {
    const devices = await devicesOf(app.db, serverId)
    const { name: flavorName, ...flavor } = server.flavor
    return {
      id: server.id,
      number: server.number,
      generation: server.generation,
      name: server.name,
      hostname: server.hostname,
      projectId: server.projectId,
      userId: server.userId,
      flavor: { ...flavor, name: flavorName },
      imageId: server.imageId,
      desiredPower: server.desiredPower,
      configDrive: server.configDrive,
      volumes: devices.flatMap((each) =>
        each.volumeId === null || each.attachmentId === null || each.state === 'detaching'
          ? []
          : [
              {
                volumeId: each.volumeId,
                attachmentId: each.attachmentId,
                device: each.device,
                bootIndex: each.bootIndex,
              },
            ],
      ),
      portIds: server.addresses.map((each) => each.portId),
      availabilityZone: (await readZones(app.db, app.config)).ofHost(host),
      createdAt: server.createdAt,
    }
  })
}

/** Those being deleted are left out, so that a host that was away destroys them. */
export async function wantedOfHost(app: Compute, host: string) {
  const servers = (await serversOfHost(app.db, host)).filter(
    (each) => each.taskState !== 'deleting' && !(each.vmState === 'error' && each.launchedAt === null),
  )
  const volumes = await volumesOf(
    app.db,
    servers.map(({ id }) => id),
  )
  return servers.map(({ id, generation, desiredPower, vmState, addresses }) => ({
    id,
    generation,
    desiredPower,
    building: vmState === 'building',
    portIds: addresses.map((each) => each.portId),
    volumes: (volumes.get(id) ?? []).map(({ volumeId, attachmentId, state }) => ({
      volumeId: volumeId!,
      settled: state === 'attached' && attachmentId !== null,
    })),
  }))
}
