// Volumes of servers that are there already.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ComputeContext } from '../app.ts'
import type { attachmentCreate, BlockDevice } from '../resources/block-device.ts'
import type { Server } from '../resources/server.ts'
import { serverRules } from '../resources/server-rule.ts'
import { devicesOf, findVolumeDevice, insertDevices, updateDevice, volumesOf } from '../store/block-device.ts'
import { serverVolumeAttach, serverVolumeDetach } from '../tasks/server-volume.ts'
import { recordAction } from './server-action.ts'
import { nextDevice } from './server-device.ts'
import { loadServer, requireState, requireUnlocked, subjectOf } from './server-load.ts'

export async function listVolumes(context: ComputeContext, id: string): Promise<BlockDevice[]> {
  const server = await loadServer(context, id, serverRules.volumeList)
  return (await volumesOf(context.app.db, [server.id])).get(server.id) ?? []
}

async function load(context: ComputeContext, id: string, volumeId: string, rule: keyof typeof serverRules) {
  const server = await loadServer(context, id, serverRules[rule])
  const device =
    volumeId.length > 36 ? undefined : await findVolumeDevice(context.app.db, server.id, volumeId)
  if (!device) throw new CloudError('notFound', `Instance ${id} is not attached to volume ${volumeId}`)
  return { server, device }
}

export async function showVolume(
  context: ComputeContext,
  id: string,
  volumeId: string,
): Promise<BlockDevice> {
  return (await load(context, id, volumeId, 'volumeShow')).device
}

type Wish = ReturnType<(typeof attachmentCreate)['parse']>

export async function attachVolume(context: ComputeContext, id: string, wish: Wish): Promise<BlockDevice> {
  const { app, caller, trace } = context
  const server = await loadServer(context, id, serverRules.volumeCreate)
  requireUnlocked(context, server)
  requireState(server, 'attachVolume', 'attach_volume')
  await requireUsable(context, server, wish.volumeId)
  const devices = await devicesOf(app.db, id)
  const taken = new Set(devices.map((each) => each.device))
  const device = wish.device ?? nextDevice(taken)
  if (taken.has(device)) throw new CloudError('conflict', `The supplied device path (${device}) is in use.`)
  // With the caller's own token: the reservation is the moment in which two attachments at once are told apart.
  const attachment = await app.api.volume
    .createAttachment(
      trace,
      caller.token,
      caller.projectId ?? server.projectId,
      { volumeId: wish.volumeId, serverId: id },
      subjectOf(id),
    )
    .catch((error: unknown) => {
      if (error instanceof CloudError && error.status < 500)
        throw new CloudError('badRequest', `Invalid volume: ${error.message}`, { cause: error })
      throw error
    })
  await requireReach(context, server, attachment.id)
  const row: BlockDevice = {
    id: app.world.random.uuid(),
    serverId: id,
    source: 'volume',
    destination: 'volume',
    bootIndex: null,
    device,
    imageId: null,
    snapshotId: null,
    volumeId: wish.volumeId,
    volumeType: null,
    sizeGb: null,
    guestFormat: null,
    deleteOnTermination: wish.deleteOnTermination ?? false,
    made: false,
    attachmentId: attachment.id,
    tag: wish.tag ?? null,
    state: 'attaching',
    createdAt: app.world.clock.now(),
  }
  await app.db.transaction(async (tx) => {
    await insertDevices(tx, [row])
    await recordAction(context, tx, server, 'attach_volume')
    await app.tasks.start(tx, serverVolumeAttach, taskOf(context, server, wish.volumeId))
  })
  return row
}

/** Back-ends whose volumes only guests of one host reach say so here, while the user listens. */
async function requireReach(context: ComputeContext, server: Server, attachmentId: string): Promise<void> {
  const { app, caller, trace } = context
  if (server.host === null) return
  const { volume } = app.api
  const projectId = caller.projectId ?? server.projectId
  try {
    await volume.connectAttachment(trace, caller.token, projectId, attachmentId, server.host)
  } catch (error) {
    await volume.deleteAttachment(trace, caller.token, projectId, attachmentId)
    if (error instanceof CloudError && error.status < 500)
      throw new CloudError('badRequest', `Invalid volume: ${error.message}`, { cause: error })
    throw error
  }
}

async function requireUsable(context: ComputeContext, server: Server, volumeId: string): Promise<void> {
  const { app, caller, trace } = context
  const volume = await app.api.volume.getVolume(
    trace,
    caller.token,
    caller.projectId ?? server.projectId,
    volumeId,
  )
  if (await findVolumeDevice(app.db, server.id, volumeId))
    throw new CloudError('badRequest', `Invalid volume: volume ${volumeId} already attached`)
  if (volume.status !== 'available' && !(volume.multiattach && volume.status === 'in-use'))
    throw new CloudError(
      'badRequest',
      `Invalid volume: volume ${volumeId} is in status ${volume.status}, and must be available`,
    )
}

export async function detachVolume(context: ComputeContext, id: string, volumeId: string): Promise<void> {
  const { app } = context
  const { server, device } = await load(context, id, volumeId, 'volumeDelete')
  requireUnlocked(context, server)
  requireState(server, 'detachVolume', 'detach_volume')
  if (device.bootIndex === 0)
    throw new CloudError('badRequest', `Unable to detach the root device volume of instance ${id}.`)
  if (device.state !== 'attached')
    throw new CloudError(
      'badRequest',
      `Invalid volume: Invalid input received: Invalid volume: volume ${volumeId} is ${device.state}`,
    )
  await app.db.transaction(async (tx) => {
    await updateDevice(tx, device.id, { state: 'detaching' })
    await recordAction(context, tx, server, 'detach_volume')
    await app.tasks.start(tx, serverVolumeDetach, taskOf(context, server, volumeId))
  })
}

function taskOf(context: ComputeContext, server: Server, volumeId: string) {
  const { world } = context.app
  return {
    subject: subjectOf(server.id),
    frame: {
      serverId: server.id,
      projectId: server.projectId,
      requestId: context.requestId,
      volumeId,
      operationId: world.random.uuid(),
      undoId: world.random.uuid(),
      since: world.clock.now(),
    },
    trace: context.trace,
  }
}

/** From 2.85 on: whether the volume goes with its server. Swapping one volume for another is not offered. */
export async function updateVolume(
  context: ComputeContext,
  id: string,
  volumeId: string,
  wish: { volumeId: string; device?: string | null; tag?: string; deleteOnTermination?: boolean },
): Promise<void> {
  const { device } = await load(context, id, volumeId, 'volumeUpdate')
  if (wish.volumeId !== volumeId)
    throw new CloudError(
      'badRequest',
      'Swapping a volume for another is not offered: the volumeId must be that of the path',
    )
  if ((wish.device && wish.device !== device.device) || (wish.tag !== undefined && wish.tag !== device.tag))
    throw new CloudError('badRequest', 'Only delete_on_termination of an attachment can be changed')
  if (wish.deleteOnTermination !== undefined)
    await updateDevice(context.app.db, device.id, { deleteOnTermination: wish.deleteOnTermination })
}
