// Reads the tables of a live database: columns by our kinds, keys and indexes. One query set per dialect, one result.
import type { Db, DialectName } from './database.ts'

/** `text(64)`, `text` (any length), `int`, `bigint`, `real`, `bool`, `autoId`; else the database's own word. */
export type LiveColumn = { readonly type: string; readonly nullable: boolean }
export type LiveTable = {
  readonly columns: Map<string, LiveColumn>
  primaryKey: string[]
  readonly unique: string[][]
  readonly index: string[][]
}

/** Tables of this database by name. */
export function readSchema(db: Db): Promise<Map<string, LiveTable>> {
  return readers[db.dialect](db)
}

type ColumnLine = {
  table: string
  name: string
  type: string
  length: number | null
  nullable: unknown
  auto: unknown
}
type IndexLine = { table: string; index: string; unique: unknown; primary: unknown; column: string }

const readers: Record<DialectName, (db: Db) => Promise<Map<string, LiveTable>>> = {
  sqlite: async (db) => {
    const columns = await rows<ColumnLine & { key: number; sql: string }>(
      db,
      `select t.name as "table", c.name as name, c.type as type, null as length, c."notnull" = 0 as nullable,
         c.pk > 0 and t.sql like '%AUTOINCREMENT%' as auto
       from sqlite_schema t, pragma_table_info(t.name) c
       where t.type = 'table' and t.name not like 'sqlite~_%' escape '~' order by t.name, c.cid`,
    )
    const keys = await rows<IndexLine>(
      db,
      `select t.name as "table", 'primary' as "index", 1 as "unique", 1 as "primary", c.name as "column"
       from sqlite_schema t, pragma_table_info(t.name) c where t.type = 'table' and c.pk > 0 order by t.name, c.pk`,
    )
    const indexes = await rows<IndexLine>(
      db,
      `select t.name as "table", i.name as "index", i."unique" as "unique", 0 as "primary", c.name as "column"
       from sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c
       where t.type = 'table' and i.origin <> 'pk' order by t.name, i.name, c.seqno`,
    )
    return gather(columns, [...keys, ...indexes])
  },
  postgres: async (db) =>
    gather(
      await rows(
        db,
        `select c.table_name as "table", c.column_name as name, c.data_type as type,
           c.character_maximum_length as length, c.is_nullable = 'YES' as nullable, c.is_identity = 'YES' as auto
         from information_schema.columns c
         join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
         where c.table_schema = current_schema() and t.table_type = 'BASE TABLE' order by 1, c.ordinal_position`,
      ),
      await rows(
        db,
        `select t.relname as "table", i.relname as "index", x.indisunique as "unique", x.indisprimary as "primary",
           a.attname as "column"
         from pg_index x
         join pg_class t on t.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
         join pg_namespace n on n.oid = t.relnamespace and n.nspname = current_schema()
         cross join lateral unnest(x.indkey) with ordinality k (number, place)
         join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number
         order by 1, 2, k.place`,
      ),
    ),
  mysql: async (db) =>
    gather(
      await rows(
        db,
        `select c.table_name as "table", c.column_name as name, c.column_type as type, null as length,
           c.is_nullable = 'YES' as nullable, c.extra like '%auto_increment%' as auto
         from information_schema.columns c
         join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
         where c.table_schema = database() and t.table_type = 'BASE TABLE' order by c.table_name, c.ordinal_position`,
      ),
      await rows(
        db,
        `select table_name as "table", index_name as "index", non_unique = 0 as "unique",
           index_name = 'PRIMARY' as "primary", column_name as "column"
         from information_schema.statistics where table_schema = database() order by table_name, index_name, seq_in_index`,
      ),
    ),
}

async function rows<T>(db: Db, text: string): Promise<T[]> {
  return (await db.execute(text, [])).rows as T[]
}

/** The databases' words for our types; text with a length is handled apart. */
const typeWords: Record<string, string> = {
  text: 'text',
  longtext: 'text',
  integer: 'int',
  int: 'int',
  'int(11)': 'int',
  bigint: 'bigint',
  'bigint(20)': 'bigint',
  real: 'real',
  double: 'real',
  'double precision': 'real',
  boolean: 'bool',
  'tinyint(1)': 'bool',
}

function typeOf({ type, length, auto }: ColumnLine): string {
  if (auto) return 'autoId'
  const word = type.toLowerCase()
  const given = /^(?:varchar|character varying)(?:\((\d+)\))?$/.exec(word)
  if (given) return `text(${given[1] ?? length})`
  return typeWords[word] ?? word
}

function gather(columns: ColumnLine[], indexes: IndexLine[]): Map<string, LiveTable> {
  const tables = new Map<string, LiveTable>()
  for (const line of columns) {
    const table = tables.get(line.table) ?? { columns: new Map(), primaryKey: [], unique: [], index: [] }
    tables.set(line.table, table)
    table.columns.set(line.name, { type: typeOf(line), nullable: Boolean(line.nullable) })
  }
  const lists = new Map<string, { line: IndexLine; columns: string[] }>()
  for (const line of indexes) {
    const key = `${line.table}\0${line.index}`
    const list = lists.get(key) ?? { line, columns: [] }
    lists.set(key, list)
    list.columns.push(line.column)
  }
  for (const { line, columns: list } of lists.values()) {
    const table = tables.get(line.table)
    if (!table) continue
    if (line.primary) table.primaryKey = list
    else (line.unique ? table.unique : table.index).push(list)
  }
  return tables
}
