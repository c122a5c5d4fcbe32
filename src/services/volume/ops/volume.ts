// What is decided about a volume that exists: to show it, change it, enlarge it or delete it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { VolumeContext } from '../app.ts'
import { readSize } from '../resources/schema.ts'
import { requireStatus, subjectOf, type Volume, volumeRules } from '../resources/volume.ts'
import type { VolumeUpdate } from '../resources/volume-body.ts'
import { attachmentsOf, deleteAttachmentsOf } from '../store/attachment.ts'
import { changeVolume, findVolume, updateVolume } from '../store/volume.ts'
import { findType } from '../store/volume-type.ts'
import { volumeDelete } from '../tasks/volume-delete.ts'
import { volumeExtend } from '../tasks/volume-extend.ts'
import { requireRoom } from './host.ts'
import { notifyVolume } from './notify.ts'
import { checkQuota } from './quota.ts'
import { loadVolume, noVolume } from './volume-load.ts'

export async function updateVolumeBy(
  context: VolumeContext,
  id: string,
  wish: VolumeUpdate,
): Promise<Volume> {
  const row = await loadVolume(context, id, volumeRules.update)
  if (Object.keys(wish).length === 0 && (context.version ?? 0) >= 3053)
    throw new CloudError(
      'badRequest',
      'At least one of name, description, display_name, display_description and metadata is needed.',
    )
  const name = wish.name === undefined ? wish.displayName : wish.name
  const description = wish.description === undefined ? wish.displayDescription : wish.description
  return change(context, row, {
    ...(name !== undefined && { name: name?.trim() ?? null }),
    ...(description !== undefined && { description: description?.trim() ?? null }),
    ...(wish.metadata && { metadata: wish.metadata }),
  })
}

async function change(context: VolumeContext, row: Volume, to: Partial<Volume>): Promise<Volume> {
  const { db, world } = context.app
  const updatedAt = world.clock.now()
  if ((await updateVolume(db, row.id, { ...to, updatedAt })) === 0) throw noVolume(row.id)
  await notifyVolume(context.app, context.trace, { ...row, ...to, updatedAt }, 'update.end')
  return { ...row, ...to, updatedAt }
}

export async function showMetadata(context: VolumeContext, id: string): Promise<Record<string, string>> {
  return (await loadVolume(context, id, volumeRules.metadata)).metadata
}

/** The volume's own, or what it has of its image. Read and written in one transaction, so that two at once lose nothing. */
export async function editMetadata(
  context: VolumeContext,
  id: string,
  of: 'metadata' | 'imageMetadata',
  rule: PolicyRule,
  edit: (now: Record<string, string>) => Record<string, string>,
): Promise<Record<string, string>> {
  await loadVolume(context, id, rule)
  const { db, world } = context.app
  return db.transaction(async (tx) => {
    const row = await findVolume(tx, id)
    if (!row) throw noVolume(id)
    const values = edit(row[of] ?? {})
    await updateVolume(tx, id, { [of]: values, updatedAt: world.clock.now() })
    return values
  })
}

export function needKey(metadata: Record<string, string>, key: string): string {
  const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined
  if (value === undefined) throw new CloudError('notFound', `Metadata item was not found: ${key}`)
  return value
}

/** `force`: whatever its status, and what holds it is forgotten. */
export async function deleteVolumeBy(
  context: VolumeContext,
  id: string,
  rule: PolicyRule,
  force: boolean,
): Promise<void> {
  const { app, trace } = context
  const row = await loadVolume(context, id, rule)
  // A volume that is being deleted goes on being deleted.
  if (row.status === 'deleting') return
  if (!force) requireStatus(row, 'delete', 'be deleted')
  if (!force && (await attachmentsOf(app.db, id)).length > 0)
    throw new CloudError(
      'badRequest',
      `Invalid volume: Volume ${id} is attached to a server and can't be deleted.`,
    )
  await app.db.transaction(async (tx) => {
    const to = { status: 'deleting', updatedAt: app.world.clock.now() } as const
    if (!(await changeVolume(tx, id, row.status, to))) throw changedMeanwhile(id)
    const frame = { volumeId: id, operationId: app.world.random.uuid() }
    await app.tasks.start(tx, volumeDelete, { subject: subjectOf(id), frame, trace })
  })
  await notifyVolume(app, trace, { ...row, status: 'deleting' }, 'delete.start')
}

export const changedMeanwhile = (id: string) =>
  new CloudError('badRequest', `Invalid volume: Volume ${id} changed its status just now; look at it again.`)

export async function extendVolume(
  context: VolumeContext,
  id: string,
  newSize: number | string,
): Promise<void> {
  const { app, trace } = context
  const row = await loadVolume(context, id, volumeRules.extend)
  const size = readSize(newSize)
  requireStatus(row, 'extend', 'extend')
  if (size <= row.size)
    throw new CloudError(
      'badRequest',
      `Invalid input received: New size for extend must be greater than current size. (current: ${row.size}, extended: ${size}).`,
    )
  await app.db.transaction(async (tx) => {
    const type = (await findType(tx, row.typeId))?.name ?? ''
    await checkQuota(tx, app.config, row.projectId, { volumes: 0, gigabytes: size - row.size, size, type })
    await requireRoom(tx, app, row.host, size - row.size)
    const to = { status: 'extending', growsTo: size, updatedAt: app.world.clock.now() } as const
    if (!(await changeVolume(tx, id, row.status, to))) throw changedMeanwhile(id)
    const frame = {
      volumeId: id,
      size,
      sizeBefore: row.size,
      before: row.status,
      operationId: app.world.random.uuid(),
      since: app.world.clock.now(),
    }
    await app.tasks.start(tx, volumeExtend, { subject: subjectOf(id), frame, trace })
  })
  await notifyVolume(app, trace, row, 'resize.start')
}

const settable = new Set(
  'creating available deleting error error_deleting attaching detaching reserved in-use maintenance'.split(
    ' ',
  ),
)

/** By an administrator, where the cloud's notion of a volume and the world have parted. */
export async function resetStatus(
  context: VolumeContext,
  id: string,
  wish: { status?: string; attachStatus?: string; migrationStatus?: string | null },
): Promise<void> {
  const row = await loadVolume(context, id, volumeRules.resetStatus)
  const { status, attachStatus, migrationStatus } = wish
  if (status === undefined && attachStatus === undefined && migrationStatus === undefined)
    throw new CloudError(
      'badRequest',
      "Must specify 'status', 'attach_status' or 'migration_status' for update.",
    )
  if (status !== undefined && !settable.has(status.toLowerCase()))
    throw new CloudError('badRequest', `Must specify a valid status, and '${status}' is none.`)
  if (attachStatus !== undefined && !['attached', 'detached'].includes(attachStatus.toLowerCase()))
    throw new CloudError('badRequest', `Must specify a valid attach_status, and '${attachStatus}' is none.`)
  if (attachStatus?.toLowerCase() === 'detached') await deleteAttachmentsOf(context.app.db, id)
  await change(context, row, {
    ...(status !== undefined && { status: status.toLowerCase() as Volume['status'] }),
    ...(migrationStatus !== undefined && {
      migrationStatus: migrationStatus === 'none' ? null : migrationStatus,
    }),
  })
}

export async function setBootable(context: VolumeContext, id: string, bootable: boolean): Promise<void> {
  await change(context, await loadVolume(context, id, volumeRules.update), { bootable })
}

export async function setReadOnly(context: VolumeContext, id: string, readOnly: boolean): Promise<void> {
  const row = await loadVolume(context, id, volumeRules.readOnly)
  if (row.status !== 'available')
    throw new CloudError(
      'badRequest',
      `Invalid volume: Volume ${id} status must be available to update readonly flag, but the current status is ${row.status}.`,
    )
  await change(context, row, { readOnly })
}
