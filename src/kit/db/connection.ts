// What open.ts needs of a database's connections; sqlite.ts, postgres.ts and mysql.ts provide it.
import { CloudError } from '../errors/cloud-error.ts'
import type { DialectName, Execute, SqlValue } from './database.ts'
import { dialects, type Trouble } from './dialects.ts'
import type { Turns } from './turn.ts'

export type Connection = {
  readonly execute: Execute
  begin(): Promise<void>
  commit(): Promise<void>
  /** Of what was committed last: resolves when it survives a power cut. Absent where `commit` waits for that. */
  readonly flushed?: (() => Promise<void>) | undefined
  rollback(): Promise<void>
}

export type Pool = {
  /** One statement, on its own. */
  readonly execute: Execute
  /** For one user at a time until released; `patient` where a statement may take as long as it likes. */
  acquire(options?: { patient?: boolean }): Promise<Connection>
  /** `broken` where it may not be used again. */
  release(connection: Connection, broken?: boolean): void
  /** For each transaction, where several run at a time. */
  readonly turns?: Turns
  /** Between two tries: milliseconds of whoever is waited for, which is a server's own time or the World's. */
  pause(ms: number): Promise<void>
  close(): Promise<void>
}

/** Refuses what a driver would turn into something surprising: an object, a date, a hole. */
export function checkValues(values: readonly unknown[]): SqlValue[] {
  for (const value of values) {
    const type = typeof value
    const fits =
      type === 'string' ||
      type === 'number' ||
      type === 'boolean' ||
      type === 'bigint' ||
      value === null ||
      value instanceof Uint8Array
    if (!fits) throw new TypeError(`A value of type ${type} can't be bound in SQL; encode it first`)
    // PostgreSQL takes it not even in a condition, which no row could meet.
    if (type === 'string' && (value as string).includes('\0'))
      throw new CloudError('badRequest', 'Text must not hold the character NUL.')
  }
  return values as SqlValue[]
}

const words: Record<Trouble, { kind: 'badRequest' | 'conflict' | 'unavailable'; message: string }> = {
  unique: { kind: 'conflict', message: 'A record with the same identity already exists.' },
  foreign: {
    kind: 'conflict',
    message: 'The record is in use by another, or refers to one that does not exist.',
  },
  range: { kind: 'badRequest', message: 'A number is too large.' },
  again: { kind: 'unavailable', message: 'The database is busy; try again.' },
  lost: { kind: 'unavailable', message: 'The database can not be reached; try again.' },
  refused: { kind: 'unavailable', message: 'The database does not let this account in.' },
  absent: { kind: 'unavailable', message: 'The database does not exist.' },
  storage: { kind: 'unavailable', message: 'The database can not be read or written: is its disk full?' },
}

/**
 * The driver's error in our words, with `type` `db.unique`, `db.foreign`, `db.range`, `db.again`, `db.lost`,
 * `db.refused`, `db.absent` or `db.storage`. Others stay as they are: bugs.
 */
export function translate(dialect: DialectName, thrown: unknown): unknown {
  const trouble = thrown instanceof CloudError ? undefined : dialects[dialect].troubleOf(thrown as object)
  if (!trouble) return thrown
  const { kind, message } = words[trouble]
  return new CloudError(kind, message, { type: `db.${trouble}`, cause: thrown })
}

export function isTrouble(thrown: unknown, trouble: Trouble): boolean {
  return thrown instanceof CloudError && thrown.type === `db.${trouble}`
}

/** True where an insert or update met a row with the same unique values. */
export function isUniqueViolation(thrown: unknown): boolean {
  return isTrouble(thrown, 'unique')
}
