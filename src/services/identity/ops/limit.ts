// Decisions about limits of single projects and domains, and about how those of a domain and its projects go together.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { IdentityContext } from '../app.ts'
import {
  type Limit,
  type LimitChange,
  type LimitShown,
  limitModels,
  limitRules,
  type NewLimit,
  noRegion,
  type RegisteredLimit,
} from '../resources/limit.ts'
import type { Project } from '../resources/project.ts'
import {
  deleteLimit as deleteRow,
  findLimit,
  findRegisteredLimit,
  insertLimits,
  type LimitFilter,
  listLimits,
  listRegisteredLimits,
  type RegisteredLimitFilter,
  updateLimit,
} from '../store/limit.ts'
import { findProject, listProjects } from '../store/project.ts'
import { change, found, notFound } from './change.ts'

export function getLimitModel(context: IdentityContext) {
  context.authorize(limitRules.model, {})
  return limitModels[context.app.config.limitModel]
}

/** What the rule about a limit may name; `place` is its project or domain. */
function targetOf(row: Limit | undefined, place: Project | undefined): Record<string, unknown> {
  if (!row) return {}
  return row.isDomain
    ? { 'target.limit.domain.id': row.targetId }
    : { 'target.limit.project_id': row.targetId, 'target.limit.project.domain_id': place?.domainId }
}

/** Those of the caller's own scope; all of them for who may see all. */
export async function listLimitsFor(
  context: IdentityContext,
  filter: LimitFilter,
  of: RegisteredLimitFilter,
): Promise<LimitShown[]> {
  const { db } = context.app
  context.authorize(limitRules.list, {})
  const registered = byId(await listRegisteredLimits(db, of))
  const rows = (await listLimits(db, filter)).filter((row) => registered.has(row.registeredLimitId))
  const places = await placesOf(db, rows)
  return rows
    .filter((row) => context.allows(limitRules.get, targetOf(row, places.get(row.targetId))))
    .map((row) => ({ ...row, registered: registered.get(row.registeredLimitId)! }))
}

const byId = <T extends { id: string }>(rows: readonly T[]) => new Map(rows.map((row) => [row.id, row]))

async function placesOf(db: Db, rows: readonly Limit[]): Promise<Map<string, Project>> {
  const ids = [...new Set(rows.filter((row) => !row.isDomain).map((row) => row.targetId))]
  return byId(await listProjects(db, { id: ids, isDomain: false }))
}

/** By the project or domain that they are for. */
export async function limitsByTarget(
  db: Db,
  targetIds: readonly string[],
): Promise<Map<string, LimitShown[]>> {
  const rows = await listLimits(db, { targetId: targetIds })
  const ids = [...new Set(rows.map((row) => row.registeredLimitId))]
  const registered = byId(await listRegisteredLimits(db, { id: ids }))
  const found = new Map<string, LimitShown[]>()
  for (const row of rows) {
    const limit = { ...row, registered: registered.get(row.registeredLimitId)! }
    found.set(row.targetId, [...(found.get(row.targetId) ?? []), limit])
  }
  return found
}

async function shown(db: Db, row: Limit): Promise<LimitShown> {
  const registered = await findRegisteredLimit(db, row.registeredLimitId)
  return { ...row, registered: found(registered, 'registered limit', row.registeredLimitId) }
}

export async function getLimit(context: IdentityContext, id: string): Promise<LimitShown> {
  const { db } = context.app
  const row = await findLimit(db, id)
  const place = row && !row.isDomain ? await findProject(db, row.targetId) : undefined
  context.authorize(limitRules.get, targetOf(row, place))
  return shown(db, found(row, 'limit', id))
}

/** All of them or none. */
export async function createLimits(
  context: IdentityContext,
  given: readonly NewLimit[],
): Promise<LimitShown[]> {
  const { app } = context
  context.authorize(limitRules.create, {})
  return change(
    app,
    async (tx) => {
      const made: LimitShown[] = []
      for (const wish of given) {
        const place = await placeFor(tx, wish)
        const registered = await overriddenBy(tx, wish)
        const row: Limit = {
          id: app.world.random.hexId(),
          registeredLimitId: registered.id,
          targetId: place.id,
          isDomain: place.isDomain,
          resourceLimit: wish.resource_limit,
          description: wish.description ?? null,
          createdAt: app.world.clock.now(),
        }
        await checkModel(context, tx, row, place, registered)
        await insertLimits(tx, [row])
        made.push({ ...row, registered })
      }
      return made
    },
    'Conflict occurred attempting to store limit - the project or domain has one of this resource already.',
  )
}

/** A project's id may be a domain's, which is a project too. */
async function placeFor(db: Db, wish: NewLimit): Promise<Project> {
  const { project_id: projectId, domain_id: domainId } = wish
  if ((projectId == null) === (domainId == null))
    throw new CloudError('badRequest', 'A limit is for one project or for one domain: name one of them.')
  const row = await findProject(db, (projectId ?? domainId)!)
  if (!row || (domainId != null && !row.isDomain))
    throw new CloudError(
      'badRequest',
      `There is no ${domainId == null ? 'project' : 'domain'} ${projectId ?? domainId}.`,
    )
  return row
}

async function overriddenBy(db: Db, wish: NewLimit): Promise<RegisteredLimit> {
  const [registered] = await listRegisteredLimits(db, {
    serviceId: wish.service_id,
    regionId: wish.region_id ?? noRegion,
    resourceName: wish.resource_name,
  })
  if (!registered)
    throw new CloudError('badRequest', 'Unable to create a limit that has no corresponding registered limit.')
  return registered
}

/** In the model of two levels no project has more than its domain. -1 is more than any number. */
async function checkModel(
  context: IdentityContext,
  db: Db,
  row: Limit,
  place: Project,
  registered: RegisteredLimit,
): Promise<void> {
  if (context.app.config.limitModel !== 'strict_two_level') return
  const value = amount(row.resourceLimit)
  const registeredLimitId = registered.id
  if (place.isDomain) {
    const projects = await listProjects(db, { domainId: place.id, isDomain: false })
    const below = await listLimits(db, { registeredLimitId, targetId: projects.map((each) => each.id) })
    const above = below.find((each) => amount(each.resourceLimit) > value)
    if (above)
      throw invalid(
        `project ${above.targetId} has ${above.resourceLimit} of ${registered.resourceName}, more than its domain would have.`,
      )
    return
  }
  const [ofDomain] = await listLimits(db, { registeredLimitId, targetId: place.domainId })
  const most = ofDomain?.resourceLimit ?? registered.defaultLimit
  if (value > amount(most))
    throw invalid(
      `domain ${place.domainId} has ${most} of ${registered.resourceName}, and no project in it may have more.`,
    )
}

const amount = (value: number) => (value === -1 ? Number.POSITIVE_INFINITY : value)
const invalid = (why: string) => new CloudError('forbidden', `Invalid resource limit: ${why}`)

export async function changeLimit(
  context: IdentityContext,
  id: string,
  given: LimitChange,
): Promise<LimitShown> {
  context.authorize(limitRules.update, {})
  const row = found(await findLimit(context.app.db, id), 'limit', id)
  const after: Limit = {
    ...row,
    resourceLimit: given.resourceLimit ?? row.resourceLimit,
    description: given.description === undefined ? row.description : given.description,
  }
  return change(context.app, async (tx) => {
    const limit = await shown(tx, after)
    const place = await findProject(tx, row.targetId)
    if (!place) throw notFound('limit', id)
    await checkModel(context, tx, after, place, limit.registered)
    await updateLimit(tx, id, after)
    return limit
  })
}

export async function deleteLimit(context: IdentityContext, id: string): Promise<void> {
  context.authorize(limitRules.delete, {})
  found(await findLimit(context.app.db, id), 'limit', id)
  await change(context.app, (tx) => deleteRow(tx, id))
}
