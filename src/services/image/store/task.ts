// SQL of tasks as clients see them.
import type { Db } from '#kit/db/database.ts'
import { taskTable } from '#kit/task/store.ts'
import { type ImageTask, imageTask, importKind, type TaskStatus, type TaskType } from '../resources/task.ts'

export const insertTask = (db: Db, row: ImageTask) => imageTask.insert(db, row)
export const findTask = (db: Db, id: string) => imageTask.get(db, id)
export const updateTask = (db: Db, id: string, change: Partial<ImageTask>) =>
  imageTask.update(db, { id }, change)
export const tasksOfImage = (db: Db, imageId: string): Promise<ImageTask[]> =>
  imageTask.find(db, { imageId }, { orderBy: [['createdAt', 'desc']] })
export const deleteExpired = (db: Db, now: number) =>
  imageTask.delete(db, (q) => q.where('expiresAt', 'is not', null).where('expiresAt', '<=', now))

export type TaskFilter = {
  /** Undefined for all. */
  owner: string | undefined
  status: TaskStatus | undefined
  type: TaskType | undefined
  sort: 'createdAt' | 'updatedAt' | 'expiresAt' | 'status' | 'type' | 'id'
  direction: 'asc' | 'desc'
  after: ImageTask | undefined
  limit: number
}

export async function listTasks(db: Db, filter: TaskFilter): Promise<ImageTask[]> {
  const { sort, direction, after } = filter
  const beyond = direction === 'asc' ? '>' : '<'
  return imageTask.find(
    db,
    (start) => {
      let q = start
      if (filter.owner !== undefined) q = q.where('owner', '=', filter.owner)
      if (filter.status) q = q.where('status', '=', filter.status)
      if (filter.type) q = q.where('type', '=', filter.type)
      if (!after) return q
      const value = after[sort]
      if (value === null) return q.where('id', beyond, after.id)
      return q.where((e) =>
        e.or([e(sort, beyond, value), e.and([e(sort, '=', value), e('id', beyond, after.id)])]),
      )
    },
    {
      orderBy: [
        [sort, direction],
        ['id', direction],
      ],
      limit: filter.limit,
    },
  )
}

/** What imports under way keep in the staging store besides the images' own bytes. */
export async function stagedByTasks(db: Db): Promise<string[]> {
  const open = await taskTable.find(db, { kind: importKind, status: ['ready', 'waiting', 'undoing'] })
  return open.flatMap(({ state }) => [state.unpackedId, state.convertedId].map(String))
}
