// SQL of quotas, and of what is used of them.
import type { Db } from '#kit/db/database.ts'
import { type Limited, quota, quotaClass } from '../resources/quota.ts'
import { server } from '../resources/server.ts'

export const findQuotas = (db: Db, projectId: string, userIds: readonly string[]) =>
  quota.find(db, { projectId, userId: userIds })
export const findClass = (db: Db, className: string) => quotaClass.find(db, { className })

export async function setQuota(db: Db, projectId: string, userId: string, resource: Limited, limit: number) {
  if (await quota.insertIfAbsent(db, { projectId, userId, resource, limit })) return
  await quota.update(db, { projectId, userId, resource }, { limit })
}

export async function setClass(db: Db, className: string, resource: Limited, limit: number) {
  if (await quotaClass.insertIfAbsent(db, { className, resource, limit })) return
  await quotaClass.update(db, { className, resource }, { limit })
}

/** Without a user: all of the project's, those of its users too. */
export const deleteQuotas = (db: Db, projectId: string, userId: string | undefined) =>
  quota.delete(db, userId === undefined ? { projectId } : { projectId, userId })

export type Used = { instances: number; cores: number; ram: number }

export async function usedBy(db: Db, projectId: string, userId: string | undefined): Promise<Used> {
  const { projectId: project, userId: user, deletedAt, vcpus, memoryMb } = server.columns
  let query = db.sql
    .selectFrom(server.name)
    .select((e) => [
      e.fn.countAll().as('instances'),
      e.fn.sum(vcpus.databaseName).as('cores'),
      e.fn.sum(memoryMb.databaseName).as('ram'),
    ])
    .where(project.databaseName, '=', projectId)
    .where(deletedAt.databaseName, 'is', null)
  if (userId !== undefined) query = query.where(user.databaseName, '=', userId)
  const row = await query.executeTakeFirstOrThrow()
  return { instances: Number(row.instances), cores: Number(row.cores ?? 0), ram: Number(row.ram ?? 0) }
}
