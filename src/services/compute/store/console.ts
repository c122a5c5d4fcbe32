// SQL of console tokens.
import type { Db, Transaction } from '#kit/db/database.ts'
import { type ConsoleToken, consoleToken } from '../resources/console.ts'

export const insertToken = (db: Db, row: ConsoleToken) => consoleToken.insert(db, row)

/** Gives the token's row once: whoever deletes it has it. */
export async function takeToken(tx: Transaction, hash: string): Promise<ConsoleToken | undefined> {
  const row = await consoleToken.get(tx, hash)
  return row && (await consoleToken.delete(tx, { hash })) > 0 ? row : undefined
}

export const deleteExpiredTokens = (db: Db, now: number) =>
  consoleToken.delete(db, (q) => q.where('expiresAt', '<', now))
export const deleteTokensOf = (db: Db, serverId: string) => consoleToken.delete(db, { serverId })
