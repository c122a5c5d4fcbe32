// SQL of users.
import type { Db } from '#kit/db/database.ts'
import { type OldPassword, oldPassword, type User, user } from '../resources/user.ts'
import { defined } from './filter.ts'

export type UserFilter = { id?: readonly string[]; name?: string; domainId?: string; enabled?: boolean }

export const findUser = (db: Db, id: string) => user.get(db, id)

export const findUserByName = (db: Db, name: string, domainId: string) => user.first(db, { name, domainId })

export const listUsers = (db: Db, filter: UserFilter): Promise<User[]> =>
  user.find(db, defined(filter), {
    orderBy: [
      ['createdAt', 'asc'],
      ['id', 'asc'],
    ],
  })

/** What may be null may be left out. */
export const insertUser = (db: Db, row: Parameters<typeof user.insert>[1]) => user.insert(db, row)

export const updateUser = (db: Db, id: string, change: Partial<User>) => user.update(db, { id }, change)

export async function deleteUsers(db: Db, ids: readonly string[]): Promise<void> {
  await oldPassword.delete(db, { userId: [...ids] })
  await user.delete(db, { id: [...ids] })
}

export const forgetDefaultProjects = (db: Db, projectIds: readonly string[]) =>
  user.update(db, { defaultProjectId: [...projectIds] }, { defaultProjectId: null })

/** The newest first. */
export const listOldPasswords = (db: Db, userId: string, limit: number): Promise<OldPassword[]> =>
  oldPassword.find(db, { userId }, { orderBy: [['seq', 'desc']], limit })

export const insertOldPassword = (db: Db, row: Omit<OldPassword, 'seq'>) =>
  oldPassword.insertReturningId(db, row)

export async function pruneOldPasswords(db: Db, userId: string, kept: number): Promise<void> {
  const all = await oldPassword.find(db, { userId }, { orderBy: [['seq', 'desc']] })
  const gone = all.slice(kept).map((each) => each.seq)
  if (gone.length > 0) await oldPassword.delete(db, { seq: gone })
}
