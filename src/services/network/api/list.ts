// Lists: filters by attribute and tag, sorting, pages with links both ways, as the query says.

import type { Db } from '#kit/db/database.ts'
import type { AnyTable } from '#kit/db/table.ts'
import type { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import { type Attributes, bad, nameOf, readValue } from '../resources/attribute.ts'
import { isUuid } from '../resources/value.ts'
import { allOf, anyOf, type Condition, hasTag, listRows, noneOf, type Order, oneOf } from '../store/list.ts'

/** For filters that look beyond the row's own columns. */
export type CustomFilter = (db: Db, values: string[]) => Promise<Condition>

export type ListSpec = {
  attributes: Attributes
  collection: string
  table: AnyTable
  filters?: Record<string, CustomFilter>
  missing: (id: string) => CloudError
}
export type ListPage<R> = { rows: R[]; links?: { rel: 'next' | 'previous'; href: string }[] }

const control = ['fields', 'limit', 'marker', 'page_reverse', 'sort_key', 'sort_dir']
const tagFilters: Record<string, (tags: string[]) => Condition> = {
  tags: (tags) => allOf(tags.map(hasTag)),
  'tags-any': (tags) => anyOf(tags.map(hasTag)),
  'not-tags': (tags) => noneOf(allOf(tags.map(hasTag))),
  'not-tags-any': (tags) => noneOf(anyOf(tags.map(hasTag))),
}

export async function listPage<R extends { id: string }>(
  db: Db,
  spec: ListSpec,
  query: Query,
  seen: readonly Condition[],
  baseUrl: string,
): Promise<ListPage<R>> {
  const conditions = [...seen, ...(await readFilters(db, spec, query))]
  const order = readOrder(spec, query)
  const limit = readLimit(query)
  const marker = query.get('marker')
  const reverse = query.get('page_reverse')?.toLowerCase() === 'true'
  const after = marker === undefined || !isUuid(marker) ? undefined : await spec.table.get(db, marker)
  if (marker !== undefined && !after) throw spec.missing(marker)
  const rows = await listRows<R>(db, spec.table, {
    conditions,
    order: reverse ? order.map(turned) : order,
    limit,
    after,
  })
  if (reverse) rows.reverse()
  if (limit === undefined || rows.length === 0) return { rows }
  const links: ListPage<R>['links'] = []
  const full = rows.length === limit
  if (reverse || full) links.push({ rel: 'next', href: pageUrl(baseUrl, query, rows.at(-1)!.id, false) })
  if ((marker !== undefined && !reverse) || (reverse && full))
    links.push({ rel: 'previous', href: pageUrl(baseUrl, query, rows[0]!.id, true) })
  return links.length > 0 ? { rows, links } : { rows }
}

const turned = ([column, direction]: Order): Order => [column, direction === 'asc' ? 'desc' : 'asc']

async function readFilters(db: Db, spec: ListSpec, query: Query): Promise<Condition[]> {
  const conditions: Condition[] = []
  const unknown: string[] = []
  for (const name of query.names()) {
    if (control.includes(name)) continue
    const values = query.all(name)
    if (values.some((each) => each.includes('\0'))) throw bad(`Invalid input for ${name}`)
    const tagged = Object.hasOwn(tagFilters, name) ? tagFilters[name] : undefined
    const attribute = Object.hasOwn(spec.attributes, name) ? spec.attributes[name] : undefined
    const custom = spec.filters && Object.hasOwn(spec.filters, name) ? spec.filters[name] : undefined
    if (tagged) conditions.push(tagged(values.flatMap((each) => each.split(','))))
    else if (custom) conditions.push(await custom(db, values))
    else if (attribute?.filter)
      conditions.push(
        oneOf(
          attribute.filter,
          values.map((each) => readValue(name, { read: attribute.filterRead }, each)),
        ),
      )
    else unknown.push(name)
  }
  if (unknown.length > 0)
    throw bad(`[${unknown.map((each) => `'${each}'`).join(', ')}] is invalid attribute for filtering`)
  return conditions
}

function readOrder(spec: ListSpec, query: Query): Order[] {
  const keys = query.all('sort_key')
  const directions = query.all('sort_dir')
  if (directions.length > keys.length && keys.length > 0)
    throw bad('The number of sort_keys and sort_dirs must be same')
  const order: Order[] = keys.map((key, place) => {
    const attribute = Object.hasOwn(spec.attributes, key) ? spec.attributes[key] : undefined
    if (!attribute?.sort) throw bad(`${key} is invalid attribute for sort_keys`)
    const direction = directions[place] ?? 'asc'
    if (direction !== 'asc' && direction !== 'desc')
      throw bad(`${direction} is invalid value for sort_dirs, valid value is 'asc' and 'desc'`)
    return [attribute.filter ?? nameOf(key, attribute), direction]
  })
  const last = order.at(-1)?.[1] ?? 'asc'
  if (order.length === 0) order.push(['createdAt', 'asc'])
  if (!order.some(([column]) => column === 'id')) order.push(['id', last])
  return order
}

function readLimit(query: Query): number | undefined {
  const given = query.get('limit')
  if (given === undefined || given === '') return undefined
  if (!/^-?\d{1,9}$/.test(given) || Number(given) < 0)
    throw bad(`Limit must be an integer 0 or greater and not '${given}'`)
  return Number(given) === 0 ? undefined : Number(given)
}

function pageUrl(base: string, query: Query, marker: string, reverse: boolean): string {
  const next = new URLSearchParams()
  for (const name of query.names())
    if (name !== 'marker' && name !== 'page_reverse')
      for (const value of query.all(name)) next.append(name, value)
  next.set('marker', marker)
  if (reverse) next.set('page_reverse', 'True')
  return `${base}?${next}`
}
