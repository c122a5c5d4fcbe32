// Routes of users. https://docs.openstack.org/api-ref/identity/v3/#users
import { route } from '../app.ts'
import { listLimitIn } from '../ops/domain-config.ts'
import { projectsOfUser } from '../ops/effective-role.ts'
import { listGroupsOfUser } from '../ops/group.ts'
import { changeOwnPassword, changeUser, createUser, deleteUser, getUser, listUsersFor } from '../ops/user.ts'
import { groupView } from '../resources/group.ts'
import { projectRules, projectView } from '../resources/project.ts'
import { passwordChange, userCreate, userTarget, userUpdate, userView } from '../resources/user.ts'
import { findUser } from '../store/user.ts'
import { listing, truth } from './listing.ts'
import { userFilter } from './user-filter.ts'

export const userRoutes = [
  route('GET', '/users', {
    policy: 'token',
    handle: async (context, { query }) => {
      const rows = await listUsersFor(context, {
        name: query.get('name'),
        domainId: query.get('domain_id'),
        enabled: truth(query, 'enabled'),
      })
      const views = rows.filter(userFilter(query)).map((row) => userView(row, context))
      const most = await listLimitIn(context, query.get('domain_id'))
      return listing(context, '/users', query, 'users', views, ['name'], most)
    },
  }),
  route('POST', '/users', {
    policy: 'token',
    body: userCreate,
    status: 201,
    handle: async (context, { body }) => ({ user: userView(await createUser(context, body), context) }),
  }),
  route('GET', '/users/:user_id', {
    policy: 'token',
    handle: async (context, { params }) => ({
      user: userView(await getUser(context, params.user_id!), context),
    }),
  }),
  route('PATCH', '/users/:user_id', {
    policy: 'token',
    body: userUpdate,
    handle: async (context, { params, body }) => ({
      user: userView(await changeUser(context, params.user_id!, body), context),
    }),
  }),
  route('DELETE', '/users/:user_id', {
    policy: 'token',
    handle: (context, { params }) => deleteUser(context, params.user_id!),
  }),
  route('POST', '/users/:user_id/password', {
    policy: 'public',
    body: passwordChange,
    handle: (context, { params, body }) => changeOwnPassword(context, params.user_id!, body),
  }),
  route('GET', '/users/:user_id/groups', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const rows = await listGroupsOfUser(context, params.user_id!, { name: query.get('name') })
      // Memberships end by themselves for users of federations alone.
      const views = rows.map((row) => ({ ...groupView(row, context), membership_expires_at: null }))
      return listing(context, `/users/${params.user_id}/groups`, query, 'groups', views, ['name'])
    },
  }),
  route('GET', '/users/:user_id/projects', {
    policy: 'token',
    handle: async (context, { params, query }) => {
      const { db } = context.app
      context.authorize(projectRules.listOfUser, userTarget(await findUser(db, params.user_id!)))
      const wanted = { name: query.get('name'), enabled: truth(query, 'enabled') }
      const rows = (await projectsOfUser(db, params.user_id!)).filter(
        (row) =>
          (wanted.name === undefined || row.name === wanted.name) &&
          (wanted.enabled === undefined || row.enabled === wanted.enabled),
      )
      const views = rows.map((row) => projectView(row, context))
      return listing(context, `/users/${params.user_id}/projects`, query, 'projects', views, ['name'])
    },
  }),
]
