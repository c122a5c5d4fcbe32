// A migration on a database that commits at each DDL statement, so that no transaction undoes what was cut off half-way:
// how far it came is written down, and it goes on from there.
import { CloudError } from '../errors/cloud-error.ts'
import type { Database, Db, Execute, Outcome, Transaction } from './database.ts'
import { dialects } from './dialects.ts'
import { kyselyOver } from './kysely.ts'
import { c, table } from './table.ts'

/** `begun` is the number, from 1, of the newest DDL statement that was begun; all before that one was done. */
export const schemaMigrationStep = table('schema_migration_step', { id: c.text(100), begun: c.int() })

const isRead = /^\s*(select|show|explain)\b/i
const isDdl = /^\s*(create|alter|drop|rename|truncate)\b/i
const nothing: Outcome = { rows: [], changes: 0, insertId: undefined }

/**
 * Runs `up` in place of a transaction, on one connection without one. Its DDL statements have to be the same, in the same order,
 * whatever the tables hold. What it changes in rows between two of them is done together with the note of the second.
 * False, and nothing done, where `up` says so first.
 */
export async function runStepwise(
  db: Database,
  id: string,
  up: (tx: Transaction) => Promise<boolean>,
): Promise<boolean> {
  const { begin, isDone } = dialects[db.dialect].stepwise!
  return db.session(async (session) => {
    const say = async (text: string) => void (await session.execute(text, []))
    const known = await schemaMigrationStep.get(session, id)
    const resumed = known?.begun ?? 0
    let begun = 0

    const runDdl: Execute = async (sql, values, rows) => {
      begun++
      if (begun < resumed) return nothing
      if (begun > resumed) {
        if (begun === 1) await schemaMigrationStep.insert(session, { id, begun })
        else await schemaMigrationStep.update(session, { id }, { begun })
        await say('commit')
      }
      let outcome = nothing
      try {
        outcome = await session.execute(sql, values, rows)
      } catch (error) {
        // Cut off before it was known that it was done.
        if (begun !== resumed || !isDone(error as object)) throw error
      }
      await say(begin)
      return outcome
    }
    const execute: Execute = async (sql, values, rows) => {
      if (isDdl.test(sql)) return runDdl(sql, values, rows)
      return isRead.test(sql) || begun >= resumed ? session.execute(sql, values, rows) : nothing
    }
    const afterwards: (() => void)[] = []
    const tx = transactionOver(session, execute, afterwards)
    await say(begin)
    try {
      const done = await up(tx)
      if (begun < resumed)
        throw new CloudError('internal', `Migration ${id} was begun by a program that had it otherwise.`)
      await schemaMigrationStep.delete(session, { id })
      await say('commit')
      for (const action of afterwards) action()
      return done
    } catch (error) {
      await say('rollback').catch(() => {
        // The connection is gone, and its transaction with it.
      })
      throw error
    }
  })
}

function transactionOver({ dialect }: Db, execute: Execute, afterwards: (() => void)[]): Transaction {
  return {
    inTransaction: true,
    dialect,
    execute,
    sql: kyselyOver(dialect, execute),
    afterCommit: (action) => void afterwards.push(action),
  }
}
