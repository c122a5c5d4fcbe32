// Removes: tasks that have ended and were shown long enough.
import type { Loop } from '#kit/loop/loop.ts'
import type { ImageApp } from '../app.ts'
import { deleteExpired } from '../store/task.ts'

export const expiryLoop = ({ db, world }: ImageApp): Loop => ({
  name: 'image-task-expiry',
  everyMs: 600_000,
  async run() {
    await deleteExpired(db, world.clock.now())
  },
})
