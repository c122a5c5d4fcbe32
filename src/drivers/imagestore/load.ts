// The table of image stores.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { ImageStore, ImageStoreOptions } from './driver.ts'

export type { ByteRange, ImageStore, ImageStoreOptions, ReadAt, StoredImage } from './driver.ts'

const stores: Record<
  string,
  () => Promise<(world: World, options: ImageStoreOptions) => Promise<ImageStore>>
> = {
  file: async () => (await import('./file/file.ts')).openFileStore,
}

export async function loadImageStore(
  name: string,
  world: World,
  options: ImageStoreOptions,
): Promise<ImageStore> {
  const load = stores[name]
  if (!load)
    throw new CloudError(
      'badRequest',
      `There is no image store '${name}'; known: ${Object.keys(stores).join(', ')}.`,
    )
  return (await load())(world, options)
}
