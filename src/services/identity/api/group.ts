// Routes of groups. https://docs.openstack.org/api-ref/identity/v3/#groups
import { route } from '../app.ts'
import { listLimitIn } from '../ops/domain-config.ts'
import {
  addUserToGroup,
  changeGroup,
  checkUserInGroup,
  createGroup,
  deleteGroup,
  getGroup,
  listGroupsFor,
  listUsersInGroup,
  removeUserFromGroup,
} from '../ops/group.ts'
import { groupCreate, groupUpdate, groupView } from '../resources/group.ts'
import { userView } from '../resources/user.ts'
import { listing } from './listing.ts'
import { userFilter } from './user-filter.ts'

export const groupRoutes = [
  route('GET', '/groups', {
    policy: 'token',
    handle: async (context, { query }) => {
      const filter = { name: query.get('name'), domainId: query.get('domain_id') }
      const views = (await listGroupsFor(context, filter)).map((row) => groupView(row, context))
      const most = await listLimitIn(context, filter.domainId)
      return listing(context, '/groups', query, 'groups', views, ['name'], most)
    },
  }),
  route('POST', '/groups', {
    policy: 'token',
    body: groupCreate,
    status: 201,
    handle: async (context, { body }) => ({ group: groupView(await createGroup(context, body), context) }),
  }),
  route('GET', '/groups/:group_id', {
    policy: 'token',
    handle: async (context, { params }) => ({
      group: groupView(await getGroup(context, params.group_id!), context),
    }),
  }),
  route('PATCH', '/groups/:group_id', {
    policy: 'token',
    body: groupUpdate,
    handle: async (context, { params, body }) => ({
      group: groupView(await changeGroup(context, params.group_id!, body), context),
    }),
  }),
  route('DELETE', '/groups/:group_id', {
    policy: 'token',
    handle: (context, { params }) => deleteGroup(context, params.group_id!),
  }),
  route('GET', '/groups/:group_id/users', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const rows = (await listUsersInGroup(context, params.group_id!)).filter(userFilter(query))
      const views = rows.map((row) => userView(row, context))
      return listing(context, `/groups/${params.group_id}/users`, query, 'users', views, ['name'])
    },
  }),
  route('GET', '/groups/:group_id/users/:user_id', {
    policy: 'token',
    handle: (context, { params }) => checkUserInGroup(context, params.group_id!, params.user_id!),
  }),
  route('PUT', '/groups/:group_id/users/:user_id', {
    policy: 'token',
    handle: (context, { params }) => addUserToGroup(context, params.group_id!, params.user_id!),
  }),
  route('DELETE', '/groups/:group_id/users/:user_id', {
    policy: 'token',
    handle: (context, { params }) => removeUserFromGroup(context, params.group_id!, params.user_id!),
  }),
]
