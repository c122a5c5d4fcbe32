// Who may do what: the checks that connections make. Rights are read from the live user each time.
import { channelError } from '#kit/amqp/error.ts'
import { isPassword } from '../admin/password.ts'
import type { Right, User } from '../admin/user.ts'

export type { Permission, Right, User, UserSpec } from '../admin/user.ts'

export function passwordMatches(user: User, password: string): boolean {
  return isPassword(password, user.password)
}

/** Throws 403 in RabbitMQ's words. */
export function authorize(
  user: User,
  vhost: string,
  right: Right,
  kind: 'queue' | 'exchange',
  name: string,
): void {
  const asked = kind === 'exchange' && name === '' ? 'amq.default' : name
  if (user.permissions.get(vhost)?.[right].matches(asked)) return
  throw channelError(
    403,
    `${right} access to ${kind} '${asked}' in vhost '${vhost}' refused for user '${user.name}'`,
  )
}

/**
 * For publishing to ('write') and binding from ('read') a topic exchange, besides the right to the exchange itself.
 * A user without a topic permission for the exchange is free. Throws 403.
 */
export function authorizeTopic(
  user: User,
  vhost: string,
  right: 'write' | 'read',
  exchange: string,
  routingKey: string,
): void {
  const permission = user.topicPermissions.get(vhost)?.get(exchange)
  if (!permission || permission[right].matches(routingKey)) return
  throw channelError(
    403,
    `${right} access to topic '${routingKey}' in exchange '${exchange}' in vhost '${vhost}' refused for user '${user.name}'`,
  )
}
