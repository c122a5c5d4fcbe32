// The parents and the subtree that a look at a project may ask for, as ids in a tree or as lists of projects.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { IdentityContext } from '../app.ts'
import { limitView } from '../resources/limit.ts'
import { type Project, projectView } from '../resources/project.ts'
import { listAssignments } from '../store/assignment.ts'
import { ancestorsOf, descendantsOf } from '../store/project.ts'
import { limitsByTarget } from './limit.ts'

type Tree = { [id: string]: Tree | null }

export async function familyOf(
  context: IdentityContext,
  row: Project,
  query: Query,
): Promise<Record<string, unknown>> {
  refuseBoth(query, 'parents_as_list', 'parents_as_ids')
  refuseBoth(query, 'subtree_as_list', 'subtree_as_ids')
  const { db } = context.app
  const family: Record<string, unknown> = {}
  if (query.has('parents_as_list') || query.has('parents_as_ids')) {
    const above = (await ancestorsOf(db, row)).filter((each) => !each.isDomain)
    family.parents = query.has('parents_as_ids')
      ? above.reduceRight<Tree | null>((inner, each) => ({ [each.id]: inner }), null)
      : await listed(context, above, query)
  }
  if (query.has('subtree_as_list') || query.has('subtree_as_ids')) {
    const below = await descendantsOf(db, row)
    family.subtree = query.has('subtree_as_ids')
      ? treeBelow(row.id, below)
      : await listed(context, below, query)
  }
  return family
}

async function listed(context: IdentityContext, projects: readonly Project[], query: Query) {
  const shown = await withRole(context, projects)
  const views = shown.map((each) => projectView(each, context))
  if (!query.has('include_limits')) return views.map((project) => ({ project }))
  const ids = shown.map((each) => each.id)
  const limits = await limitsByTarget(context.app.db, ids)
  return views.map((view, at) => {
    const own = limits.get(ids[at]!) ?? []
    return { project: { ...view, limits: own.map((each) => limitView(each, context)) } }
  })
}

/** Lists show only projects in which the caller has a role; trees of ids show all. */
async function withRole(context: IdentityContext, projects: readonly Project[]): Promise<Project[]> {
  const own = await listAssignments(context.app.db, {
    actorId: [context.caller.userId],
    targetKind: 'project',
  })
  const ids = new Set(own.map((each) => each.targetId))
  return projects.filter((each) => ids.has(each.id))
}

function treeBelow(id: string, below: readonly Project[]): Tree | null {
  const children = below.filter((each) => each.parentId === id)
  if (children.length === 0) return null
  return Object.fromEntries(children.map((child) => [child.id, treeBelow(child.id, below)]))
}

function refuseBoth(query: Query, one: string, other: string): void {
  if (query.has(one) && query.has(other))
    throw new CloudError('badRequest', `Use either ${one} or ${other} and not both of them.`)
}
