// SQL of policies.
import type { Db } from '#kit/db/database.ts'
import { type Policy, policy } from '../resources/policy.ts'
import { defined } from './filter.ts'

export const findPolicy = (db: Db, id: string) => policy.get(db, id)

export const listPolicies = (db: Db, filter: { type?: string } = {}): Promise<Policy[]> =>
  policy.find(db, defined(filter), { orderBy: [['createdAt', 'asc']] })

export const insertPolicy = (db: Db, row: Policy) => policy.insert(db, row)

export const updatePolicy = (db: Db, id: string, change: Partial<Policy>) => policy.update(db, { id }, change)

export const deletePolicy = (db: Db, id: string) => policy.delete(db, { id })
