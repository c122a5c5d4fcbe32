// SQL of application credentials and their access rules.
import type { Db } from '#kit/db/database.ts'
import {
  type AccessRule,
  type ApplicationCredential,
  accessRule,
  applicationCredential,
} from '../resources/application-credential.ts'
import { defined } from './filter.ts'

export type ApplicationCredentialFilter = {
  id?: string
  userId?: string | readonly string[]
  projectId?: readonly string[]
  name?: string
}

export const findApplicationCredential = (db: Db, id: string) => applicationCredential.get(db, id)

export const listApplicationCredentials = (
  db: Db,
  filter: ApplicationCredentialFilter,
): Promise<ApplicationCredential[]> =>
  applicationCredential.find(db, defined(filter), { orderBy: [['createdAt', 'asc']] })

export const insertApplicationCredential = (db: Db, row: ApplicationCredential) =>
  applicationCredential.insert(db, row)

export const deleteApplicationCredentials = (db: Db, filter: ApplicationCredentialFilter) =>
  applicationCredential.delete(db, defined(filter))

export const listAccessRules = (db: Db, userId: string): Promise<AccessRule[]> =>
  accessRule.find(db, { userId }, { orderBy: [['createdAt', 'asc']] })

export const insertAccessRules = async (db: Db, rows: readonly AccessRule[]) => {
  if (rows.length > 0) await accessRule.insert(db, rows)
}

export const deleteAccessRule = (db: Db, id: string) => accessRule.delete(db, { id })

export const deleteAccessRulesOf = (db: Db, userIds: readonly string[]) =>
  accessRule.delete(db, { userId: [...userIds] })
