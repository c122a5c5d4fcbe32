// SQL of domains' own configuration.
import type { Db } from '#kit/db/database.ts'
import { type DomainOption, domainOption } from '../resources/domain-config.ts'
import { defined } from './filter.ts'

export type DomainOptionFilter = { domainId: string; section?: string; name?: string }

export const listDomainOptions = (db: Db, filter: DomainOptionFilter): Promise<DomainOption[]> =>
  domainOption.find(db, defined(filter), {
    orderBy: [
      ['section', 'asc'],
      ['name', 'asc'],
    ],
  })

export async function putDomainOption(db: Db, row: DomainOption): Promise<void> {
  const { sealedValue, ...key } = row
  if ((await domainOption.update(db, key, { sealedValue })) === 0) await domainOption.insert(db, row)
}

/** How many there were. */
export const deleteDomainOptions = (db: Db, filter: DomainOptionFilter) =>
  domainOption.delete(db, defined(filter))
