// SQL of revocations and of the counter of writes.
import type { Db } from '#kit/db/database.ts'
import { epoch, type Revocation, revocation } from '../resources/revocation.ts'

export type Subject =
  | { userId: string }
  | { projectId: string }
  | { domainId: string }
  | { trustId: string }
  | { applicationCredentialId: string }
  | { auditId: string }

export const listRevocationsSince = (db: Db, revokedAt: number): Promise<Revocation[]> =>
  revocation.find(db, (q) => q.where('revokedAt', '>=', revokedAt))

export const latestRevocation = (db: Db, subject: Subject): Promise<Revocation | undefined> =>
  revocation.first(db, subject, { orderBy: [['issuedBefore', 'desc']] })

export const insertRevocation = (db: Db, row: Subject & Pick<Revocation, 'issuedBefore' | 'revokedAt'>) =>
  revocation.insertReturningId(db, row)

export const deleteRevocationsBefore = (db: Db, revokedAt: number) =>
  revocation.delete(db, (q) => q.where('revokedAt', '<', revokedAt))

const id = 'identity'

export async function readEpoch(db: Db): Promise<number> {
  return (await epoch.get(db, id))?.value ?? 0
}

export async function raiseEpoch(db: Db): Promise<void> {
  const value = await readEpoch(db)
  if ((await epoch.update(db, { id }, { value: value + 1 })) === 0) await epoch.insert(db, { id, value: 1 })
}
