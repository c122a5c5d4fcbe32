// SQL of trusts.
import type { Db, Transaction } from '#kit/db/database.ts'
import { type Trust, trust } from '../resources/trust.ts'
import { defined } from './filter.ts'

export type TrustFilter = {
  trustorUserId?: string | readonly string[]
  trusteeUserId?: string | readonly string[]
  projectId?: readonly string[]
  redelegatedTrustId?: string | readonly string[]
}

export const findTrust = (db: Db, id: string) => trust.get(db, id)

export const listTrusts = (db: Db, filter: TrustFilter): Promise<Trust[]> =>
  trust.find(db, defined(filter), { orderBy: [['createdAt', 'asc']] })

export const insertTrust = (db: Db, row: Trust) => trust.insert(db, row)

export const deleteTrusts = (db: Db, ids: readonly string[]) => trust.delete(db, { id: [...ids] })

/** False where none is left: two logins at once must not both take the last one. */
export async function takeUse(tx: Transaction, id: string): Promise<boolean> {
  const remaining = (await trust.get(tx, id))?.remainingUses ?? 0
  return remaining > 0 && (await trust.update(tx, { id }, { remainingUses: remaining - 1 })) > 0
}
