// Images that lie on web servers and are read from there; nothing is ever written. A ref is a URL.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { ImageSource, ImageStoreOptions } from '../driver.ts'

export async function openHttpStore(_world: World, { download }: ImageStoreOptions): Promise<ImageSource> {
  if (!download) throw new CloudError('internal', 'The http store needs rules for whom it may ask')
  return {
    kind: 'http',
    properties: {},
    async get(ref, range) {
      return (await download.open(ref, { range })).stream
    },
    async info(ref) {
      const sizeBytes = await download.size(ref)
      return sizeBytes === undefined ? undefined : { id: ref, sizeBytes }
    },
  }
}
