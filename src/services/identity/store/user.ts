// SQL of users.
import type { Db } from '#kit/db/database.ts'
import { type User, user } from '../resources/user.ts'
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

export const insertUser = (db: Db, row: User) => user.insert(db, row)

export const updateUser = (db: Db, id: string, change: Partial<User>) => user.update(db, { id }, change)

export const deleteUsers = (db: Db, ids: readonly string[]) => user.delete(db, { id: [...ids] })

export const forgetDefaultProjects = (db: Db, projectIds: readonly string[]) =>
  user.update(db, { defaultProjectId: [...projectIds] }, { defaultProjectId: null })
