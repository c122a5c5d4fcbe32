// Decisions about which endpoints the catalog shows to which project.
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { IdentityContext } from '../app.ts'
import type { Endpoint } from '../resources/endpoint.ts'
import {
  type EndpointFilters,
  type EndpointGroup,
  type EndpointGroupChange,
  endpointGroupRules,
  type NewEndpointGroup,
  projectEndpointRules,
} from '../resources/endpoint-filter.ts'
import type { Project } from '../resources/project.ts'
import { findEndpoint, listEndpoints } from '../store/endpoint.ts'
import {
  deleteProjectEndpointGroups,
  deleteProjectEndpoints,
  deleteEndpointGroup as deleteRow,
  findEndpointGroup,
  insertEndpointGroup,
  insertProjectEndpoint,
  insertProjectEndpointGroup,
  listEndpointGroups,
  listProjectEndpointGroups,
  listProjectEndpoints,
  updateEndpointGroup,
} from '../store/endpoint-filter.ts'
import { findProject, listProjects } from '../store/project.ts'
import { change, found, notFound } from './change.ts'

/** An endpoint's attributes all are as the filter has them. */
export function matchesFilters(endpoint: Endpoint, filters: EndpointFilters): boolean {
  return (
    (filters.service_id === undefined || filters.service_id === endpoint.serviceId) &&
    (filters.region_id === undefined || filters.region_id === endpoint.regionId) &&
    (filters.interface === undefined || filters.interface === endpoint.interface)
  )
}

export async function listEndpointGroupsFor(
  context: IdentityContext,
  filter: { name?: string },
): Promise<EndpointGroup[]> {
  context.authorize(endpointGroupRules.list, {})
  return listEndpointGroups(context.app.db, filter)
}

async function groupFor(context: IdentityContext, rule: PolicyRule, id: string): Promise<EndpointGroup> {
  context.authorize(rule, {})
  return found(await findEndpointGroup(context.app.db, id), 'endpoint group', id)
}

export const getEndpointGroup = (context: IdentityContext, id: string) =>
  groupFor(context, endpointGroupRules.get, id)

export async function createEndpointGroup(
  context: IdentityContext,
  given: NewEndpointGroup,
): Promise<EndpointGroup> {
  const { world } = context.app
  context.authorize(endpointGroupRules.create, {})
  const row: EndpointGroup = {
    id: world.random.hexId(),
    name: given.name,
    description: given.description ?? null,
    filters: given.filters,
    createdAt: world.clock.now(),
  }
  await change(context.app, (tx) => insertEndpointGroup(tx, row))
  return row
}

export async function changeEndpointGroup(
  context: IdentityContext,
  id: string,
  given: EndpointGroupChange,
): Promise<EndpointGroup> {
  const row = await groupFor(context, endpointGroupRules.update, id)
  const after: EndpointGroup = {
    ...row,
    name: given.name ?? row.name,
    description: given.description === undefined ? row.description : given.description,
    filters: given.filters ?? row.filters,
  }
  await change(context.app, (tx) => updateEndpointGroup(tx, id, after))
  return after
}

export async function deleteEndpointGroup(context: IdentityContext, id: string): Promise<void> {
  await groupFor(context, endpointGroupRules.delete, id)
  await change(context.app, (tx) => deleteRow(tx, id))
}

export async function listEndpointsOfGroup(context: IdentityContext, id: string): Promise<Endpoint[]> {
  const { filters } = await groupFor(context, endpointGroupRules.listEndpoints, id)
  return (await listEndpoints(context.app.db)).filter((each) => matchesFilters(each, filters))
}

export async function listProjectsOfGroup(context: IdentityContext, id: string): Promise<Project[]> {
  await groupFor(context, endpointGroupRules.listProjects, id)
  const { db } = context.app
  const rows = await listProjectEndpointGroups(db, { endpointGroupId: id })
  return listProjects(db, { id: rows.map((each) => each.projectId), isDomain: false })
}

async function requireProject(context: IdentityContext, id: string): Promise<Project> {
  const row = await findProject(context.app.db, id)
  return found(row?.isDomain ? undefined : row, 'project', id)
}

export async function listGroupsOfProject(
  context: IdentityContext,
  projectId: string,
): Promise<EndpointGroup[]> {
  const { db } = context.app
  context.authorize(endpointGroupRules.listOfProject, {})
  await requireProject(context, projectId)
  const rows = await listProjectEndpointGroups(db, { projectId })
  return listEndpointGroups(db, { id: rows.map((each) => each.endpointGroupId) })
}

type GroupPlace = { endpointGroupId: string; projectId: string }

async function groupPlace(context: IdentityContext, rule: PolicyRule, place: GroupPlace): Promise<Project> {
  await groupFor(context, rule, place.endpointGroupId)
  return requireProject(context, place.projectId)
}

export async function getGroupInProject(context: IdentityContext, place: GroupPlace): Promise<Project> {
  const project = await groupPlace(context, endpointGroupRules.getInProject, place)
  if ((await listProjectEndpointGroups(context.app.db, place)).length === 0)
    throw notFound('endpoint group in project', place.projectId)
  return project
}

export async function addGroupToProject(context: IdentityContext, place: GroupPlace): Promise<void> {
  await groupPlace(context, endpointGroupRules.addToProject, place)
  await change(context.app, (tx) => insertProjectEndpointGroup(tx, place))
}

export async function removeGroupFromProject(context: IdentityContext, place: GroupPlace): Promise<void> {
  await groupPlace(context, endpointGroupRules.removeFromProject, place)
  await change(context.app, async (tx) => {
    if ((await deleteProjectEndpointGroups(tx, place)) === 0)
      throw notFound('endpoint group in project', place.projectId)
  })
}

type EndpointPlace = { projectId: string; endpointId: string }

async function endpointPlace(
  context: IdentityContext,
  rule: PolicyRule,
  { projectId, endpointId }: EndpointPlace,
): Promise<void> {
  context.authorize(rule, {})
  found(await findEndpoint(context.app.db, endpointId), 'endpoint', endpointId)
  await requireProject(context, projectId)
}

export async function addEndpointToProject(context: IdentityContext, place: EndpointPlace): Promise<void> {
  await endpointPlace(context, projectEndpointRules.add, place)
  await change(context.app, (tx) => insertProjectEndpoint(tx, place))
}

export async function checkEndpointInProject(context: IdentityContext, place: EndpointPlace): Promise<void> {
  await endpointPlace(context, projectEndpointRules.check, place)
  if ((await listProjectEndpoints(context.app.db, place)).length === 0)
    throw notFound('endpoint in project', place.endpointId)
}

export async function removeEndpointFromProject(
  context: IdentityContext,
  place: EndpointPlace,
): Promise<void> {
  await endpointPlace(context, projectEndpointRules.remove, place)
  await change(context.app, async (tx) => {
    if ((await deleteProjectEndpoints(tx, place)) === 0)
      throw notFound('endpoint in project', place.endpointId)
  })
}

/** Those given to it singly and those of its groups. */
export async function listEndpointsOfProject(
  context: IdentityContext,
  projectId: string,
): Promise<Endpoint[]> {
  const { db } = context.app
  context.authorize(projectEndpointRules.list, {})
  await requireProject(context, projectId)
  const single = new Set((await listProjectEndpoints(db, { projectId })).map((each) => each.endpointId))
  const rows = await listProjectEndpointGroups(db, { projectId })
  const groups = await listEndpointGroups(db, { id: rows.map((each) => each.endpointGroupId) })
  const all = await listEndpoints(db)
  return all.filter(
    (each) => single.has(each.id) || groups.some(({ filters }) => matchesFilters(each, filters)),
  )
}

export async function listProjectsOfEndpoint(
  context: IdentityContext,
  endpointId: string,
): Promise<Project[]> {
  const { db } = context.app
  context.authorize(projectEndpointRules.listProjects, {})
  found(await findEndpoint(db, endpointId), 'endpoint', endpointId)
  const rows = await listProjectEndpoints(db, { endpointId })
  return listProjects(db, { id: rows.map((each) => each.projectId), isDomain: false })
}
