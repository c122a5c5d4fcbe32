// Decides what a new volume is: its size, its type, its image, its zone; and starts making it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ImageFacts } from '#services/image/client.ts'
import type { VolumeContext } from '../app.ts'
import { isUuid, readBool, readSize } from '../resources/schema.ts'
import { subjectOf, type Volume, volumeRules } from '../resources/volume.ts'
import type { VolumeCreate } from '../resources/volume-body.ts'
import type { VolumeType } from '../resources/volume-type.ts'
import { insertVolume } from '../store/volume.ts'
import { findType } from '../store/volume-type.ts'
import { type CreateFrame, volumeCreate } from '../tasks/volume-create.ts'
import { notifyVolume } from './notify.ts'
import { checkQuota } from './quota.ts'
import { loadVolume } from './volume-load.ts'
import { noTypeNamed, typeForVolume } from './volume-type.ts'

const gib = 2 ** 30

export async function createVolume(context: VolumeContext, wish: VolumeCreate): Promise<Volume> {
  const { app, caller, trace } = context
  const projectId = caller.projectId ?? ''
  context.authorize(volumeRules.create, { project_id: projectId })
  await refuseOtherSources(context, wish)
  const imageId = wish.imageRef || wish.imageId || null
  if (imageId !== null) context.authorize(volumeRules.createFromImage, { project_id: projectId })
  const size = readSize(wish.size)
  const image = imageId === null ? undefined : await usableImage(context, imageId, size)
  const type = await typeForVolume(context, wish.volumeType ?? undefined)
  const multiattach = multiattachOf(context, wish, type)
  const zone = wish.availabilityZone ?? app.config.availabilityZone
  if (zone !== app.config.availabilityZone)
    throw new CloudError('badRequest', `Availability zone '${zone}' is invalid.`)
  const now = app.world.clock.now()
  const row: Omit<Volume, 'number'> = {
    id: app.world.random.uuid(),
    projectId,
    userId: caller.userId,
    name: (wish.name ?? wish.displayName ?? null)?.trim() ?? null,
    description: (wish.description ?? wish.displayDescription ?? null)?.trim() ?? null,
    size,
    growsTo: null,
    status: 'creating',
    host: null,
    typeId: type.id,
    availabilityZone: zone,
    bootable: image !== undefined,
    multiattach,
    readOnly: false,
    metadata: wish.metadata ?? {},
    imageMetadata: image ? imageMetadata(image) : null,
    migrationStatus: null,
    updatedAt: null,
    createdAt: now,
  }
  const frame: CreateFrame = {
    volumeId: row.id,
    imageId: image?.id ?? null,
    operationId: app.world.random.uuid(),
    removalId: app.world.random.uuid(),
    host: null,
    since: now,
  }
  const number = await app.db.transaction(async (tx) => {
    await checkQuota(tx, app.config, projectId, { volumes: 1, gigabytes: size, size, type: type.name })
    // A type that was deleted meanwhile must not stay behind in a volume.
    if (!(await findType(tx, type.id))) throw noTypeNamed(type.name)
    const made = await insertVolume(tx, row)
    await app.tasks.start(tx, volumeCreate, { subject: subjectOf(row.id), frame, trace })
    return made
  })
  context.journal.record(trace, { kind: 'db', name: 'volume.insert', subject: subjectOf(row.id) })
  await notifyVolume(app, trace, { ...row, number }, 'create.start')
  return { ...row, number }
}

/** Snapshots, copies, groups and backups don't exist here, so none can be the source of a volume. */
async function refuseOtherSources(context: VolumeContext, wish: VolumeCreate): Promise<void> {
  const missing = [
    ['snapshot', wish.snapshotId],
    ['volume', wish.sourceVolid],
    ['consistency group', wish.consistencygroupId],
    ['group', wish.groupId],
    ['backup', wish.backupId],
  ].find(([, id]) => id)
  if (!missing) return
  const [what, id] = missing
  if (what === 'volume') {
    if (isUuid(id!)) await loadVolume(context, id!, volumeRules.show)
    throw new CloudError(
      'badRequest',
      `Invalid input received: volumes can't be made from volumes here (${id}).`,
    )
  }
  throw new CloudError('notFound', `${what![0]!.toUpperCase()}${what!.slice(1)} ${id} could not be found.`)
}

async function usableImage(context: VolumeContext, id: string, size: number): Promise<ImageFacts> {
  const { app, caller, trace } = context
  let image: ImageFacts
  try {
    image = await app.images.getImage(trace, caller.token, id)
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'notFound') throw error
    throw new CloudError('badRequest', `Invalid image identifier or unable to access requested image.`, {
      cause: error,
    })
  }
  const invalid = (why: string) => new CloudError('badRequest', `Invalid input received: ${why}`)
  if (image.status !== 'active') throw invalid(`Image ${id} is not active.`)
  const needed = Math.ceil((image.size ?? 0) / gib)
  if (size < needed)
    throw invalid(`Size of specified image ${needed}GB is larger than volume size ${size}GB.`)
  if (size < image.minDisk)
    throw invalid(`Volume size ${size}GB cannot be smaller than the image minDisk size ${image.minDisk}GB.`)
  return image
}

/** Kept with the volume, so that a server that boots from it knows what the image would have said. */
function imageMetadata(image: ImageFacts): Record<string, string> {
  return {
    ...image.properties,
    image_id: image.id,
    image_name: image.name ?? '',
    container_format: image.containerFormat ?? '',
    disk_format: image.diskFormat ?? '',
    min_disk: String(image.minDisk),
    min_ram: String(image.minRam),
    size: String(image.size ?? 0),
  }
}

function multiattachOf(context: VolumeContext, wish: VolumeCreate, type: VolumeType): boolean {
  const byType = /^<is>\s*true$/i.test(type.extraSpecs.multiattach ?? '')
  if (readBool(wish.multiattach) && !byType)
    throw new CloudError(
      'badRequest',
      'Invalid input received: multiattach comes with the volume type: use one whose extra specs allow it.',
    )
  if (byType) context.authorize(volumeRules.multiattach, { project_id: context.caller.projectId })
  return byType
}
