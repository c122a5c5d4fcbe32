// SQL of OAuth 1 consumers.
import type { Db } from '#kit/db/database.ts'
import { type Consumer, consumer } from '../resources/consumer.ts'

export const findConsumer = (db: Db, id: string) => consumer.get(db, id)

export const listConsumers = (db: Db): Promise<Consumer[]> =>
  consumer.find(
    db,
    {},
    {
      orderBy: [
        ['createdAt', 'asc'],
        ['id', 'asc'],
      ],
    },
  )

export const insertConsumer = (db: Db, row: Consumer) => consumer.insert(db, row)

export const updateConsumer = (db: Db, id: string, change: Partial<Consumer>) =>
  consumer.update(db, { id }, change)

export const deleteConsumer = (db: Db, id: string) => consumer.delete(db, { id })
