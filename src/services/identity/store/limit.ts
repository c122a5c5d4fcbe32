// SQL of registered limits and of limits.
import type { Db } from '#kit/db/database.ts'
import { type Limit, limit, type RegisteredLimit, registeredLimit } from '../resources/limit.ts'
import { defined } from './filter.ts'

export type RegisteredLimitFilter = {
  id?: readonly string[]
  serviceId?: string
  regionId?: string
  resourceName?: string
}
export type LimitFilter = {
  registeredLimitId?: string | readonly string[]
  targetId?: string | readonly string[]
  isDomain?: boolean
}

const inOrder = {
  orderBy: [
    ['createdAt', 'asc'],
    ['id', 'asc'],
  ],
} as const

export const findRegisteredLimit = (db: Db, id: string) => registeredLimit.get(db, id)

export const listRegisteredLimits = (db: Db, filter: RegisteredLimitFilter): Promise<RegisteredLimit[]> =>
  registeredLimit.find(db, defined(filter), inOrder)

export const insertRegisteredLimits = (db: Db, rows: readonly RegisteredLimit[]) =>
  registeredLimit.insert(db, rows)

export const updateRegisteredLimit = (db: Db, id: string, change: Partial<RegisteredLimit>) =>
  registeredLimit.update(db, { id }, change)

export const deleteRegisteredLimits = (db: Db, ids: readonly string[]) =>
  registeredLimit.delete(db, { id: [...ids] })

export const findLimit = (db: Db, id: string) => limit.get(db, id)

export const listLimits = (db: Db, filter: LimitFilter): Promise<Limit[]> =>
  limit.find(db, defined(filter), inOrder)

export const insertLimits = (db: Db, rows: readonly Limit[]) => limit.insert(db, rows)

export const updateLimit = (db: Db, id: string, change: Partial<Limit>) => limit.update(db, { id }, change)

export const deleteLimit = (db: Db, id: string) => limit.delete(db, { id })

export const deleteLimitsOf = (db: Db, targetIds: readonly string[]) =>
  limit.delete(db, { targetId: [...targetIds] })

export const countLimitsOn = (db: Db, registeredLimitIds: readonly string[]) =>
  limit.count(db, { registeredLimitId: [...registeredLimitIds] })
