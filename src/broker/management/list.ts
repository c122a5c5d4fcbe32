// What the query asks of a list: some columns, an order, a page of it, names that match.

import { CloudError } from '#kit/errors/cloud-error.ts'
import { compilePattern } from '../admin/pattern.ts'
import { badRequest } from '../admin/refusal.ts'
import type { Matcher } from '../core/policy.ts'
import type { View } from './request.ts'

const largestPage = 500
const usualPage = 100

export function listed(all: View[], query: ReadonlyMap<string, string>): View[] | View {
  const paged = query.has('page')
  const named = paged ? withName(all, query) : all
  const sorted = inOrder(named, query)
  const columns = columnsOf(query)
  const shown = (items: View[]) => (columns ? items.map((item) => withColumns(item, columns)) : items)
  if (!paged) return shown(sorted)
  const page = wholeNumber(query.get('page'))
  const size = wholeNumber(query.get('page_size') ?? String(usualPage))
  if (page < 1 || size < 1 || size > largestPage) throw badRequest('Pagination parameters are invalid')
  const pages = Math.max(1, Math.ceil(sorted.length / size))
  if (page > pages)
    throw new CloudError(
      'badRequest',
      `Page out of range, page: ${page} page size: ${size}, len: ${sorted.length}`,
      { type: 'page_out_of_range' },
    )
  const items = sorted.slice((page - 1) * size, page * size)
  return {
    filtered_count: sorted.length,
    item_count: items.length,
    items: shown(items),
    page,
    page_count: pages,
    page_size: size,
    total_count: all.length,
  }
}

/** `message_stats.publish` is a member of a member. */
export function columnsOf(query: ReadonlyMap<string, string>): string[][] | undefined {
  const text = query.get('columns')
  return text ? text.split(',').map((column) => column.split('.')) : undefined
}

export function withColumns(item: View, columns: readonly string[][]): View {
  const out: View = {}
  for (const path of columns) {
    let from: unknown = item
    let into: View = out
    for (const [depth, key] of path.entries()) {
      if (!isView(from) || !Object.hasOwn(from, key)) break
      from = from[key]
      if (depth === path.length - 1 || !isView(from)) {
        into[key] = from as View
        break
      }
      if (!isView(into[key])) into[key] = {}
      into = into[key] as View
    }
  }
  return out
}

function withName(all: View[], query: ReadonlyMap<string, string>): View[] {
  const name = query.get('name')
  if (!name) return all
  if (query.get('use_regex') !== 'true') {
    const part = name.toLowerCase()
    return all.filter((item) =>
      String(item.name ?? '')
        .toLowerCase()
        .includes(part),
    )
  }
  let regex: Matcher
  try {
    regex = compilePattern(name)
  } catch (error) {
    throw badRequest(`name is no regular expression: ${error instanceof Error ? error.message : ''}`)
  }
  return all.filter((item) => regex.test(String(item.name ?? '')))
}

function inOrder(items: View[], query: ReadonlyMap<string, string>): View[] {
  const sort = query.get('sort')
  const reverse = query.get('sort_reverse') === 'true'
  if (!sort) {
    const sorted = [...items].sort(usualOrder)
    return reverse ? sorted.reverse() : sorted
  }
  const path = sort.split('.')
  const keyed = items.map((item) => ({ item, key: at(item, path) }))
  keyed.sort((a, b) => compare(a.key, b.key))
  if (reverse) keyed.reverse()
  return keyed.map(({ item }) => item)
}

/** By virtual host and name; bindings have no name of their own. */
const usualKeys = ['vhost', 'user', 'name', 'source', 'destination', 'routing_key', 'number']

function usualOrder(a: View, b: View): number {
  for (const key of usualKeys) {
    const order = compare(a[key], b[key])
    if (order !== 0) return order
  }
  return 0
}

function at(item: View, path: string[]): unknown {
  let value: unknown = item
  for (const key of path) value = isView(value) ? value[key] : undefined
  return value
}

/** Absent before numbers before texts, so that an order holds over everything. */
function compare(a: unknown, b: unknown): number {
  const [left, right] = [rank(a), rank(b)]
  if (left !== right) return left - right
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [x, y] = [String(a), String(b)]
  return x < y ? -1 : x > y ? 1 : 0
}

function rank(value: unknown): number {
  if (value === undefined || value === null) return 0
  return typeof value === 'number' ? 1 : 2
}

function wholeNumber(text: string | undefined): number {
  if (text === undefined || !/^\d{1,9}$/.test(text)) throw badRequest('Pagination parameters are invalid')
  return Number(text)
}

function isView(value: unknown): value is View {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
