// SQL of roles and of which implies which.
import type { Db } from '#kit/db/database.ts'
import { type Implication, implication, type Role, role } from '../resources/role.ts'
import { defined } from './filter.ts'

export type RoleFilter = { id?: readonly string[]; name?: string; domainId?: string }

export const findRole = (db: Db, id: string) => role.get(db, id)

export const listRoles = (db: Db, filter: RoleFilter = {}): Promise<Role[]> =>
  role.find(db, defined(filter), {
    orderBy: [
      ['createdAt', 'asc'],
      ['id', 'asc'],
    ],
  })

export const insertRole = (db: Db, row: Role) => role.insert(db, row)

export const updateRole = (db: Db, id: string, change: Partial<Role>) => role.update(db, { id }, change)

export async function deleteRole(db: Db, id: string): Promise<void> {
  await implication.delete(db, { priorRoleId: id })
  await implication.delete(db, { impliedRoleId: id })
  await role.delete(db, { id })
}

export const listImplications = (db: Db): Promise<Implication[]> => implication.find(db)

/** No error when it is there. */
export const insertImplication = (db: Db, row: Implication) => implication.insertIfAbsent(db, row)

export const deleteImplication = (db: Db, row: Implication) => implication.delete(db, row)
