// SQL of allocation candidates: the states of providers, tree by tree, and all there is to know about some of them.
import type { Db, SqlValue } from '#kit/db/database.ts'
import { dialects } from '#kit/db/dialects.ts'

export type Place = {
  uuid: string
  rootUuid: string
  /** Another number wherever anything about the provider is another. */
  state: number
}
export type Room = {
  resourceClass: string
  capacity: number
  used: number
  minUnit: number
  maxUnit: number
  stepSize: number
}
/** What one statement said of a provider, and in which state it saw him. */
type Stock = Place & { parentUuid: string | null; room: Map<string, Room> }
type Names = { state: number; names: readonly string[] }

const stateOf = (table: string) => `${table}.generation + ${table}.edition`
const place = `select p.root_uuid, p.uuid, ${stateOf('p')} from resource_provider p`

const toPlace = (row: unknown[]): Place => ({
  rootUuid: row[0] as string,
  uuid: row[1] as string,
  // Of type BIGINT, which some drivers give as text.
  state: Number(row[2]),
})

/** Roots whose trees are meant: those after one id, in the order of texts, and up to another. */
type Range = { after: string; upTo?: string }

/** The first `count` providers in a range, in the order of their roots: of the last tree maybe not all. */
export async function listPlaces(db: Db, { after, upTo }: Range, count: number): Promise<Place[]> {
  const values: SqlValue[] = upTo === undefined ? [after, count] : [after, upTo, count]
  const { placeholder } = dialects[db.dialect]
  const end = upTo === undefined ? '' : ` and p.root_uuid <= ${placeholder(2)}`
  const text = `${place} where p.root_uuid > ${placeholder(1)}${end} order by p.root_uuid limit ${placeholder(values.length)}`
  const { rows } = await db.execute(text, values, 'arrays')
  return (rows as unknown[][]).map(toPlace)
}

/** All providers of some trees. */
export async function listTrees(db: Db, roots: readonly string[]): Promise<Place[]> {
  const rows = await byList(
    db,
    roots,
    (list) => `${place} where p.root_uuid in (${list}) order by p.root_uuid`,
  )
  return rows.map(toPlace)
}

/** Providers that lend what they have to all that stand in an aggregate with them. */
export async function listSharing(db: Db): Promise<{ uuid: string; rootUuid: string }[]> {
  const rows = await db.sql
    .selectFrom('resource_provider_trait as t')
    .innerJoin('resource_provider as p', 'p.uuid', 't.provider_uuid')
    .where('t.trait', '=', 'MISC_SHARES_VIA_AGGREGATE')
    .select(['p.uuid', 'p.root_uuid'])
    .execute()
  return rows.map((row) => ({ uuid: String(row.uuid), rootUuid: String(row.root_uuid) }))
}

/** Where each provider stands, what it has and how much of it is taken. */
export async function listStocks(db: Db, uuids: readonly string[]): Promise<Map<string, Stock>> {
  const rows = await byList(
    db,
    uuids,
    (list) =>
      `select p.root_uuid, p.uuid, ${stateOf('p')}, p.parent_uuid, i.resource_class, i.capacity, i.used, i.min_unit, i.max_unit, i.step_size
       from resource_provider p left join inventory i on i.provider_uuid = p.uuid where p.uuid in (${list})`,
  )
  const found = new Map<string, Stock>()
  for (const row of rows) {
    const [, uuid, , parentUuid, resourceClass, capacity, used, minUnit, maxUnit, stepSize] = row
    let own = found.get(uuid as string)
    if (!own) {
      own = { ...toPlace(row), parentUuid: parentUuid as string | null, room: new Map() }
      found.set(own.uuid, own)
    }
    if (resourceClass === null) continue
    own.room.set(resourceClass as string, {
      resourceClass: resourceClass as string,
      capacity: Number(capacity),
      used: Number(used),
      minUnit: minUnit as number,
      maxUnit: maxUnit as number,
      stepSize: stepSize as number,
    })
  }
  return found
}

/** Hosts have dozens of traits, and mostly the same: one text for each provider, and one list for each text. */
export const listTraits = (db: Db, uuids: readonly string[]) =>
  listTexts(db, uuids, 'resource_provider_trait', 'trait')
export const listAggregates = (db: Db, uuids: readonly string[]) =>
  listTexts(db, uuids, 'resource_provider_aggregate', 'aggregate_uuid')

const none: readonly string[] = []

async function listTexts(
  db: Db,
  uuids: readonly string[],
  table: string,
  column: string,
): Promise<Map<string, Names>> {
  const joined = dialects[db.dialect].joinedTexts(column)
  const rows = await byList(
    db,
    uuids,
    (list) =>
      `select p.uuid, max(${stateOf('p')}), ${joined} from resource_provider p left join ${table} m on m.provider_uuid = p.uuid
       where p.uuid in (${list}) group by p.uuid`,
  )
  const lists = new Map<string, readonly string[]>()
  const listOf = (text: string | null) => {
    if (text === null) return none
    const known = lists.get(text)
    if (known) return known
    const list = standardFirst(text.split(','))
    lists.set(text, list)
    return list
  }
  return new Map(
    rows.map(([uuid, state, text]) => [
      uuid as string,
      { state: Number(state), names: listOf(text as string | null) },
    ]),
  )
}

/** Traits as they came to be: the standard ones before those that operators made. */
function standardFirst(names: string[]): string[] {
  const custom = (name: string) => Number(name.startsWith('CUSTOM_'))
  return names.sort((a, b) => custom(a) - custom(b) || (a < b ? -1 : 1))
}

/**
 * Lists are cut into pieces of few lengths, so that there are few statements; the last is filled up with its last value,
 * and no further than needed: to bind costs as much as to find.
 */
const lengths = [1, 8, 32, 64, 128, 256, 512, 1024]

async function byList(
  db: Db,
  values: readonly string[],
  text: (list: string) => string,
): Promise<unknown[][]> {
  const found: unknown[][] = []
  const longest = lengths.at(-1)!
  for (let start = 0; start < values.length; start += longest) {
    const piece = values.slice(start, start + longest)
    const length = lengths.find((each) => each >= piece.length)!
    const filled = [...piece, ...Array<string>(length - piece.length).fill(piece.at(-1)!)]
    const { rows } = await db.execute(text(places(db, length)), filled, 'arrays')
    for (const row of rows) found.push(row as unknown[])
  }
  return found
}

const placesOf = new Map<string, string>()

function places(db: Db, length: number): string {
  const key = `${db.dialect} ${length}`
  const known = placesOf.get(key)
  if (known !== undefined) return known
  const made = placeText(db, length)
  placesOf.set(key, made)
  return made
}

function placeText(db: Db, length: number): string {
  const { placeholder } = dialects[db.dialect]
  return Array.from({ length }, (_, index) => placeholder(index + 1)).join(', ')
}
