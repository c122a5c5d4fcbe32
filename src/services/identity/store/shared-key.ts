// SQL of the keys that several controllers share.
import type { Db } from '#kit/db/database.ts'
import { type SharedKey, sharedKey } from '../resources/shared-key.ts'

type Place = Pick<SharedKey, 'kind' | 'number'>

export const findSharedKey = (db: Db, place: Place): Promise<SharedKey | undefined> =>
  sharedKey.first(db, place)

export const listSharedKeys = (db: Db, kind: string): Promise<SharedKey[]> => sharedKey.find(db, { kind })

export const sharedKeyKinds = async (db: Db): Promise<string[]> => [
  ...new Set((await sharedKey.find(db)).map(({ kind }) => kind)),
]

/** False where there is one of this number. */
export const insertSharedKey = (db: Db, row: SharedKey): Promise<boolean> => sharedKey.insertIfAbsent(db, row)

export const deleteSharedKey = (db: Db, place: Place): Promise<number> => sharedKey.delete(db, place)
