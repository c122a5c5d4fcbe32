// Which endpoints the catalog shows to a project: single ones, and groups of those that match a filter.
// https://docs.openstack.org/api-ref/identity/v3-ext/#os-ep-filter-api
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { view } from '#kit/http/view.ts'
import { rule } from '#kit/policy/policy.ts'
import { interfaces } from './endpoint.ts'
import { anyText, name255 } from './field.ts'
import { admin, cloudWide, reader } from './rule.ts'

/** An endpoint matches that has all of them. */
export type EndpointFilters = {
  service_id?: string
  region_id?: string | null
  interface?: string
}

export const endpointGroup = table('endpoint_group', {
  id: c.text(64),
  name: c.text(255),
  description: c.nullable(c.text()),
  filters: c.json<EndpointFilters>(),
  createdAt: c.time(),
})
export type EndpointGroup = RowOf<typeof endpointGroup>

export const projectEndpoint = table(
  'project_endpoint',
  { projectId: c.text(64), endpointId: c.text(64) },
  { primaryKey: ['projectId', 'endpointId'], index: [['endpointId']] },
)
export type ProjectEndpoint = RowOf<typeof projectEndpoint>

export const projectEndpointGroup = table(
  'project_endpoint_group',
  { projectId: c.text(64), endpointGroupId: c.text(64) },
  { primaryKey: ['projectId', 'endpointGroupId'], index: [['endpointGroupId']] },
)
export type ProjectEndpointGroup = RowOf<typeof projectEndpointGroup>

const filters = Type.Object(
  {
    service_id: Type.Optional(Type.String({ maxLength: 64 })),
    region_id: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
    interface: Type.Optional(Type.Union(interfaces.map((each) => Type.Literal(each)))),
  },
  { additionalProperties: false },
)
export const endpointGroupCreate = body(
  'endpoint_group',
  {
    name: { schema: name255 },
    description: { schema: anyText, optional: true },
    filters: { schema: filters },
  },
  { extra: 'ignore' },
)
export const endpointGroupUpdate = body(
  'endpoint_group',
  {
    name: { schema: name255, optional: true },
    description: { schema: anyText, optional: true },
    filters: { schema: filters, optional: true },
  },
  { extra: 'ignore', least: 1 },
)
export type NewEndpointGroup = ReturnType<typeof endpointGroupCreate.parse>
export type EndpointGroupChange = ReturnType<typeof endpointGroupUpdate.parse>

export const endpointGroupView = view<EndpointGroup>()({
  id: (g) => g.id,
  name: (g) => g.name,
  description: (g) => g.description,
  filters: (g) => g.filters,
  links: (g, { origin }) => ({ self: `${origin}/v3/OS-EP-FILTER/endpoint_groups/${g.id}` }),
})

export const endpointGroupRules = {
  list: rule('identity:list_endpoint_groups', reader, 'List endpoint groups', cloudWide),
  get: rule('identity:get_endpoint_group', reader, 'Show an endpoint group', cloudWide),
  create: rule('identity:create_endpoint_group', admin, 'Create an endpoint group', cloudWide),
  update: rule('identity:update_endpoint_group', admin, 'Change an endpoint group', cloudWide),
  delete: rule('identity:delete_endpoint_group', admin, 'Delete an endpoint group', cloudWide),
  listProjects: rule(
    'identity:list_projects_associated_with_endpoint_group',
    reader,
    'List the projects that an endpoint group is for',
    cloudWide,
  ),
  listEndpoints: rule(
    'identity:list_endpoints_associated_with_endpoint_group',
    reader,
    'List the endpoints of an endpoint group',
    cloudWide,
  ),
  getInProject: rule(
    'identity:get_endpoint_group_in_project',
    reader,
    'See whether an endpoint group is for a project',
    cloudWide,
  ),
  listOfProject: rule(
    'identity:list_endpoint_groups_for_project',
    reader,
    "List a project's endpoint groups",
    cloudWide,
  ),
  addToProject: rule(
    'identity:add_endpoint_group_to_project',
    admin,
    'Give an endpoint group to a project',
    cloudWide,
  ),
  removeFromProject: rule(
    'identity:remove_endpoint_group_from_project',
    admin,
    'Take an endpoint group from a project',
    cloudWide,
  ),
}
export const projectEndpointRules = {
  listProjects: rule(
    'identity:list_projects_for_endpoint',
    reader,
    'List the projects that an endpoint is for',
    cloudWide,
  ),
  add: rule('identity:add_endpoint_to_project', admin, 'Give an endpoint to a project', cloudWide),
  check: rule(
    'identity:check_endpoint_in_project',
    reader,
    'See whether an endpoint is for a project',
    cloudWide,
  ),
  list: rule('identity:list_endpoints_for_project', reader, "List a project's endpoints", cloudWide),
  remove: rule('identity:remove_endpoint_from_project', admin, 'Take an endpoint from a project', cloudWide),
}
