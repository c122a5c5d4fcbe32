// SQL of quotas.
import type { Db } from '#kit/db/database.ts'
import { quota } from '../resources/quota.ts'

export const quotasOf = (db: Db, projectId: string) => quota.find(db, { projectId })
export const allQuotas = (db: Db) => quota.find(db, {}, { orderBy: [['projectId', 'asc']] })
export const deleteQuotas = (db: Db, projectId: string) => quota.delete(db, { projectId })

export async function setQuota(db: Db, projectId: string, resource: string, limit: number): Promise<void> {
  if (!(await quota.insertIfAbsent(db, { projectId, resource, limit })))
    await quota.update(db, { projectId, resource }, { limit })
}
