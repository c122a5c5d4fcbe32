// Removes: queued images that are not cached yet, copies of images that are gone, and more copies than there is room for.
import type { ImageStore } from '#drivers/imagestore/load.ts'
import type { Loop } from '#kit/loop/loop.ts'
import type { ImageApp } from '../app.ts'
import { keepCache } from '../ops/cache.ts'

export const cacheLoop = (app: ImageApp, cache: ImageStore): Loop => ({
  name: 'image-cache',
  everyMs: app.config.cacheInterval,
  run: () => keepCache(app, cache),
})
