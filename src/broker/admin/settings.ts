// All that operators set, as the definitions JSON of RabbitMQ has it (without exchanges, queues and bindings):
// what is kept on disk, and the greater part of what is exported and imported.
import { isObject, type JsonObject } from '../core/json.ts'
import { parameters, setGlobalParameter, setParameter } from './parameter.ts'
import { need, objectAt, objectsAt, tagsOf, textAt } from './read.ts'
import { badRequest } from './refusal.ts'
import type { Registry, VhostSettings } from './registry.ts'
import { policyJson, setPolicy } from './set-policy.ts'
import {
  givenPassword,
  newPassword,
  putUser,
  setPermission,
  setTopicPermission,
  setUserLimits,
} from './set-user.ts'
import { putVhost, type VhostChange } from './set-vhost.ts'
import type { User } from './user.ts'

export function exportSettings(registry: Registry): JsonObject {
  const users = [...registry.users.values()]
  return {
    users: users.map(userJson),
    vhosts: [...registry.vhostSettings].map(([name, settings]) => vhostJson(name, settings)),
    permissions: users.flatMap(permissionsJson),
    topic_permissions: users.flatMap(topicPermissionsJson),
    parameters: parameters(registry),
    global_parameters: [...registry.globalParameters].map(([name, value]) => ({ name, value })),
    policies: [...registry.vhosts].flatMap(([vhost, { policies }]) =>
      [...policies.values()].map((policy) => ({ vhost, name: policy.name, ...policyJson(policy) })),
    ),
  }
}

/** Adds and replaces; nothing is removed. With `vhost` given, that is where its parameters and policies go. */
export function importSettings(registry: Registry, settings: JsonObject, vhost?: string): void {
  const at = (each: JsonObject) => vhost ?? textAt(each, 'vhost')
  if (vhost === undefined) {
    for (const user of objectsAt(settings, 'users')) importUser(registry, user)
    for (const each of objectsAt(settings, 'vhosts'))
      putVhost(registry, textAt(each, 'name'), vhostChange(each))
    for (const each of objectsAt(settings, 'permissions'))
      setPermission(registry, at(each), textAt(each, 'user'), {
        configure: textAt(each, 'configure'),
        write: textAt(each, 'write'),
        read: textAt(each, 'read'),
      })
    for (const each of objectsAt(settings, 'topic_permissions'))
      setTopicPermission(registry, at(each), textAt(each, 'user'), textAt(each, 'exchange'), {
        write: textAt(each, 'write'),
        read: textAt(each, 'read'),
      })
    for (const each of objectsAt(settings, 'global_parameters')) {
      need(each, 'value')
      setGlobalParameter(registry, textAt(each, 'name'), each.value!)
    }
  }
  for (const each of objectsAt(settings, 'parameters')) {
    need(each, 'value')
    const [component, name] = [textAt(each, 'component'), textAt(each, 'name')]
    setParameter(registry, { vhost: at(each), component, name, value: each.value! })
  }
  for (const each of objectsAt(settings, 'policies'))
    setPolicy(registry, 'policy', at(each), textAt(each, 'name'), each)
}

export function userJson({ name, password, tags, limits }: User): JsonObject {
  return {
    name,
    password_hash: password.octets.toString('base64'),
    hashing_algorithm: password.algorithm,
    tags: [...tags],
    limits: Object.fromEntries(limits),
  }
}

export function permissionsJson(user: User): JsonObject[] {
  return [...user.permissions].map(([vhost, { configure, write, read }]) => ({
    user: user.name,
    vhost,
    configure: configure.text,
    write: write.text,
    read: read.text,
  }))
}

export function topicPermissionsJson(user: User): JsonObject[] {
  return [...user.topicPermissions].flatMap(([vhost, byExchange]) =>
    [...byExchange].map(([exchange, { write, read }]) => ({
      user: user.name,
      vhost,
      exchange,
      write: write.text,
      read: read.text,
    })),
  )
}

/** Of a PUT as of a definition: description, tags, default_queue_type, tracing. */
export function vhostChange(from: JsonObject): VhostChange {
  const metadata = isObject(from.metadata) ? from.metadata : {}
  const description = from.description ?? metadata.description
  const tags = from.tags ?? metadata.tags
  const type = from.default_queue_type ?? from.defaultqueuetype ?? metadata.default_queue_type
  const change: VhostChange = {}
  if (description !== undefined) change.description = String(description)
  if (tags !== undefined) change.tags = tagsOf(tags)
  if (type === 'classic' || type === 'quorum') change.defaultQueueType = type
  else if (type === null || type === 'undefined') change.defaultQueueType = undefined
  else if (type !== undefined) throw badRequest(`default queue type ${JSON.stringify(type)} is not supported`)
  if (from.tracing !== undefined) change.tracing = from.tracing === true || from.tracing === 'true'
  return change
}

function vhostJson(
  name: string,
  { description, tags, defaultQueueType, tracing }: VhostSettings,
): JsonObject {
  return {
    name,
    description,
    tags: [...tags],
    ...(defaultQueueType && { default_queue_type: defaultQueueType }),
    ...(tracing && { tracing }),
  }
}

function importUser(registry: Registry, from: JsonObject): void {
  const name = textAt(from, 'name')
  const { hashing_algorithm: algorithm } = from
  const password =
    typeof from.password === 'string'
      ? newPassword(registry, from.password, algorithm)
      : givenPassword(textAt(from, 'password_hash', ''), algorithm)
  putUser(registry, name, { tags: tagsOf(from.tags ?? []), password })
  setUserLimits(registry, registry.users.get(name)!, objectAt(from, 'limits'))
}
