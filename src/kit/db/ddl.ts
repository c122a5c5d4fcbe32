// What migrations may say: a small frozen vocabulary, apart from the live declarations, so that an old migration means
// the same for ever. `ddl(tx).createTable('server', { id: 'id', host: 'text(255)?' }, { index: [['host']] })`.
import { type ColumnKind, longestName } from './column.ts'
import type { Db } from './database.ts'
import { dialects, quote } from './dialects.ts'

/** A kind, its length where it is text, and `?` where it may be null: `text(64)`, `time?`, `json`. */
export type ColumnWord = `${ColumnKind}` | `${ColumnKind}?` | `text(${number})` | `text(${number})?`

/** Names as in the database, in snake case. */
export type KeyWords = {
  /** By default the `autoId` column, or else `id`. */
  primaryKey?: readonly string[]
  unique?: readonly (readonly string[])[]
  index?: readonly (readonly string[])[]
}

export type Ddl = {
  createTable(table: string, columns: Record<string, ColumnWord>, keys?: KeyWords): Promise<void>
  dropTable(table: string): Promise<void>
  /** `fill` is what the rows that exist get; a column that may be null needs none. */
  addColumn(table: string, name: string, word: ColumnWord, fill?: string | number | boolean): Promise<void>
  /** Several that may be null, in one statement where the database commits at each. */
  addColumns(table: string, columns: Record<string, `${string}?`>): Promise<void>
  dropColumn(table: string, name: string): Promise<void>
  addIndex(table: string, columns: readonly string[], options?: { unique?: boolean }): Promise<void>
  dropIndex(table: string, columns: readonly string[], options?: { unique?: boolean }): Promise<void>
}

export function ddl(db: Db): Ddl {
  const run = async (text: string) => void (await db.execute(text, []))
  const dialect = dialects[db.dialect]
  const index = (table: string, columns: readonly string[], unique: boolean) =>
    `create ${unique ? 'unique ' : ''}index ${quote(indexName(table, columns, unique))} on ${quote(table)} (${names(columns)})`
  return {
    async createTable(table, columns, keys = {}) {
      const parts = Object.entries(columns).map(([name, word]) => columnText(db, name, word))
      const primaryKey = keys.primaryKey ?? ['id']
      const given = Object.values(columns).some((word) => parseWord(word).kind === 'autoId')
      if (!given) parts.push(`primary key (${names(primaryKey)})`)
      const keysOf = (unique: boolean) => (unique ? keys.unique : keys.index) ?? []
      // Where each statement is a commit, a table comes with its indexes.
      if (dialect.stepwise)
        for (const unique of [true, false])
          for (const columns of keysOf(unique))
            parts.push(
              `${unique ? 'unique ' : ''}key ${quote(indexName(table, columns, unique))} (${names(columns)})`,
            )
      const options = dialect.tableOptions
        ? ((await db.execute(dialect.tableOptions, [])).rows[0] as { text: string }).text
        : ''
      await run(`create table ${quote(table)} (${parts.join(', ')})${options}`)
      if (dialect.stepwise) return
      for (const unique of [true, false])
        for (const columns of keysOf(unique)) await run(index(table, columns, unique))
    },
    dropTable: (table) => run(`drop table ${quote(table)}`),
    async addColumn(table, name, word, fill) {
      const { nullable } = parseWord(word)
      if (!nullable && fill === undefined)
        throw new TypeError(`${table}.${name} needs a value for the rows that exist`)
      const text = columnText(db, name, word)
      if (fill === undefined) return run(`alter table ${quote(table)} add column ${text}`)
      await run(`alter table ${quote(table)} add column ${text} default ${literal(db, fill)}`)
    },
    async addColumns(table, columns) {
      const parts = Object.entries(columns).map(([name, word]) => `add column ${columnText(db, name, word)}`)
      // SQLite takes one at a time, and undoes all of them together with their transaction.
      const statements = db.dialect === 'sqlite' ? parts : [parts.join(', ')]
      for (const each of statements) await run(`alter table ${quote(table)} ${each}`)
    },
    dropColumn: (table, name) => run(`alter table ${quote(table)} drop column ${quote(name)}`),
    addIndex: (table, columns, options = {}) => run(index(table, columns, options.unique === true)),
    dropIndex: (table, columns, options = {}) =>
      run(
        `drop index ${quote(indexName(table, columns, options.unique === true))}${dialect.indexOwner(table)}`,
      ),
  }
}

function parseWord(word: string): { kind: ColumnKind; length?: number; nullable: boolean } {
  const match = /^(id|text|int|bigint|real|bool|json|time|autoId)(?:\((\d+)\))?(\?)?$/.exec(word)
  if (!match) throw new TypeError(`${word} is no kind of column`)
  const kind = match[1] as ColumnKind
  return {
    kind,
    length: kind === 'id' ? 36 : match[2] ? Number(match[2]) : undefined,
    nullable: match[3] === '?',
  }
}

function columnText(db: Db, name: string, word: string): string {
  const { kind, length, nullable } = parseWord(word)
  const type = dialects[db.dialect].columnType(kind, length)
  return `${quote(name)} ${type}${nullable || kind === 'autoId' ? '' : ' NOT NULL'}`
}

const names = (columns: readonly string[]) => columns.map(quote).join(', ')

function literal(db: Db, value: string | number | boolean): string {
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  if (typeof value === 'boolean' && db.dialect !== 'postgres') return String(Number(value))
  return String(value)
}

/** A name too long for PostgreSQL ends in a hash of itself. */
function indexName(table: string, columns: readonly string[], unique: boolean): string {
  const full = `${table}_${columns.join('_')}_${unique ? 'key' : 'idx'}`
  if (full.length <= longestName) return full
  let hash = 5381
  for (const letter of full) hash = (Math.imul(hash, 33) ^ letter.charCodeAt(0)) >>> 0
  return `${full.slice(0, longestName - 9)}_${hash.toString(16).padStart(8, '0')}`
}
