// Tasks as clients see them: begun, ended, listed.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { ImageContext } from '../app.ts'
import {
  type ImageTask,
  type TaskStatus,
  type TaskType,
  taskRules,
  taskStatuses,
  taskTypes,
} from '../resources/task.ts'
import * as store from '../store/task.ts'
import { visibleImage } from './image.ts'
import { defaultPage, readLimit } from './page.ts'

/** In the transaction of what it is about. */
export async function recordTask(
  context: ImageContext,
  tx: Db,
  given: Pick<ImageTask, 'id' | 'type' | 'imageId' | 'owner' | 'input'>,
): Promise<ImageTask> {
  const now = context.app.world.clock.now()
  const row: ImageTask = {
    ...given,
    status: 'pending',
    requestId: context.requestId,
    userId: context.caller.userId,
    result: null,
    message: '',
    expiresAt: null,
    createdAt: now,
    updatedAt: now,
  }
  await store.insertTask(tx, row)
  return row
}

export async function listImageTasks(context: ImageContext, imageId: string): Promise<ImageTask[]> {
  await visibleImage(context, imageId)
  return store.tasksOfImage(context.app.db, imageId)
}

export async function showTask(context: ImageContext, id: string): Promise<ImageTask> {
  context.authorize(taskRules.access, {})
  context.authorize(taskRules.get, {})
  const task = await store.findTask(context.app.db, id)
  if (!task) throw new CloudError('notFound', `Task ${id} could not be found.`)
  return task
}

const sortColumns = {
  created_at: 'createdAt',
  updated_at: 'updatedAt',
  expires_at: 'expiresAt',
  status: 'status',
  type: 'type',
  id: 'id',
} as const

export async function listTasks(
  context: ImageContext,
  query: Query,
): Promise<{ tasks: ImageTask[]; next: string | undefined }> {
  context.authorize(taskRules.access, {})
  context.authorize(taskRules.list, {})
  const { db } = context.app
  const limit = readLimit(query.get('limit'), defaultPage)
  if (limit === 0) return { tasks: [], next: undefined }
  const marker = query.get('marker')
  const after = marker === undefined ? undefined : await store.findTask(db, marker)
  if (marker !== undefined && !after) throw new CloudError('notFound', `Task ${marker} could not be found.`)
  const tasks = await store.listTasks(db, {
    owner: query.get('owner'),
    status: oneOf(taskStatuses, query.get('status'), 'status') as TaskStatus | undefined,
    type: oneOf(taskTypes, query.get('type'), 'type') as TaskType | undefined,
    sort: sortColumns[
      (oneOf(Object.keys(sortColumns), query.get('sort_key'), 'sort key') ??
        'created_at') as keyof typeof sortColumns
    ],
    direction: (oneOf(['asc', 'desc'], query.get('sort_dir'), 'sort direction') ?? 'desc') as 'asc' | 'desc',
    after,
    limit: limit + 1,
  })
  const page = tasks.slice(0, limit)
  return { tasks: page, next: tasks.length > limit ? page.at(-1)!.id : undefined }
}

function oneOf(words: readonly string[], given: string | undefined, what: string): string | undefined {
  if (given === undefined || words.includes(given)) return given
  throw new CloudError('badRequest', `Invalid ${what} value: ${given}`)
}
