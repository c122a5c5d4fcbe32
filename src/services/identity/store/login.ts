// SQL of what a login leaves on the user's row. None of it is part of what a token means.
import type { Db } from '#kit/db/database.ts'
import { type User, user } from '../resources/user.ts'

/** False where somebody else has counted meanwhile. */
export async function countFailedLogin(
  db: Db,
  before: User,
  change: Pick<User, 'failedLogins' | 'lastFailedAt'>,
): Promise<boolean> {
  const { id, failedLogins, lastFailedAt } = before
  return (await user.update(db, { id, failedLogins, lastFailedAt }, change)) > 0
}

export const forgetFailedLogins = (db: Db, id: string) =>
  user.update(db, { id }, { failedLogins: 0, lastFailedAt: null })

export const noteActive = (db: Db, id: string, lastActiveAt: number) =>
  user.update(db, { id }, { lastActiveAt })

/** The same password hashed otherwise; not where another one was set meanwhile. */
export const replacePasswordHash = (db: Db, id: string, before: string, passwordHash: string) =>
  user.update(db, { id, passwordHash: before }, { passwordHash })
