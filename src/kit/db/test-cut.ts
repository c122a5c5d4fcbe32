// A migration whose process ends in its midst, for tests of migrations. Only tests import this.
import type { Execute } from './database.ts'
import { kyselyOver } from './kysely.ts'
import type { Migration } from './migrate.ts'

/** The same, but for an end after so many statements that change something; whole where it has no more of them. */
export function cutAfter(statements: number, { id, up }: Migration): Migration {
  return {
    id,
    async up(tx) {
      let done = 0
      const execute: Execute = async (sql, values, rows) => {
        const outcome = await tx.execute(sql, values, rows)
        if (!/^\s*select\b/i.test(sql) && ++done === statements) throw new Error('The migration was cut off')
        return outcome
      }
      await up({ ...tx, execute, sql: kyselyOver(tx.dialect, execute) })
    },
  }
}
