// The volumes of a server over its life: made where the mapping says so, reserved for the server, and let go of.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { VolumeBody } from '#services/volume/client.ts'
import type { Compute } from '../app.ts'
import type { BlockDevice } from '../resources/block-device.ts'
import { deleteDevice, devicesOf, updateDevice } from '../store/block-device.ts'
import { subjectOf } from './server-load.ts'

type Owner = { id: string; projectId: string }

/** True once each volume is there and reserved; false while one is still being made. */
export async function prepareVolumes(app: Compute, trace: Trace, server: Owner): Promise<boolean> {
  const { volume, serviceToken } = app.conductor
  const devices = (await devicesOf(app.db, server.id)).filter((each) => each.destination === 'volume')
  if (devices.length === 0) return true
  const token = await serviceToken(trace)
  const { projectId } = server
  let ready = true
  for (const each of devices) {
    if (each.attachmentId !== null) continue
    const volumeId = each.volumeId ?? (await makeVolume(app, trace, token, server, each)).id
    const body = await volume.getVolume(trace, token, projectId, volumeId)
    if (body.status === 'error')
      throw new CloudError(
        'conflict',
        `Build of instance ${server.id} aborted: Volume ${volumeId} did not finish being created: its status is error.`,
      )
    if (body.status === 'creating' || body.status === 'downloading') ready = false
    else await reserve(app, trace, token, server, each, volumeId)
  }
  return ready
}

/** Its name is how a step that runs again finds the volume that it made before. */
async function makeVolume(
  app: Compute,
  trace: Trace,
  token: string,
  server: Owner,
  device: BlockDevice,
): Promise<VolumeBody> {
  const { volume } = app.conductor
  const name = `${server.id}-${device.source}-vol-${device.id.slice(0, 8)}`
  const made =
    (await volume.findVolumeByName(trace, token, server.projectId, name)) ??
    (await volume.createVolume(
      trace,
      token,
      server.projectId,
      {
        name,
        size: device.sizeGb ?? 1,
        imageRef: device.imageId ?? undefined,
        snapshot_id: device.snapshotId ?? undefined,
        volume_type: device.volumeType ?? undefined,
      },
      subjectOf(server.id),
    ))
  await updateDevice(app.db, device.id, { volumeId: made.id, made: true })
  return made
}

export async function reserve(
  app: Compute,
  trace: Trace,
  token: string,
  server: Owner,
  device: BlockDevice,
  volumeId: string,
): Promise<void> {
  const { volume } = app.conductor
  const known = (await volume.listAttachments(trace, token, server.projectId, server.id)).find(
    (each) => each.volume_id === volumeId,
  )
  const attachment =
    known ??
    (await volume.createAttachment(
      trace,
      token,
      server.projectId,
      { volumeId, serverId: server.id },
      subjectOf(server.id),
    ))
  await updateDevice(app.db, device.id, { volumeId, attachmentId: attachment.id })
}

/** Gives up the reservations, so that another host may take the server. */
export async function unreserveVolumes(app: Compute, trace: Trace, server: Owner): Promise<void> {
  const devices = (await devicesOf(app.db, server.id)).filter((each) => each.destination === 'volume')
  if (devices.length === 0) return
  const { volume, serviceToken } = app.conductor
  const token = await serviceToken(trace)
  const known = await volume.listAttachments(trace, token, server.projectId, server.id)
  for (const each of known) await volume.deleteAttachment(trace, token, server.projectId, each.id)
  for (const each of devices) await updateDevice(app.db, each.id, { attachmentId: null, state: 'attaching' })
}

/** What was made for the server alone goes, whether or not it was to outlive the server: there was never a server. */
export async function undoVolumes(app: Compute, trace: Trace, server: Owner): Promise<void> {
  await unreserveVolumes(app, trace, server)
  await deleteVolumes(app, trace, server, (each) => each.made || each.volumeId === null)
  for (const each of await devicesOf(app.db, server.id)) {
    if (each.made) await updateDevice(app.db, each.id, { volumeId: null, made: false })
  }
}

/** At the end of the server: those that are to go with it. */
export async function releaseVolumes(app: Compute, trace: Trace, server: Owner): Promise<void> {
  await unreserveVolumes(app, trace, server)
  await deleteVolumes(app, trace, server, (each) => each.deleteOnTermination)
  for (const each of await devicesOf(app.db, server.id)) {
    if (each.destination === 'volume') await deleteDevice(app.db, each.id)
  }
}

async function deleteVolumes(
  app: Compute,
  trace: Trace,
  server: Owner,
  which: (device: BlockDevice) => boolean,
): Promise<void> {
  const devices = (await devicesOf(app.db, server.id)).filter(
    (each) => each.destination === 'volume' && which(each),
  )
  if (devices.length === 0) return
  const { volume, serviceToken } = app.conductor
  const token = await serviceToken(trace)
  for (const each of devices) {
    const name = `${server.id}-${each.source}-vol-${each.id.slice(0, 8)}`
    // A step that died between making the volume and noting it left it with its name alone.
    const id = each.volumeId ?? (await volume.findVolumeByName(trace, token, server.projectId, name))?.id
    if (id !== undefined) await volume.deleteVolume(trace, token, server.projectId, id)
  }
}
