// SQL of join tokens.
import type { Db } from '#kit/db/database.ts'
import { type JoinToken, joinToken } from '../resources/join-token.ts'

export const insertToken = (db: Db, row: JoinToken) => joinToken.insert(db, row)
export const findToken = (db: Db, id: string) => joinToken.get(db, { id })
export const listTokens = (db: Db) => joinToken.find(db, {}, { orderBy: [['createdAt', 'asc']] })
export const deleteToken = (db: Db, id: string) => joinToken.delete(db, { id })
export const deleteTokensBefore = (db: Db, expiredBy: number) =>
  joinToken.delete(db, (q) => q.where('expiresAt', '<', expiredBy))

/** Takes it for this host's key; false where it is taken. One statement, so that one of two wins. */
export async function useToken(
  db: Db,
  id: string,
  use: { at: number; by: string; key: string },
): Promise<boolean> {
  const taken = await joinToken.update(
    db,
    { id, usedAt: null },
    { usedAt: use.at, usedBy: use.by, usedKey: use.key },
  )
  if (taken > 0) return true
  const row = await findToken(db, id)
  return row?.usedBy === use.by && row.usedKey === use.key
}
