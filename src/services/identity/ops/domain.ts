// Decisions about domains. A domain goes with all that is in it, and only after it was disabled.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { IdentityContext } from '../app.ts'
import { type DomainChange, domainRules, type NewDomain } from '../resources/domain.ts'
import { domainOfDomains, type Project } from '../resources/project.ts'
import { deleteDomainOptions } from '../store/domain-config.ts'
import { deleteGroups, listGroups } from '../store/group.ts'
import {
  deleteProjects,
  findDomainByName,
  findProject,
  insertProject,
  listProjects,
  updateProject,
} from '../store/project.ts'
import { deleteRole, listRoles } from '../store/role.ts'
import { deleteUsers, listUsers } from '../store/user.ts'
import { change, found, refuseImmutable } from './change.ts'
import { changedRow, newRow } from './project-row.ts'
import { dropReferencesToGroups, dropReferencesToTargets, dropReferencesToUsers } from './reference.ts'

export async function listDomains(
  context: IdentityContext,
  filter: { name?: string; enabled?: boolean },
): Promise<Project[]> {
  const own = context.caller.domainId
  context.authorize(domainRules.list, { 'target.domain.id': own })
  const { name, ...rest } = filter
  const named = name === undefined ? undefined : await findDomainByName(context.app.db, name)
  const rows = await listProjects(context.app.db, { ...rest, isDomain: true })
  // A domain's own people see that domain.
  return rows.filter(
    ({ id }) => (name === undefined || id === named?.id) && (own === undefined || id === own),
  )
}

async function domainRow(context: IdentityContext, id: string): Promise<Project | undefined> {
  const row = await findProject(context.app.db, id)
  return row?.isDomain ? row : undefined
}

export async function getDomain(context: IdentityContext, id: string): Promise<Project> {
  const row = await domainRow(context, id)
  context.authorize(domainRules.get, row ? { 'target.domain.id': row.id } : {})
  return found(row, 'domain', id)
}

export async function createDomain(
  context: IdentityContext,
  given: Omit<NewDomain, 'explicitDomainId'> & { explicitDomainId?: string },
): Promise<Project> {
  const { app } = context
  context.authorize(domainRules.create, {})
  const row = newRow(app, given, {
    id: given.explicitDomainId ?? app.world.random.hexId(),
    domainId: domainOfDomains,
    parentId: null,
    isDomain: true,
  })
  await change(
    app,
    (tx) => insertProject(tx, row),
    `Conflict occurred attempting to store domain - there is a domain of the name ${row.name} or the id ${row.id} already.`,
  )
  return row
}

export async function changeDomain(
  context: IdentityContext,
  id: string,
  given: DomainChange,
): Promise<Project> {
  const { app } = context
  context.authorize(domainRules.update, { 'target.domain.id': id })
  const row = found(await domainRow(context, id), 'domain', id)
  refuseImmutable('domain', row, given)
  const after = changedRow(row, given)
  await change(
    app,
    async (tx) => {
      await updateProject(tx, id, after)
      if (row.enabled && !after.enabled) await app.tokens.revoke(tx, { domainId: id })
    },
    `Conflict occurred attempting to store domain - there is a domain of the name ${after.name} already.`,
  )
  return after
}

export async function deleteDomain(context: IdentityContext, id: string): Promise<void> {
  const { app } = context
  context.authorize(domainRules.delete, { 'target.domain.id': id })
  const row = found(await domainRow(context, id), 'domain', id)
  refuseImmutable('domain', row)
  if (row.enabled)
    throw new CloudError('forbidden', 'Cannot delete a domain that is enabled, please disable it first.')
  await change(app, async (tx) => {
    const idsOf = (rows: readonly { id: string }[]) => rows.map((each) => each.id)
    const users = idsOf(await listUsers(tx, { domainId: id }))
    const groups = idsOf(await listGroups(tx, { domainId: id }))
    const projects = idsOf(await listProjects(tx, { domainId: id, isDomain: false }))
    await dropReferencesToUsers(app, tx, users)
    await dropReferencesToGroups(tx, groups)
    await dropReferencesToTargets(app, tx, [...projects, id])
    for (const role of await listRoles(tx, { domainId: id })) await deleteRole(tx, role.id)
    await deleteUsers(tx, users)
    await deleteGroups(tx, groups)
    await deleteDomainOptions(tx, { domainId: id })
    await deleteProjects(tx, [...projects, id])
    await app.tokens.revoke(tx, { domainId: id })
  })
}
