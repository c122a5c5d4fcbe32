// SQL of key pairs.
import type { Db } from '#kit/db/database.ts'
import { type Keypair, keypair } from '../resources/keypair.ts'

export const findKeypair = (db: Db, userId: string, name: string) => keypair.first(db, { userId, name })
export const countKeypairs = (db: Db, userId: string) => keypair.count(db, { userId })
export const insertKeypair = (db: Db, row: Omit<Keypair, 'number'>) => keypair.insertReturningId(db, row)
export const deleteKeypair = (db: Db, userId: string, name: string) => keypair.delete(db, { userId, name })

export function listKeypairs(
  db: Db,
  userId: string,
  limit: number,
  after: string | undefined,
): Promise<Keypair[]> {
  return keypair.find(
    db,
    (q) =>
      after === undefined
        ? q.where('userId', '=', userId)
        : q.where('userId', '=', userId).where('name', '>', after),
    { orderBy: [['name', 'asc']], limit },
  )
}
