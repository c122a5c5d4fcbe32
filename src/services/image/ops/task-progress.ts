// Where a task stands, as clients see it.
import type { Db } from '#kit/db/database.ts'
import type { ImageApp } from '../app.ts'
import type { ImageTask, TaskStatus } from '../resources/task.ts'
import * as store from '../store/task.ts'

export async function moveTask(
  app: ImageApp,
  db: Db,
  id: string,
  status: TaskStatus,
  more: Partial<Pick<ImageTask, 'message' | 'result'>> = {},
): Promise<void> {
  const now = app.world.clock.now()
  const over = status === 'success' || status === 'failure'
  const expiresAt = over ? now + app.config.taskKeep : null
  await store.updateTask(db, id, { status, ...more, expiresAt, updatedAt: now })
}
