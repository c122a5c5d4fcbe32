// The older calls about attachments, from before they had a resource of their own. They keep the same rows.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { VolumeContext } from '../app.ts'
import type { Attachment } from '../resources/attachment.ts'
import {
  requireStatus,
  type Volume,
  type VolumeAction,
  type VolumeStatus,
  volumeRules,
} from '../resources/volume.ts'
import * as store from '../store/attachment.ts'
import { changeVolume, findVolume } from '../store/volume.ts'
import { connectionOf, noAttachment, refuseTaking, settleStatus } from './attachment.ts'
import { changedMeanwhile } from './volume.ts'
import { loadVolume, noVolume } from './volume-load.ts'

async function move(
  context: VolumeContext,
  id: string,
  rule: PolicyRule,
  action: VolumeAction,
  words: string,
  status: VolumeStatus,
): Promise<void> {
  const row = await loadVolume(context, id, rule)
  requireStatus(row, action, words)
  const updatedAt = context.app.world.clock.now()
  if (!(await changeVolume(context.app.db, id, row.status, { status, updatedAt }))) throw changedMeanwhile(id)
}

export const reserve = (context: VolumeContext, id: string) =>
  move(context, id, volumeRules.reserve, 'reserve', 'reserve', 'attaching')
export const beginDetaching = (context: VolumeContext, id: string) =>
  move(context, id, volumeRules.beginDetaching, 'beginDetaching', 'begin detaching', 'detaching')
export const rollDetaching = (context: VolumeContext, id: string) =>
  move(context, id, volumeRules.rollDetaching, 'rollDetaching', 'roll detaching', 'in-use')

/** Back to what the volume's attachments say; nothing to do where it isn't reserved, as in Cinder. */
export async function unreserve(context: VolumeContext, id: string): Promise<void> {
  const row = await loadVolume(context, id, volumeRules.unreserve)
  if (row.status !== 'reserved' && row.status !== 'attaching') return
  await context.app.db.transaction((tx) => settleStatus(tx, context, id))
}

export type OldAttach = {
  instanceUuid?: string
  hostName?: string
  mountpoint: string
  mode?: 'rw' | 'ro'
}

export async function attach(context: VolumeContext, id: string, wish: OldAttach): Promise<void> {
  const { app } = context
  const row = await loadVolume(context, id, volumeRules.attach)
  if (wish.instanceUuid === undefined && wish.hostName === undefined)
    throw new CloudError(
      'badRequest',
      'Invalid request to attach volume to an invalid target: name a server or a host.',
    )
  requireAttachable(row)
  if (row.readOnly && wish.mode !== 'ro')
    throw new CloudError(
      'badRequest',
      `Invalid volume: Volume ${id} is read-only and can't be attached in mode rw.`,
    )
  const now = app.world.clock.now()
  const made: Attachment = {
    id: app.world.random.uuid(),
    volumeId: id,
    projectId: row.projectId,
    serverId: wish.instanceUuid ?? null,
    hostName: wish.hostName ?? null,
    mountpoint: wish.mountpoint,
    status: 'attached',
    mode: wish.mode ?? 'rw',
    connectionInfo: null,
    attachedAt: now,
    createdAt: now,
  }
  await app.db.transaction(async (tx) => {
    const present = await findVolume(tx, id)
    if (!present) throw noVolume(id)
    requireAttachable(present)
    await store.insertAttachment(tx, made)
    await settleStatus(tx, context, id)
  })
}

function requireAttachable(row: Volume): void {
  if (!row.multiattach || row.status !== 'in-use') requireStatus(row, 'attach', 'attach')
}

/** By force: whatever the status, and the volume is free after it. */
export async function detach(
  context: VolumeContext,
  id: string,
  attachmentId: string | null | undefined,
  force: boolean,
): Promise<void> {
  const row = await loadVolume(context, id, force ? volumeRules.forceDetach : volumeRules.detach)
  // Detached already: there is nothing to do, as in Cinder.
  if (row.status === 'available' && !attachmentId) return
  if (!force) requireStatus(row, 'detach', 'detach')
  await context.app.db.transaction(async (tx) => {
    const attachments = await store.attachmentsOf(tx, id)
    if (!attachmentId && attachments.length > 1)
      throw new CloudError(
        'badRequest',
        `Invalid volume: Volume ${id} has several attachments: name the one that ends.`,
      )
    const ends = attachmentId ? attachments.filter((each) => each.id === attachmentId) : attachments
    if (attachmentId && ends.length === 0) throw noAttachment(attachmentId)
    for (const each of ends) {
      // No host was ever told how to reach what was only noted here, so none can be cut off.
      if (each.connectionInfo !== null) refuseTaking(context, each)
      await store.deleteAttachment(tx, each.id)
    }
    await settleStatus(tx, context, id, force ? ['error', 'error_extending', 'maintenance'] : [])
  })
}

/** How the connector's host reaches the volume; nothing is noted, because such a caller attaches on its own. */
export async function initializeConnection(
  context: VolumeContext,
  id: string,
  connector: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const row: Volume = await loadVolume(context, id, volumeRules.connect)
  if (typeof connector.host !== 'string' || connector.host === '')
    throw new CloudError('badRequest', 'Invalid input received: the connector must name its host.')
  requireStatus(row, 'connect', 'be connected')
  const accessMode = row.readOnly ? 'ro' : 'rw'
  const { driver_volume_type, data } = await connectionOf(context, row, connector.host, accessMode)
  return { driver_volume_type, data }
}

/** Files need no end of a connection; whether the caller may is checked all the same. */
export async function terminateConnection(context: VolumeContext, id: string): Promise<void> {
  await loadVolume(context, id, volumeRules.disconnect)
}
