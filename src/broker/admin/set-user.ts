// Users, their rights and limits: every change of them.
import type { JsonValue } from '../core/json.ts'
import {
  hashPassword,
  isHashingAlgorithm,
  noPassword,
  octetsOf,
  type PasswordHash,
  saltOctets,
  usualAlgorithm,
} from './password.ts'
import { Pattern } from './pattern.ts'
import { badRequest, notFound, pairTerms } from './refusal.ts'
import type { Registry } from './registry.ts'
import { type Permission, TopicPattern, type TopicPermission, User, type UserLimit } from './user.ts'

export type UserChange = {
  tags?: readonly string[]
  password?: PasswordHash
}

/** True where the user is new. */
export function putUser(registry: Registry, name: string, change: UserChange): boolean {
  const known = registry.users.get(name)
  const user = known ?? new User(name)
  if (change.tags) user.tags = change.tags
  if (change.password) user.password = change.password
  registry.users.set(name, user)
  registry.changed()
  return known === undefined
}

export function deleteUser(registry: Registry, name: string): void {
  const user = registry.users.get(name)
  if (!user) throw notFound()
  // The object outlives the name in open connections until they are closed: it must not allow anything.
  user.permissions.clear()
  registry.users.delete(name)
  registry.changed()
  registry.host.userDeleted(name)
}

export function newPassword(
  registry: Registry,
  password: string,
  algorithm: JsonValue | undefined = usualAlgorithm,
): PasswordHash {
  const salt = registry.host.world.random.bytes(saltOctets)
  return hashPassword(password, salt, isHashingAlgorithm(algorithm) ? algorithm : usualAlgorithm)
}

/** Of a definition; an empty hash is a user without a password. */
export function givenPassword(hash: string, algorithm: JsonValue | undefined): PasswordHash {
  const octets = octetsOf(hash)
  if (!octets) throw badRequest('password_hash is not base64')
  if (octets.length === 0) return noPassword
  if (algorithm !== undefined && !isHashingAlgorithm(algorithm))
    throw badRequest(`hashing algorithm ${String(algorithm)} is not supported`)
  return { algorithm: algorithm ?? usualAlgorithm, octets }
}

/** Both must be there. */
function userAt(registry: Registry, vhost: string, name: string): User {
  const user = registry.users.get(name)
  if (!user || !registry.vhosts.has(vhost)) throw badRequest('vhost_or_user_not_found')
  return user
}

/** True where the user had none for the virtual host. */
export function setPermission(
  registry: Registry,
  vhost: string,
  name: string,
  { configure, write, read }: Permission,
): boolean {
  const user = userAt(registry, vhost, name)
  const isNew = !user.permissions.has(vhost)
  user.permissions.set(vhost, {
    configure: checked(configure, (text) => new Pattern(text)),
    write: checked(write, (text) => new Pattern(text)),
    read: checked(read, (text) => new Pattern(text)),
  })
  registry.changed()
  return isNew
}

export function clearPermission(registry: Registry, vhost: string, name: string): void {
  if (!registry.users.get(name)?.permissions.delete(vhost)) throw notFound()
  registry.changed()
}

export function setTopicPermission(
  registry: Registry,
  vhost: string,
  name: string,
  exchange: string,
  { write, read }: TopicPermission,
): boolean {
  const user = userAt(registry, vhost, name)
  const isNew = !user.topicPermissions.has(vhost)
  const compiled = {
    write: checked(write, (text) => new TopicPattern(text, name, vhost)),
    read: checked(read, (text) => new TopicPattern(text, name, vhost)),
  }
  const byExchange = user.topicPermissions.get(vhost) ?? new Map()
  user.topicPermissions.set(vhost, byExchange.set(exchange, compiled))
  registry.changed()
  return isNew
}

/** Of one exchange, or of all in the virtual host. */
export function clearTopicPermission(
  registry: Registry,
  vhost: string,
  name: string,
  exchange?: string,
): void {
  const byVhost = registry.users.get(name)?.topicPermissions
  const byExchange = byVhost?.get(vhost)
  if (!byVhost || !byExchange) throw notFound()
  if (exchange !== undefined) byExchange.delete(exchange)
  if (exchange === undefined || byExchange.size === 0) byVhost.delete(vhost)
  registry.changed()
}

export function setUserLimits(registry: Registry, user: User, limits: Record<string, JsonValue>): void {
  const unknown = Object.entries(limits).filter(([name]) => !isUserLimit(name))
  if (unknown.length > 0) throw badRequest(`Unrecognised terms ${pairTerms(unknown)} in user-limits`)
  for (const [name, value] of Object.entries(limits))
    if (typeof value !== 'number' || !Number.isInteger(value))
      throw badRequest(`${name} should be a number, actually was ${JSON.stringify(value)}`)
  for (const [name, value] of Object.entries(limits)) user.limits.set(name as UserLimit, value as number)
  registry.changed()
}

export function isUserLimit(name: string): name is UserLimit {
  return name === 'max-connections' || name === 'max-channels'
}

function checked<T>(text: string, compile: (text: string) => T): T {
  try {
    return compile(text)
  } catch (error) {
    throw badRequest(`invalid regular expression '${text}': ${error instanceof Error ? error.message : ''}`)
  }
}
