// Decisions about images: who sees which, what may change, and when one may go.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { ImageContext } from '../app.ts'
import { type Image, imageRules, imageTarget, type WholeImage } from '../resources/image.ts'
import * as store from '../store/image.ts'
import { isBeingRemoved } from '../store/location.ts'
import { findMember } from '../store/member.ts'
import { isAdmin } from './admin.ts'
import { applyLocations, planLocations } from './location-change.ts'
import { notify } from './notify.ts'
import { applyPatch, type PatchOperation } from './patch.ts'
import { requireProperties } from './property-protection.ts'
import { limitsOf, requireImageSlot } from './quota.ts'
import { removeDue, removeImage } from './removal.ts'
import { checkCounts, type ImageValues } from './values.ts'

export function noSuchImage(id: string): CloudError {
  return new CloudError('notFound', `No image found with ID ${id}`)
}

/** The image, where the caller may see it; to anybody else it isn't there. */
export async function visibleImage(
  context: ImageContext,
  id: string,
): Promise<{ image: WholeImage; target: Record<string, unknown> }> {
  const image = await store.findImage(context.app.db, id)
  if (!image) throw noSuchImage(id)
  const { projectId } = context.caller
  const member =
    projectId && image.visibility === 'shared' && image.owner !== projectId
      ? await findMember(context.app.db, id, projectId)
      : undefined
  const target = imageTarget(image, member?.memberId)
  if (!context.allows(imageRules.get, target)) throw noSuchImage(id)
  return { image, target }
}

export async function permittedImage(
  context: ImageContext,
  id: string,
  rule: PolicyRule,
): Promise<WholeImage> {
  const { image, target } = await visibleImage(context, id)
  context.authorize(rule, target)
  return image
}

export async function createImage(context: ImageContext, values: ImageValues): Promise<WholeImage> {
  const { db, world, config } = context.app
  const owner = values.owner === undefined ? (context.caller.projectId ?? null) : values.owner
  const visibility = values.visibility ?? 'shared'
  context.authorize(imageRules.add, { project_id: context.caller.projectId, owner })
  authorizeVisibility(context, visibility, imageTarget({ owner, visibility }))
  const now = world.clock.now()
  const row: WholeImage = {
    id: values.id ?? world.random.uuid(),
    name: values.name ?? null,
    status: 'queued',
    visibility,
    owner,
    containerFormat: values.containerFormat ?? null,
    diskFormat: values.diskFormat ?? null,
    size: null,
    virtualSize: null,
    checksum: null,
    osHashAlgo: null,
    osHashValue: null,
    minRam: values.minRam ?? 0,
    minDisk: values.minDisk ?? 0,
    protected: values.protected ?? false,
    osHidden: values.osHidden ?? false,
    importingToStores: null,
    failedImport: null,
    importTask: null,
    claimedBy: null,
    createdAt: now,
    updatedAt: now,
    properties: values.properties,
    tags: values.tags ?? [],
    locations: [],
  }
  checkCounts(row, config)
  requireProperties(context, {}, row.properties)
  const limits = await limitsOf(context)
  await db.transaction(async (tx) => {
    await requireImageSlot(context, tx, limits)
    if ((await store.findImage(tx, row.id)) || (await isBeingRemoved(tx, row.id)))
      throw new CloudError('conflict', `Image ID ${row.id} already exists!`)
    await store.insertImage(tx, row)
  })
  notify(context, 'image.create', row)
  return row
}

export async function updateImage(
  context: ImageContext,
  id: string,
  patch: PatchOperation[],
): Promise<WholeImage> {
  const { db, world } = context.app
  const seen = await permittedImage(context, id, imageRules.modify)
  const moved = await planLocations(context, seen, patch)
  const others = patch.filter(({ path }) => path[0] !== 'locations')
  const row = await db.transaction(async (tx) => {
    // Looked up again, inside: of two patches at once neither may undo the other.
    const before = await store.findImage(tx, id)
    if (!before) throw noSuchImage(id)
    const after = { ...applyPatch(context, before, others), updatedAt: world.clock.now() }
    if (after.visibility !== before.visibility)
      authorizeVisibility(context, after.visibility, imageTarget(before))
    if (after.owner !== before.owner && !isAdmin(context))
      throw new CloudError('forbidden', "Owner can't be updated by non admin.")
    refuseFormatChange(before, after)
    await store.updateImage(tx, id, undefined, clientsOwn(after))
    await store.replaceSides(tx, id, after.properties, after.tags)
    if (!moved) return after
    const change = await applyLocations(context.app, tx, before, seen, moved)
    await store.updateImage(tx, id, [before.status], change)
    return (await store.findImage(tx, id))!
  })
  if (moved) await removeDue(context.app)
  notify(context, 'image.update', row)
  return row
}

export async function deleteImage(context: ImageContext, id: string): Promise<void> {
  const image = await permittedImage(context, id, imageRules.delete)
  if (image.protected) throw new CloudError('forbidden', `Image ${id} is protected and cannot be deleted.`)
  await removeImage(context.app, image)
  notify(context, 'image.delete', image)
}

/** Deactivated images are kept, and downloaded by admins alone. */
export async function setActive(context: ImageContext, id: string, active: boolean): Promise<void> {
  const image = await permittedImage(context, id, active ? imageRules.reactivate : imageRules.deactivate)
  const [from, to] = active ? (['deactivated', 'active'] as const) : (['active', 'deactivated'] as const)
  if (image.status === to) return
  if (
    !(await store.updateImage(context.app.db, id, [from], {
      status: to,
      updatedAt: context.app.world.clock.now(),
    }))
  ) {
    throw new CloudError(
      'forbidden',
      `Not allowed to ${active ? 're' : 'de'}activate image in status '${image.status}'`,
    )
  }
}

export async function addTag(context: ImageContext, id: string, tag: string): Promise<void> {
  const { config, db } = context.app
  await permittedImage(context, id, imageRules.modify)
  if ([...tag].length > 255) throw new CloudError('badRequest', 'A tag has at most 255 characters.')
  await db.transaction(async (tx) => {
    const image = await store.findImage(tx, id)
    if (!image) throw noSuchImage(id)
    checkCounts({ properties: {}, tags: [...new Set([...image.tags, tag])] }, config, image)
    await store.addTag(tx, id, tag)
  })
}

export async function deleteTag(context: ImageContext, id: string, tag: string): Promise<void> {
  await permittedImage(context, id, imageRules.modify)
  if ((await store.deleteTag(context.app.db, id, tag)) === 0)
    throw new CloudError('notFound', 'The resource could not be found.')
}

function authorizeVisibility(
  context: ImageContext,
  wanted: ImageValues['visibility'],
  target: Record<string, unknown>,
): void {
  if (wanted === 'public') context.authorize(imageRules.publicize, target)
  if (wanted === 'community') context.authorize(imageRules.communitize, target)
}

/** Bytes that were inspected as one format must not be declared another afterwards. */
function refuseFormatChange(before: Image, after: Image): void {
  if (before.status === 'queued') return
  if (before.diskFormat !== after.diskFormat || before.containerFormat !== after.containerFormat) {
    throw new CloudError(
      'forbidden',
      `Attribute 'disk_format' or 'container_format' can't be changed once the image is ${before.status}.`,
    )
  }
}

/** What a client may change; the rest is what an upload or an import may be writing just now. */
function clientsOwn(image: Image): Partial<Image> {
  const { name, visibility, owner, containerFormat, diskFormat, minRam, minDisk, osHidden, updatedAt } = image
  return {
    ...{ name, visibility, owner, containerFormat, diskFormat, minRam, minDisk, osHidden, updatedAt },
    protected: image.protected,
  }
}
