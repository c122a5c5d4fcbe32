// SQL of endpoint groups and of what they and single endpoints are for.
import type { Db } from '#kit/db/database.ts'
import {
  type EndpointGroup,
  endpointGroup,
  type ProjectEndpoint,
  type ProjectEndpointGroup,
  projectEndpoint,
  projectEndpointGroup,
} from '../resources/endpoint-filter.ts'
import { defined } from './filter.ts'

export const findEndpointGroup = (db: Db, id: string) => endpointGroup.get(db, id)

export const listEndpointGroups = (
  db: Db,
  filter: { id?: readonly string[]; name?: string } = {},
): Promise<EndpointGroup[]> =>
  endpointGroup.find(db, defined(filter), {
    orderBy: [
      ['createdAt', 'asc'],
      ['id', 'asc'],
    ],
  })

export const insertEndpointGroup = (db: Db, row: EndpointGroup) => endpointGroup.insert(db, row)

export const updateEndpointGroup = (db: Db, id: string, change: Partial<EndpointGroup>) =>
  endpointGroup.update(db, { id }, change)

export async function deleteEndpointGroup(db: Db, id: string): Promise<void> {
  await projectEndpointGroup.delete(db, { endpointGroupId: id })
  await endpointGroup.delete(db, { id })
}

type EndpointOf = { projectId?: string | readonly string[]; endpointId?: string | readonly string[] }
type GroupOf = { projectId?: string | readonly string[]; endpointGroupId?: string }

export const listProjectEndpoints = (db: Db, filter: EndpointOf = {}): Promise<ProjectEndpoint[]> =>
  projectEndpoint.find(db, defined(filter))

/** No error when it is there. */
export const insertProjectEndpoint = (db: Db, row: ProjectEndpoint) => projectEndpoint.insertIfAbsent(db, row)

/** How many there were. */
export const deleteProjectEndpoints = (db: Db, filter: EndpointOf) =>
  projectEndpoint.delete(db, defined(filter))

export const listProjectEndpointGroups = (db: Db, filter: GroupOf = {}): Promise<ProjectEndpointGroup[]> =>
  projectEndpointGroup.find(db, defined(filter))

/** No error when it is there. */
export const insertProjectEndpointGroup = (db: Db, row: ProjectEndpointGroup) =>
  projectEndpointGroup.insertIfAbsent(db, row)

/** How many there were. */
export const deleteProjectEndpointGroups = (db: Db, filter: GroupOf) =>
  projectEndpointGroup.delete(db, defined(filter))
