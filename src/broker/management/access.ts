// Who asks, and what the tags allow: management sees its own virtual hosts, policymaker sets policies in them,
// monitoring reads everything, administrator does everything. https://www.rabbitmq.com/docs/management#permissions
import { CloudError } from '#kit/errors/cloud-error.ts'
import { isPassword } from '../admin/password.ts'
import type { Registry } from '../admin/registry.ts'
import type { User } from '../admin/user.ts'

/** What a route asks for. */
export type Access = 'management' | 'policymaker' | 'monitoring' | 'administrator'

const allowedTags: Record<Access, readonly string[]> = {
  management: ['management', 'policymaker', 'monitoring', 'administrator'],
  policymaker: ['policymaker', 'administrator'],
  monitoring: ['monitoring', 'administrator'],
  administrator: ['administrator'],
}

const refusals: Record<Access, string> = {
  management: 'Not management user',
  policymaker: 'User not authorised to access object',
  monitoring: 'Not monitor user',
  administrator: 'Not administrator user',
}

/** RabbitMQ's realm: clients such as Debian's checks for Nagios send their password to no other. */
const challenge = { 'www-authenticate': 'Basic realm="RabbitMQ Management"' }

export function authenticate(registry: Registry, authorization: string | undefined): User {
  const [, encoded] = /^basic +([a-z0-9+/=_-]+) *$/i.exec(authorization ?? '') ?? []
  if (encoded === undefined)
    throw new CloudError('unauthorized', 'Log in with user and password', { headers: challenge })
  const [, name = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? []
  const user = registry.users.get(name)
  if (user && isPassword(password, user.password)) return user
  throw new CloudError('unauthorized', 'Login failed', { headers: challenge })
}

/**
 * A browser that has the password sends it along with whatever any page makes it send. It says from where that page is;
 * other clients say nothing.
 */
export function refuseForeignPages(method: string, headers: Record<string, string | undefined>): void {
  const from = headers['sec-fetch-site']
  if (method === 'GET' || method === 'HEAD' || from === undefined) return
  if (from !== 'same-origin' && from !== 'none')
    throw new CloudError('forbidden', 'Requests of pages from elsewhere are refused')
}

export function has(user: User, access: Access): boolean {
  return user.tags.some((tag) => allowedTags[access].includes(tag))
}

export function demand(user: User, access: Access): void {
  if (!has(user, 'management')) throw new CloudError('forbidden', refusals.management)
  if (!has(user, access)) throw new CloudError('forbidden', refusals[access])
}

/** Reading in a virtual host: with a permission of any kind there, or monitoring. */
export function sees(user: User, vhost: string): boolean {
  return user.permissions.has(vhost) || has(user, 'monitoring')
}

export function demandVhost(user: User, vhost: string, { toChange = false } = {}): void {
  const allowed = user.permissions.has(vhost) || (!toChange && has(user, 'monitoring'))
  if (!allowed) throw new CloudError('forbidden', 'User not authorised to access virtual host')
}
