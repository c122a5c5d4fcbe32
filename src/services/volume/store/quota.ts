// SQL of quotas.
import type { Db } from '#kit/db/database.ts'
import { quota, quotaClass } from '../resources/quota.ts'

export const findQuotas = (db: Db, projectId: string) => quota.find(db, { projectId })
export const findClass = (db: Db, className: string) => quotaClass.find(db, { className })
export const deleteQuotas = (db: Db, projectId: string) => quota.delete(db, { projectId })

export async function setQuota(db: Db, projectId: string, resource: string, limit: number): Promise<void> {
  if (await quota.insertIfAbsent(db, { projectId, resource, limit })) return
  await quota.update(db, { projectId, resource }, { limit })
}

export async function setClass(db: Db, className: string, resource: string, limit: number): Promise<void> {
  if (await quotaClass.insertIfAbsent(db, { className, resource, limit })) return
  await quotaClass.update(db, { className, resource }, { limit })
}
