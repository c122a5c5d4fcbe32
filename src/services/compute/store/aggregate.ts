// SQL of aggregates. There are few, and so they are read all together.
import type { Db } from '#kit/db/database.ts'
import { type Aggregate, aggregate } from '../resources/aggregate.ts'

export const listAggregates = (db: Db) => aggregate.find(db, {}, { orderBy: [['number', 'asc']] })
export const findAggregate = (db: Db, number: number) => aggregate.get(db, number)
export const insertAggregate = (db: Db, row: Omit<Aggregate, 'number'>) =>
  aggregate.insertReturningId(db, row)
export const updateAggregate = (db: Db, number: number, change: Partial<Aggregate>) =>
  aggregate.update(db, { number }, change)
export const deleteAggregate = (db: Db, number: number) => aggregate.delete(db, { number })
