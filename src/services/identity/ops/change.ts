// Every write of identity goes through here: one transaction, and whatever was remembered of its rows is forgotten.

import { isUniqueViolation } from '#kit/db/connection.ts'
import type { Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Identity } from '../app.ts'

/** `taken` says what is wrong when a name or id is there already. */
export async function change<T>(
  app: Pick<Identity, 'db' | 'knowledge'>,
  work: (tx: Transaction) => Promise<T>,
  taken?: string,
): Promise<T> {
  try {
    return await app.db.transaction(async (tx) => {
      const result = await work(tx)
      await app.knowledge.outdate(tx)
      return result
    })
  } catch (error) {
    if (isUniqueViolation(error))
      throw new CloudError('conflict', taken ?? 'Conflict occurred: it is there already.', { cause: error })
    throw error
  }
}

export function notFound(what: string, id: string): CloudError {
  return new CloudError('notFound', `Could not find ${what}: ${id}.`)
}

/** A loaded row, or 404. Called after the policy has had its say: who may not look learns nothing. */
export function found<T>(row: T | undefined, what: string, id: string): T {
  if (row === undefined) throw notFound(what, id)
  return row
}

/** Options given as null are taken away; those not named stay. */
export function mergeOptions(
  before: Record<string, unknown>,
  given: Record<string, unknown> | undefined,
): Record<string, unknown> {
  const merged = { ...before, ...given }
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null))
}

/** Refuses to change what is immutable, unless the change takes just that away. */
export function refuseImmutable(
  what: string,
  row: { id: string; options: Record<string, unknown> },
  given?: { options?: { immutable?: boolean | null } },
): void {
  if (row.options.immutable !== true) return
  const lifted = given?.options?.immutable === false || given?.options?.immutable === null
  if (lifted) return
  const verb = given ? 'update' : 'delete'
  throw new CloudError(
    'forbidden',
    `Cannot ${verb} the immutable ${what} ${row.id}. Set its option immutable to false first.`,
  )
}
