// Locations by themselves: what services add and ask for, and what an operator takes out of a store.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { ImageContext } from '../app.ts'
import { imageRules, imageTarget, type WholeImage } from '../resources/image.ts'
import { locationRules } from '../resources/location.ts'
import { findImage, updateImage } from '../store/image.ts'
import { locationView } from './content-view.ts'
import { permittedImage, visibleImage } from './image.ts'
import { applyLocations, type LocationPlan, type NewLocation, planAdd } from './location-change.ts'
import { notify } from './notify.ts'
import { moveToRemoval, removeDue } from './removal.ts'
import { severalStores } from './store.ts'

/** Takes the image out of one of its stores; the last one is kept. */
export async function deleteFromStore(context: ImageContext, storeId: string, id: string): Promise<void> {
  const { app } = context
  severalStores(app)
  const { image, target } = await visibleImage(context, id)
  context.authorize(imageRules.modify, target)
  context.authorize(locationRules.delete, target)
  if (!app.stores.list.some((each) => each.id === storeId))
    throw new CloudError('conflict', `The selected store ${storeId} is not available on this node.`)
  if (image.status !== 'active')
    throw new CloudError('conflict', `Image ${id} is ${image.status}, and not active`)
  const inStore = image.locations.filter((each) => each.store === storeId && each.url === null)
  if (inStore.length === 0) throw new CloudError('notFound', `Image ${id} is not in store ${storeId}`)
  if (image.locations.length === inStore.length)
    throw new CloudError('forbidden', `Store ${storeId} is the only one that has image ${id}`)
  await app.db.transaction((tx) => moveToRemoval(app, tx, id, storeId))
  await removeDue(app)
}

/** Gives an image that has no bytes yet a place where they lie. */
export async function addImageLocation(
  context: ImageContext,
  id: string,
  given: Pick<NewLocation, 'url' | 'validation_data'>,
): Promise<Record<string, unknown>> {
  const { app } = context
  const image = await imageFor(context, id, locationRules.add)
  if (image.status !== 'queued')
    throw new CloudError(
      'conflict',
      `Only images with status queued can be given a location; it is ${image.status}`,
    )
  const plan: LocationPlan = { add: [], describe: [], remove: [], change: {} }
  await planAdd(app, image, plan, { metadata: {}, ...given })
  const [added] = await app.db.transaction(async (tx) => {
    const before = await findImage(tx, id)
    if (!before) throw new CloudError('notFound', `No image found with ID ${id}`)
    const change = await applyLocations(app, tx, before, image, plan)
    await updateImage(tx, id, ['queued'], { ...change, updatedAt: app.world.clock.now() })
    return (await findImage(tx, id))!.locations
  })
  notify(context, 'image.upload', { ...image, ...plan.change })
  return locationView(app, added!)
}

/** For services, which read the bytes where they lie. */
export async function listLocations(context: ImageContext, id: string): Promise<Record<string, unknown>[]> {
  const image = await imageFor(context, id, locationRules.fetch)
  return image.locations.map((each) => locationView(context.app, each))
}

/** Services come for images of every project, which their own doesn't see. */
async function imageFor(context: ImageContext, id: string, rule: PolicyRule): Promise<WholeImage> {
  const image = await findImage(context.app.db, id)
  return image && context.allows(rule, imageTarget(image)) ? image : permittedImage(context, id, rule)
}
