// SQL of proofs that were used.
import type { Db } from '#kit/db/database.ts'
import { spentProof } from '../resources/spent-proof.ts'

/** False where it was used before; of two at once one gets true. */
export const spendProof = (db: Db, id: string, until: number): Promise<boolean> =>
  spentProof.insertIfAbsent(db, { id, until })

export const isSpent = async (db: Db, id: string): Promise<boolean> =>
  (await spentProof.get(db, id)) !== undefined

export const deleteSpentProofs = (db: Db, until: number) =>
  spentProof.delete(db, (q) => q.where('until', '<=', until))
