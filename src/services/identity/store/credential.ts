// SQL of credentials.
import type { Db } from '#kit/db/database.ts'
import { credential, type SealedCredential } from '../resources/credential.ts'
import { defined } from './filter.ts'

export type CredentialFilter = {
  userId?: string | readonly string[]
  projectId?: readonly string[]
  type?: string
}

export const findCredential = (db: Db, id: string) => credential.get(db, id)

export const listCredentials = (db: Db, filter: CredentialFilter): Promise<SealedCredential[]> =>
  credential.find(db, defined(filter), {
    orderBy: [
      ['createdAt', 'asc'],
      ['id', 'asc'],
    ],
  })

export const insertCredential = (db: Db, row: SealedCredential) => credential.insert(db, row)

export const updateCredential = (db: Db, id: string, change: Partial<SealedCredential>) =>
  credential.update(db, { id }, change)

export const deleteCredential = (db: Db, id: string) => credential.delete(db, { id })

export const deleteCredentials = (db: Db, filter: CredentialFilter) => credential.delete(db, defined(filter))
