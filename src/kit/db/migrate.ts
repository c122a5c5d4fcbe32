// Brings a database to the form that the program expects, one migration after the other, each at most once, however
// many processes start together.
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'
import { createTable } from './create.ts'
import type { Database, Transaction } from './database.ts'
import { dialects } from './dialects.ts'
import { runStepwise, schemaMigrationStep } from './stepwise.ts'
import { c, table } from './table.ts'

/** `id` is its place and its name, `0001-first`; it never changes once released. `up` uses `ddl(tx)` and SQL. */
export type Migration = { readonly id: string; up(tx: Transaction): Promise<void> }

const schemaMigration = table(
  'schema_migration',
  { id: c.text(100), appliedAt: c.time() },
  { primaryKey: ['id'] },
)

/** Another process may be at it; a migration of a large table takes long. */
const lockSeconds = 600

/**
 * Returns the ids that it applied. Each runs in a transaction with its own mark, so that it's done or not done; on MariaDB,
 * which commits at each DDL statement, one that was cut off goes on where it was (stepwise.ts).
 */
export async function migrate(
  world: World,
  db: Database,
  migrations: readonly Migration[],
): Promise<string[]> {
  checkOrder(migrations)
  const lock = dialects[db.dialect].lock
  if (!lock) return apply(world, db, migrations)
  return db.session(async (session) => {
    const [row] = (await session.execute(lock.take(lockSeconds), [])).rows as { taken: unknown }[]
    if (Number(row!.taken) !== 1)
      throw new CloudError('unavailable', 'Another process is still migrating the database.')
    try {
      return await apply(world, db, migrations)
    } finally {
      await session.execute(lock.release, [])
    }
  })
}

async function apply(world: World, db: Database, migrations: readonly Migration[]): Promise<string[]> {
  const { stepwise } = dialects[db.dialect]
  await db.transaction((tx) => createTable(tx, schemaMigration))
  if (stepwise) await db.transaction((tx) => createTable(tx, schemaMigrationStep))
  const known = new Set(migrations.map((each) => each.id))
  const done = new Set((await schemaMigration.find(db)).map((each) => each.id))
  const foreign = [...done].filter((id) => !known.has(id))
  if (foreign.length > 0)
    throw new CloudError('internal', `The database is newer than this program: it has ${foreign.join(', ')}.`)
  const applied: string[] = []
  for (const each of migrations) {
    if (done.has(each.id)) continue
    const apply = async (tx: Transaction) => {
      // On SQLite another process may have come first between our look and this transaction.
      if (await schemaMigration.get(tx, each.id)) return false
      await each.up(tx)
      await schemaMigration.insert(tx, { id: each.id, appliedAt: world.clock.now() })
      return true
    }
    // Of a table with millions of rows, a statement takes long.
    const ours = stepwise
      ? await runStepwise(db, each.id, apply)
      : await db.transaction(apply, { patient: true })
    if (ours) applied.push(each.id)
  }
  return applied
}

function checkOrder(migrations: readonly Migration[]): void {
  for (const [place, { id }] of migrations.entries()) {
    const before = migrations[place - 1]?.id
    if (before !== undefined && before >= id) throw new TypeError(`Migration ${id} is listed after ${before}`)
  }
}
