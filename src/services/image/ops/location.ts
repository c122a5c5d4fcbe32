// Locations by themselves: what services add and ask for, and what an operator takes out of a store.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ImageContext } from '../app.ts'
import { imageRules } from '../resources/image.ts'
import { locationRules } from '../resources/location.ts'
import { visibleImage } from './image.ts'
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
