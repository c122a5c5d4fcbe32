// What a project's consumers hold: in all before 1.38, by the type of consumer from then on.
import type { Query } from '#kit/http/route.ts'
import type { PlacementContext } from '../app.ts'
import { allocationRules, unknownType } from '../resources/allocation.ts'
import * as store from '../store/allocation.ts'
import { invalidQuery, readText, refuseUnknown } from './query.ts'

const since: Record<string, number> = { project_id: 1009, user_id: 1009, consumer_type: 1038 }
const byTypeSince = 1038
const everyType = 'all'

export type Usages = Record<string, number> | Record<string, Record<string, number>>

export async function listUsages(context: PlacementContext, query: Query): Promise<Usages> {
  const version = context.version ?? 0
  refuseUnknown(query, since, version)
  const projectId = readText(query, 'project_id')
  const userId = readText(query, 'user_id')
  if (projectId === undefined)
    throw invalidQuery("Invalid query string parameters: 'project_id' is a required property")
  const type = readType(query)
  context.authorize(allocationRules.usages, { project_id: projectId })
  const consumerType = type === everyType ? undefined : type === unknownType ? null : type
  const found = await store.usageByType(context.app.db, { projectId, userId, consumerType })
  if (version < byTypeSince) return summed(found)
  if (type === everyType)
    return found.length === 0 ? {} : { [everyType]: { consumer_count: countOf(found), ...summed(found) } }
  return Object.fromEntries(
    found.map((each) => [
      each.consumerType ?? unknownType,
      { consumer_count: each.consumers, ...each.resources },
    ]),
  )
}

function readType(query: Query): string | undefined {
  const type = readText(query, 'consumer_type')
  if (type === undefined || /^([A-Z0-9_]+|unknown|all)$/.test(type)) return type
  throw invalidQuery(
    `Invalid query string parameters: '${type}' does not match '^[A-Z0-9_]+|unknown|all$' Failed validating 'pattern'`,
  )
}

const countOf = (usages: store.Usage[]) => usages.reduce((sum, each) => sum + each.consumers, 0)

function summed(usages: store.Usage[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const { resources } of usages)
    for (const [name, used] of Object.entries(resources)) sums[name] = (sums[name] ?? 0) + used
  return sums
}
