// The table of image stores.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { ImageSource, ImageStoreOptions } from './driver.ts'

export {
  type ByteRange,
  type ImageSource,
  type ImageStore,
  type ImageStoreOptions,
  isWritable,
  type ReadAt,
  type StoredImage,
} from './driver.ts'

export const imageStoreKinds = ['file', 'http'] as const
export type ImageStoreKind = (typeof imageStoreKinds)[number]

const stores: Record<
  ImageStoreKind,
  () => Promise<(world: World, options: ImageStoreOptions) => Promise<ImageSource>>
> = {
  file: async () => (await import('./file/file.ts')).openFileStore,
  http: async () => (await import('./http/http.ts')).openHttpStore,
}

export async function loadImageStore(
  kind: string,
  world: World,
  options: ImageStoreOptions,
): Promise<ImageSource> {
  const load = stores[kind as ImageStoreKind]
  if (!load)
    throw new CloudError(
      'badRequest',
      `There is no image store '${kind}'; known: ${imageStoreKinds.join(', ')}.`,
    )
  return (await load())(world, options)
}
