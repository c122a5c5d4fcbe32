// Removes: bytes of images that are deleted and whose time of grace is over.
import type { Loop } from '#kit/loop/loop.ts'
import type { ImageApp } from '../app.ts'
import { removeDue } from '../ops/removal.ts'

export const removalLoop = (app: ImageApp): Loop => ({
  name: 'image-removal',
  everyMs: 60_000,
  async run() {
    await removeDue(app)
  },
})
