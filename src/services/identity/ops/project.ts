// Decisions about projects: where one may stand in the tree, what may change, what goes with it.

import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { IdentityContext } from '../app.ts'
import type { IdentityConfig } from '../config.ts'
import {
  type NewProject,
  type Project,
  type ProjectChange,
  projectRules,
  projectTarget,
} from '../resources/project.ts'
import {
  ancestorsOf,
  countChildren,
  deleteProjects,
  descendantsOf,
  findProject,
  insertProject,
  listProjects,
  type ProjectFilter,
  updateProject,
} from '../store/project.ts'
import { change, found, notFound, refuseImmutable } from './change.ts'
import { createDomain } from './domain.ts'
import { changedRow, newRow } from './project-row.ts'
import { dropReferencesToTargets } from './reference.ts'

export async function listProjectsFor(
  context: IdentityContext,
  filter: Omit<ProjectFilter, 'id'>,
): Promise<Project[]> {
  const { app, caller } = context
  // A domain's own people see the domain's projects, whatever they ask for.
  const domainId = caller.domainId ?? filter.domainId
  context.authorize(projectRules.list, { 'target.domain_id': domainId })
  return listProjects(app.db, { ...filter, domainId })
}

export async function getProject(context: IdentityContext, id: string): Promise<Project> {
  const row = await findProject(context.app.db, id)
  context.authorize(projectRules.get, projectTarget(row))
  return found(row, 'project', id)
}

export async function createProject(context: IdentityContext, given: NewProject): Promise<Project> {
  const { app, caller } = context
  if (given.isDomain) {
    if (given.domainId || given.parentId)
      throw new CloudError('badRequest', 'A project that acts as a domain has neither a domain nor a parent.')
    return createDomain(context, given)
  }
  const parent = given.parentId ? await findProject(app.db, given.parentId) : undefined
  const home = caller.domainId ?? caller.projectDomainId ?? caller.userDomainId
  const domainId = given.domainId ?? (parent?.isDomain ? parent.id : parent?.domainId) ?? home!
  context.authorize(projectRules.create, projectTarget({ domainId }))
  if (given.parentId && !parent) throw notFound('project', given.parentId)

  const row = newRow(app, given, {
    id: app.world.random.hexId(),
    domainId,
    parentId: parent?.id ?? domainId,
    isDomain: false,
  })
  await change(
    app,
    async (tx) => {
      await checkPlace(tx, row, depthOf(app.config))
      await insertProject(tx, row)
    },
    `Conflict occurred attempting to store project - domain ${domainId} has a project of the name ${row.name} already.`,
  )
  return row
}

/** Domains and their projects are the two levels that the model of limits knows. */
const depthOf = ({ limitModel, maxProjectTreeDepth }: IdentityConfig) =>
  limitModel === 'strict_two_level' ? 1 : maxProjectTreeDepth

async function checkPlace(db: Db, row: Project, depth: number): Promise<void> {
  const ancestors = await ancestorsOf(db, row)
  const domain = ancestors.at(-1)
  if (!domain?.isDomain) throw notFound('domain', row.domainId)
  if (domain.id !== row.domainId)
    throw new CloudError('badRequest', `The parent ${row.parentId} is not in the domain ${row.domainId}.`)
  if (ancestors.length > depth)
    throw new CloudError('forbidden', `Projects may stand ${depth} levels below their domain and no deeper.`)
  if (row.enabled) refuseDisabledAncestor(ancestors)
}

function refuseDisabledAncestor(ancestors: readonly Project[]): void {
  const disabled = ancestors.find((each) => !each.enabled)
  if (disabled)
    throw new CloudError('forbidden', `The project ${disabled.id} above it is disabled. Enable that first.`)
}

export async function changeProject(
  context: IdentityContext,
  id: string,
  given: ProjectChange,
): Promise<Project> {
  const { app } = context
  const before = await findProject(app.db, id)
  context.authorize(projectRules.update, projectTarget(before))
  const row = found(before, 'project', id)
  refuseImmutable('project', row, given)
  refuseMove(row, given)
  const after = changedRow(row, given)
  await change(
    app,
    async (tx) => {
      if (after.enabled && !row.enabled) refuseDisabledAncestor(await ancestorsOf(tx, row))
      if (!after.enabled && row.enabled) {
        const below = await descendantsOf(tx, row)
        if (below.some((each) => each.enabled))
          throw new CloudError('forbidden', `Cannot disable project ${id}: it has enabled projects below it.`)
        await app.tokens.revoke(tx, { projectId: id })
      }
      await updateProject(tx, id, after)
    },
    `Conflict occurred attempting to store project - domain ${row.domainId} has a project of the name ${after.name} already.`,
  )
  return after
}

function refuseMove(row: Project, given: ProjectChange): void {
  const domainId = row.isDomain ? null : row.domainId
  const moved = [
    ['domain_id', given.domainId, domainId],
    ['is_domain', given.isDomain, row.isDomain],
    ['parent_id', given.parentId, row.parentId],
  ].find(([, wanted, is]) => wanted !== undefined && wanted !== is)
  if (!moved) return
  const kind = moved[0] === 'parent_id' ? 'forbidden' : 'badRequest'
  throw new CloudError(kind, `The attribute ${moved[0]} of a project cannot be changed.`)
}

export async function deleteProject(context: IdentityContext, id: string): Promise<void> {
  const { app } = context
  const row = await findProject(app.db, id)
  context.authorize(projectRules.delete, projectTarget(row))
  refuseImmutable('project', found(row, 'project', id))
  if (row?.isDomain && row.enabled)
    throw new CloudError('forbidden', 'Cannot delete a domain that is enabled, please disable it first.')
  await change(app, async (tx) => {
    if ((await countChildren(tx, id)) > 0)
      throw new CloudError('forbidden', `Cannot delete project ${id}: it has projects below it.`)
    await dropReferencesToTargets(app, tx, [id])
    await deleteProjects(tx, [id])
  })
}
