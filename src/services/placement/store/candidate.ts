// SQL of allocation candidates: which trees may have what is asked for, and all there is to know about some trees.
import type { Db } from '#kit/db/database.ts'
import { dialects } from '#kit/db/dialects.ts'
import { type Build, hasRoom, hasTrait, isMarked, isMember, type Marks } from './condition.ts'

/** One thing that a tree must have. */
export type Need = Marks & {
  /** All of it from one provider. */
  resources: readonly (readonly [resourceClass: string, amount: number])[]
  /** What the root is a member of counts for the whole tree. */
  rootCounts: boolean
  /** Only this tree gives it. */
  inRoot: string | undefined
  /** A tree with a member of one of these has it from elsewhere: aggregates of providers that share it. */
  sharedIn: readonly string[]
}

/**
 * Roots of the trees that have each need by itself, in the order of their ids: all trees that can have them all, and maybe
 * some that can't. `from` and `before` bound the ids.
 */
export async function findRoots(
  db: Db,
  needs: readonly Need[],
  root: Pick<Marks, 'required' | 'forbidden'>,
  range: { from?: string; before?: string },
  limit: number,
): Promise<string[]> {
  let query = db.sql.selectFrom('resource_provider as r').select('r.uuid').where('r.parent_uuid', 'is', null)
  if (range.from !== undefined) query = query.where('r.uuid', '>=', range.from)
  if (range.before !== undefined) query = query.where('r.uuid', '<', range.before)
  for (const names of root.required) query = query.where((e: Build) => hasTrait(e, 'r.uuid', names))
  if (root.forbidden.length > 0)
    query = query.where((e: Build) => e.not(hasTrait(e, 'r.uuid', root.forbidden)))
  for (const need of needs)
    query = query.where((e: Build) => {
      const own = ownNeed(e, need)
      return need.sharedIn.length === 0 ? own : e.or([own, sharesWith(e, need.sharedIn)])
    })
  const rows = await query.orderBy('r.uuid').limit(limit).execute()
  return rows.map((row) => String(row.uuid))
}

function ownNeed(e: Build, need: Need) {
  let members = e.selectFrom('resource_provider as m').select('m.uuid').whereRef('m.root_uuid', '=', 'r.uuid')
  if (need.inRoot !== undefined) members = members.where('m.root_uuid', '=', need.inRoot)
  // As conditions and not as joins: of a join SQLite may take all who have a class first, for each tree again.
  for (const [resourceClass, amount] of need.resources)
    members = members.where((inner: Build) => hasRoom(inner, 'm.uuid', resourceClass, amount))
  if (!need.rootCounts)
    return e.exists(members.where((inner: Build) => inner.and(isMarked(inner, 'm.uuid', need))))
  const { memberOf, notMemberOf, ...traits } = need
  members = members.where((inner: Build) =>
    inner.and([
      ...isMarked(inner, 'm.uuid', { ...traits, memberOf: [], notMemberOf }),
      ...isMarked(inner, 'm.root_uuid', { required: [], forbidden: [], memberOf: [], notMemberOf }),
    ]),
  )
  if (memberOf.length > 0)
    members = members.where((inner: Build) => {
      const all = (uuid: string) => inner.and(memberOf.map((choice) => isMember(inner, uuid, choice)))
      return inner.or([all('m.uuid'), all('m.root_uuid')])
    })
  return e.exists(members)
}

function sharesWith(e: Build, aggregates: readonly string[]) {
  return e.exists(
    e
      .selectFrom('resource_provider as s')
      .select('s.uuid')
      .whereRef('s.root_uuid', '=', 'r.uuid')
      .where((inner: Build) => isMember(inner, 's.uuid', aggregates)),
  )
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

export type Place = {
  uuid: string
  rootUuid: string
  parentUuid: string | null
  /** Another one wherever the provider's traits are others: its generation, and when it was made. */
  edition: string
}
export type Room = {
  resourceClass: string
  capacity: number
  used: number
  minUnit: number
  maxUnit: number
  stepSize: number
}

/** All providers of some trees. */
export async function listTrees(db: Db, roots: readonly string[]): Promise<Place[]> {
  const rows = await byList(
    db,
    roots,
    (list) =>
      `select uuid, root_uuid, parent_uuid, generation, created_at from resource_provider where root_uuid in (${list})`,
  )
  return rows.map(([uuid, rootUuid, parentUuid, generation, createdAt]) => ({
    uuid: uuid as string,
    rootUuid: rootUuid as string,
    parentUuid: parentUuid as string | null,
    edition: `${generation} ${createdAt}`,
  }))
}

/** What each provider has and how much of it is taken. */
export async function listRoom(db: Db, uuids: readonly string[]): Promise<Map<string, Map<string, Room>>> {
  const rows = await byList(
    db,
    uuids,
    (list) =>
      `select provider_uuid, resource_class, capacity, used, min_unit, max_unit, step_size from inventory where provider_uuid in (${list})`,
  )
  const found = new Map<string, Map<string, Room>>()
  for (const [uuid, resourceClass, capacity, used, minUnit, maxUnit, stepSize] of rows) {
    let own = found.get(uuid as string)
    if (!own) {
      own = new Map()
      found.set(uuid as string, own)
    }
    own.set(resourceClass as string, {
      resourceClass: resourceClass as string,
      // Of type BIGINT, which some drivers give as text.
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

async function listTexts(
  db: Db,
  uuids: readonly string[],
  table: string,
  column: string,
): Promise<Map<string, readonly string[]>> {
  const joined = dialects[db.dialect].joinedTexts(column)
  const rows = await byList(
    db,
    uuids,
    (list) =>
      `select provider_uuid, ${joined} from ${table} where provider_uuid in (${list}) group by provider_uuid`,
  )
  const lists = new Map<string, readonly string[]>()
  return new Map(
    rows.map(([uuid, text]) => {
      let list = lists.get(text as string)
      if (!list) {
        list = standardFirst((text as string).split(','))
        lists.set(text as string, list)
      }
      return [uuid as string, list]
    }),
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
