// Routes of endpoint groups and of the endpoints that a project sees.
// https://docs.openstack.org/api-ref/identity/v3-ext/#os-ep-filter-api
import { route } from '../app.ts'
import {
  addEndpointToProject,
  addGroupToProject,
  changeEndpointGroup,
  checkEndpointInProject,
  createEndpointGroup,
  deleteEndpointGroup,
  getEndpointGroup,
  getGroupInProject,
  listEndpointGroupsFor,
  listEndpointsOfGroup,
  listEndpointsOfProject,
  listGroupsOfProject,
  listProjectsOfEndpoint,
  listProjectsOfGroup,
  removeEndpointFromProject,
  removeGroupFromProject,
} from '../ops/endpoint-filter.ts'
import { endpointView } from '../resources/endpoint.ts'
import {
  endpointGroupCreate,
  endpointGroupRules,
  endpointGroupUpdate,
  endpointGroupView,
  projectEndpointRules,
} from '../resources/endpoint-filter.ts'
import { projectView } from '../resources/project.ts'
import { listing } from './listing.ts'

const groups = '/OS-EP-FILTER/endpoint_groups'
const group = `${groups}/:endpoint_group_id`
const groupProject = `${group}/projects/:project_id`
const projectEndpoint = '/OS-EP-FILTER/projects/:project_id/endpoints/:endpoint_id'

const groupPlace = (params: Record<string, string>) => ({
  endpointGroupId: params.endpoint_group_id!,
  projectId: params.project_id!,
})
const endpointPlace = (params: Record<string, string>) => ({
  projectId: params.project_id!,
  endpointId: params.endpoint_id!,
})

const groupRoutes = [
  route('GET', groups, {
    policy: endpointGroupRules.list,
    handle: async (context, { query }) => {
      const rows = await listEndpointGroupsFor(context, { name: query.get('name') })
      const views = rows.map((row) => endpointGroupView(row, context))
      return listing(context, groups, query, 'endpoint_groups', views, ['name'])
    },
  }),
  route('POST', groups, {
    policy: endpointGroupRules.create,
    body: endpointGroupCreate,
    status: 201,
    handle: async (context, { body }) => ({
      endpoint_group: endpointGroupView(await createEndpointGroup(context, body), context),
    }),
  }),
  route('GET', group, {
    policy: endpointGroupRules.get,
    handle: async (context, { params }) => ({
      endpoint_group: endpointGroupView(await getEndpointGroup(context, params.endpoint_group_id!), context),
    }),
  }),
  route('PATCH', group, {
    policy: endpointGroupRules.update,
    body: endpointGroupUpdate,
    handle: async (context, { params, body }) => ({
      endpoint_group: endpointGroupView(
        await changeEndpointGroup(context, params.endpoint_group_id!, body),
        context,
      ),
    }),
  }),
  route('DELETE', group, {
    policy: endpointGroupRules.delete,
    handle: (context, { params }) => deleteEndpointGroup(context, params.endpoint_group_id!),
  }),
  route('GET', `${group}/endpoints`, {
    policy: endpointGroupRules.listEndpoints,
    handle: async (context, { params, query }) => {
      const rows = await listEndpointsOfGroup(context, params.endpoint_group_id!)
      const views = rows.map((row) => endpointView(row, context))
      return listing(context, `${groups}/${params.endpoint_group_id}/endpoints`, query, 'endpoints', views)
    },
  }),
]

const groupProjectRoutes = [
  route('GET', `${group}/projects`, {
    policy: endpointGroupRules.listProjects,
    handle: async (context, { params, query }) => {
      const rows = await listProjectsOfGroup(context, params.endpoint_group_id!)
      const views = rows.map((row) => projectView(row, context))
      return listing(context, `${groups}/${params.endpoint_group_id}/projects`, query, 'projects', views)
    },
  }),
  route('GET', groupProject, {
    policy: endpointGroupRules.getInProject,
    handle: async (context, { params }) => ({
      project: projectView(await getGroupInProject(context, groupPlace(params)), context),
    }),
  }),
  route('PUT', groupProject, {
    policy: endpointGroupRules.addToProject,
    handle: (context, { params }) => addGroupToProject(context, groupPlace(params)),
  }),
  route('DELETE', groupProject, {
    policy: endpointGroupRules.removeFromProject,
    handle: (context, { params }) => removeGroupFromProject(context, groupPlace(params)),
  }),
  route('GET', '/OS-EP-FILTER/projects/:project_id/endpoint_groups', {
    policy: endpointGroupRules.listOfProject,
    handle: async (context, { params, query }) => {
      const rows = await listGroupsOfProject(context, params.project_id!)
      const views = rows.map((row) => endpointGroupView(row, context))
      const path = `/OS-EP-FILTER/projects/${params.project_id}/endpoint_groups`
      return listing(context, path, query, 'endpoint_groups', views)
    },
  }),
]

const projectEndpointRoutes = [
  route('GET', '/OS-EP-FILTER/projects/:project_id/endpoints', {
    policy: projectEndpointRules.list,
    handle: async (context, { params, query }) => {
      const rows = await listEndpointsOfProject(context, params.project_id!)
      const views = rows.map((row) => endpointView(row, context))
      const path = `/OS-EP-FILTER/projects/${params.project_id}/endpoints`
      return listing(context, path, query, 'endpoints', views)
    },
  }),
  route('GET', projectEndpoint, {
    policy: projectEndpointRules.check,
    handle: (context, { params }) => checkEndpointInProject(context, endpointPlace(params)),
  }),
  route('PUT', projectEndpoint, {
    policy: projectEndpointRules.add,
    handle: (context, { params }) => addEndpointToProject(context, endpointPlace(params)),
  }),
  route('DELETE', projectEndpoint, {
    policy: projectEndpointRules.remove,
    handle: (context, { params }) => removeEndpointFromProject(context, endpointPlace(params)),
  }),
  route('GET', '/OS-EP-FILTER/endpoints/:endpoint_id/projects', {
    policy: projectEndpointRules.listProjects,
    handle: async (context, { params, query }) => {
      const rows = await listProjectsOfEndpoint(context, params.endpoint_id!)
      const views = rows.map((row) => projectView(row, context))
      const path = `/OS-EP-FILTER/endpoints/${params.endpoint_id}/projects`
      return listing(context, path, query, 'projects', views)
    },
  }),
]

export const endpointFilterRoutes = [...groupRoutes, ...groupProjectRoutes, ...projectEndpointRoutes]
