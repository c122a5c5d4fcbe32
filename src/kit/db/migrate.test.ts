import { describe, expect, it, onTestFinished } from 'vitest'
import { realWorld } from '../world/real.ts'
import { virtualWorld } from '../world/virtual.ts'
import type { Database } from './database.ts'
import { ddl } from './ddl.ts'
import { readSchema } from './introspect.ts'
import { type Migration, migrate } from './migrate.ts'
import { openDatabase } from './open.ts'
import { schemaDifferences } from './schema.ts'
import { c, table } from './table.ts'
import { cutAfter } from './test-cut.ts'
import { testServers } from './test-database.ts'

const longName = 'anAttributeWhoseNameIsAsLongAsColumnsHave'
const server = table(
  'server',
  {
    id: c.id(),
    projectId: c.text(64),
    name: c.text(255),
    host: c.nullable(c.text(255)),
    tags: c.json<string[]>(),
    locked: c.bool(),
    memoryMb: c.int(),
    bytes: c.bigint(),
    load: c.nullable(c.real()),
    createdAt: c.time(),
    [longName]: c.text(10),
  },
  { unique: [['projectId', 'name']], index: [['projectId', longName]] },
)
const line = table('line', { seq: c.autoId(), text: c.nullable(c.text()) })
const both = table('both', { a: c.text(5), b: c.int() }, { primaryKey: ['b', 'a'] })

const first: Migration = {
  id: '0001-first',
  async up(tx) {
    await ddl(tx).createTable(
      'server',
      {
        id: 'id',
        project_id: 'text(64)',
        name: 'text(255)',
        host: 'text(255)?',
        tags: 'json',
        bytes: 'bigint',
        load: 'real?',
        created_at: 'time',
        old: 'int?',
        an_attribute_whose_name_is_as_long_as_columns_have: 'text(10)',
      },
      {
        index: [['project_id', 'an_attribute_whose_name_is_as_long_as_columns_have'], ['name']],
      },
    )
    await ddl(tx).createTable('both', { a: 'text(5)', b: 'int' }, { primaryKey: ['b', 'a'] })
    await ddl(tx).createTable('gone', { id: 'id' })
    await tx.sql
      .insertInto('server')
      .values({
        id: 's1',
        project_id: 'p',
        name: 'n',
        host: null,
        tags: '[]',
        bytes: 1,
        load: null,
        created_at: 1,
        an_attribute_whose_name_is_as_long_as_columns_have: 'x',
      })
      .execute()
  },
}
const second: Migration = {
  id: '0002-second',
  async up(tx) {
    const { createTable, addColumn, dropColumn, dropIndex, addIndex, dropTable } = ddl(tx)
    await createTable('line', { seq: 'autoId', text: 'text?' })
    await addColumn('server', 'locked', 'bool', false)
    await addColumn('server', 'memory_mb', 'int', 512)
    await dropColumn('server', 'old')
    await dropIndex('server', ['name'])
    await addIndex('server', ['project_id', 'name'], { unique: true })
    await dropTable('gone')
  },
}
/** None of what it does to rows may be done twice. */
const third: Migration = {
  id: '0003-third',
  async up(tx) {
    const { createTable, addColumn, dropTable } = ddl(tx)
    await tx.execute('insert into line (text) select id from server', [])
    await createTable('late', { id: 'id', name: 'text(9)' }, { index: [['name']] })
    await tx.execute('update server set memory_mb = memory_mb + 1', [])
    await addColumn('late', 'size', 'int', 0)
    await dropTable('both')
    await tx.execute('update server set memory_mb = memory_mb * 2', [])
  },
}
/** MariaDB makes a table with its index. */
const statementsOfThird = { sqlite: 7, postgres: 7, mysql: 6 }
const tables = [server, line, both]

describe.each(testServers())('migrations on $name', ({ fresh }) => {
  const empty = async () => {
    const made = await fresh()
    onTestFinished(() => made.drop())
    return made
  }

  it('end in what the declarations say, each applied once', async () => {
    const { db } = await empty()
    expect(await migrate(virtualWorld(), db, [first])).toEqual(['0001-first'])
    expect(await migrate(virtualWorld(), db, [first, second])).toEqual(['0002-second'])
    expect(await migrate(virtualWorld(), db, [first, second])).toEqual([])
    expect(await schemaDifferences(db, tables)).toEqual([])
    expect(await server.get(db, 's1')).toMatchObject({ locked: false, memoryMb: 512, tags: [] })
  })

  it('make what creating from the declarations makes', async () => {
    const made = await fresh(undefined, { tables })
    onTestFinished(() => made.drop())
    expect(await schemaDifferences(made.db, tables)).toEqual([])
  })

  it('are told apart from the declarations in every respect', async () => {
    const { db } = await empty()
    await migrate(virtualWorld(), db, [first])
    expect(await schemaDifferences(db, [server, line])).toEqual([
      'index (name) of server is not declared',
      'server.locked is missing',
      'server.memory_mb is missing',
      'server.old is not declared',
      'table both is not declared',
      'table gone is not declared',
      'table line is missing',
      'unique (project_id, name) of server is missing',
    ])
    const other = table('both', { a: c.nullable(c.text(6)), b: c.bigint() }, { primaryKey: ['b'] })
    const differences = await schemaDifferences(db, [other])
    expect(differences.filter((each) => each.includes('both'))).toEqual([
      "both.a can't be null, declared nullable",
      'both.a is text(5), declared text(6)',
      'both.b is int, declared bigint',
      'primary key of both is (b, a), declared (b)',
    ])
  })

  it('refuse a database that is newer than the program', async () => {
    const { db } = await empty()
    await migrate(virtualWorld(), db, [first, second])
    await expect(migrate(virtualWorld(), db, [first])).rejects.toThrow(
      'newer than this program: it has 0002-second',
    )
  })

  it('leave no mark when they fail, and can be tried again', async () => {
    const { db } = await empty()
    const broken: Migration = {
      id: '0001-first',
      up: async (tx) => void (await tx.execute('select * from nowhere', [])),
    }
    await expect(migrate(virtualWorld(), db, [broken])).rejects.toThrow('nowhere')
    expect(await migrate(virtualWorld(), db, [first])).toEqual(['0001-first'])
  })

  it('go on where they were cut off, after whichever statement that was', async () => {
    const apply = async (db: Database, migration: Migration) =>
      migrate(virtualWorld(), db, [first, second, migration])
    const kept = async (db: Database) => ({
      schema: await readSchema(db),
      servers: await server.find(db),
      // Numbers that were given to what was rolled back stay away.
      lines: (await line.find(db)).map(({ text }) => text),
    })
    const whole = await empty()
    await apply(whole.db, third)
    const wanted = await kept(whole.db)
    expect(wanted.lines).toEqual(['s1'])
    const most = statementsOfThird[whole.db.dialect]
    for (let statements = 1; statements <= most; statements++) {
      const { db } = await empty()
      await expect(apply(db, cutAfter(statements, third))).rejects.toThrow('cut off')
      expect(await apply(db, third)).toEqual([third.id])
      expect(await kept(db), `cut off after ${statements}`).toEqual(wanted)
    }
    await apply((await empty()).db, cutAfter(most + 1, third))
  })

  it('are applied once when several processes start together', async () => {
    const { db, url } = await empty()
    let runs = 0
    const counting: Migration = {
      id: '0001-first',
      up(tx) {
        runs++
        return first.up(tx)
      },
    }
    const others = url.includes(':memory:')
      ? [db, db]
      : [await openDatabase(realWorld(), url), await openDatabase(realWorld(), url)]
    const done = await Promise.all([db, ...others].map((each) => migrate(virtualWorld(), each, [counting])))
    for (const each of others) if (each !== db) await each.close()
    expect(done.flat()).toEqual(['0001-first'])
    expect(runs).toBe(1)
  })
})

it('are listed in order', async () => {
  const db = await openDatabase(virtualWorld(), 'sqlite::memory:')
  await expect(migrate(virtualWorld(), db, [second, first])).rejects.toThrow('listed after')
})
