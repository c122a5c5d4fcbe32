// /api/users, /api/whoami, rights in virtual hosts, and limits of users.
import { isPassword } from '../admin/password.ts'
import { need, tagsOf, textAt, wholeAt } from '../admin/read.ts'
import { badRequest, notFound } from '../admin/refusal.ts'
import type { Registry } from '../admin/registry.ts'
import {
  clearPermission,
  clearTopicPermission,
  deleteUser,
  givenPassword,
  isUserLimit,
  newPassword,
  putUser,
  setPermission,
  setTopicPermission,
  setUserLimits,
} from '../admin/set-user.ts'
import { permissionsJson, topicPermissionsJson, userJson } from '../admin/settings.ts'
import type { User } from '../admin/user.ts'
import type { JsonObject } from '../core/json.ts'
import { bodyObject } from './request.ts'
import { del, get, type Handle, type Params, post, put, type Route } from './route.ts'

const list: Handle = ({ registry }) => ({ list: users(registry).map(userJson) })
const listPermissions: Handle = ({ registry }) => ({ list: users(registry).flatMap(permissionsJson) })
const listTopics: Handle = ({ registry }) => ({ list: users(registry).flatMap(topicPermissionsJson) })

export const userRoutes: readonly Route[] = [
  get('whoami', 'management', (_context, { user }) => ({
    object: { name: user.name, tags: [...user.tags] },
  })),
  get('users', 'administrator', list),
  get('users/without-permissions', 'administrator', ({ registry }) => ({
    list: users(registry)
      .filter(({ permissions }) => permissions.size === 0)
      .map(userJson),
  })),
  post('users/bulk-delete', 'administrator', ({ registry }, { body }) => {
    const { users: names } = bodyObject(body)
    if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
      throw badRequest('users should be a list of names')
    for (const name of names) if (registry.users.has(name)) deleteUser(registry, name)
    return { status: 204 }
  }),
  get('users/:name', 'administrator', ({ registry }, _request, params) => ({
    object: userJson(userOf(registry, params)),
  })),
  put('users/:name', 'administrator', ({ registry }, { body }, { name }) => ({
    status: putUser(registry, name!, userChange(registry, bodyObject(body))) ? 201 : 204,
  })),
  del('users/:name', 'administrator', ({ registry }, _request, { name }) => {
    deleteUser(registry, name!)
    return { status: 204 }
  }),
  get('users/:name/permissions', 'administrator', ({ registry }, _request, params) => ({
    list: permissionsJson(userOf(registry, params)),
  })),
  get('users/:name/topic-permissions', 'administrator', ({ registry }, _request, params) => ({
    list: topicPermissionsJson(userOf(registry, params)),
  })),

  get('permissions', 'administrator', listPermissions),
  get('permissions/:vhost/:name', 'administrator', ({ registry }, _request, params) => {
    const own = permissionsJson(userOf(registry, params)).find(({ vhost }) => vhost === params.vhost)
    if (!own) throw notFound()
    return { object: own }
  }),
  put('permissions/:vhost/:name', 'administrator', ({ registry }, { body }, { vhost, name }) => {
    const given = bodyObject(body)
    need(given, 'configure', 'write', 'read')
    const isNew = setPermission(registry, vhost!, name!, {
      configure: textAt(given, 'configure'),
      write: textAt(given, 'write'),
      read: textAt(given, 'read'),
    })
    return { status: isNew ? 201 : 204 }
  }),
  del('permissions/:vhost/:name', 'administrator', ({ registry }, _request, { vhost, name }) => {
    clearPermission(registry, vhost!, name!)
    return { status: 204 }
  }),
  get('topic-permissions', 'administrator', listTopics),
  get('topic-permissions/:vhost/:name', 'administrator', ({ registry }, _request, params) => {
    const own = topicPermissionsJson(userOf(registry, params)).filter(({ vhost }) => vhost === params.vhost)
    if (own.length === 0) throw notFound()
    return { list: own }
  }),
  put('topic-permissions/:vhost/:name', 'administrator', ({ registry }, { body }, { vhost, name }) => {
    const given = bodyObject(body)
    need(given, 'exchange', 'write', 'read')
    const isNew = setTopicPermission(registry, vhost!, name!, textAt(given, 'exchange'), {
      write: textAt(given, 'write'),
      read: textAt(given, 'read'),
    })
    return { status: isNew ? 201 : 204 }
  }),
  del('topic-permissions/:vhost/:name', 'administrator', ({ registry }, { query }, { vhost, name }) => {
    clearTopicPermission(registry, vhost!, name!, query.get('exchange'))
    return { status: 204 }
  }),
  del('topic-permissions/:vhost/:name/:exchange', 'administrator', ({ registry }, _request, params) => {
    clearTopicPermission(registry, params.vhost!, params.name!, params.exchange)
    return { status: 204 }
  }),

  get('user-limits', 'administrator', ({ registry }) => ({ list: users(registry).flatMap(limitsJson) })),
  get('user-limits/:name', 'administrator', ({ registry }, _request, params) => ({
    list: limitsJson(userOf(registry, params)),
  })),
  put('user-limits/:name/:limit', 'administrator', ({ registry }, { body }, params) => {
    const given = bodyObject(body)
    need(given, 'value')
    setUserLimits(registry, userOf(registry, params), { [params.limit!]: wholeAt(given, 'value') })
    return { status: 204 }
  }),
  del('user-limits/:name/:limit', 'administrator', ({ registry }, _request, params) => {
    const user = userOf(registry, params)
    if (isUserLimit(params.limit!)) user.limits.delete(params.limit)
    registry.changed()
    return { status: 204 }
  }),
  post('nimbo/authenticate', 'administrator', ({ registry }, { body }) => {
    const given = bodyObject(body)
    const user = registry.users.get(textAt(given, 'username'))
    return { object: { ok: user !== undefined && isPassword(textAt(given, 'password'), user.password) } }
  }),
]

function users({ users: all }: Registry): User[] {
  return [...all.values()]
}

function userOf({ users: all }: Registry, { name }: Params): User {
  const user = all.get(name!)
  if (!user) throw notFound()
  return user
}

/** Without either kind of password the user has none, as in RabbitMQ. */
function userChange(registry: Registry, given: JsonObject) {
  const tags = given.tags ?? given.administrator
  if (tags === undefined) throw badRequest('tags_not_present')
  const { hashing_algorithm: algorithm, password, password_hash: hash } = given
  if (password !== undefined && hash !== undefined)
    throw badRequest('both_password_and_password_hash_are_provided')
  return {
    tags: typeof tags === 'boolean' ? (tags ? ['administrator'] : []) : tagsOf(tags),
    password:
      password === undefined
        ? givenPassword(textAt(given, 'password_hash', ''), algorithm)
        : newPassword(registry, textAt(given, 'password'), algorithm),
  }
}

function limitsJson({ name, limits }: User): JsonObject[] {
  return limits.size === 0 ? [] : [{ user: name, value: Object.fromEntries(limits) }]
}
