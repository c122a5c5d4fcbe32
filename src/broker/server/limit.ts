// The limits that operators set on connections and channels: asked when one more is opened.
import { connectionError } from '#kit/amqp/error.ts'
import type { Registry } from '../admin/registry.ts'
import { vhostLimit } from '../admin/set-vhost.ts'
import type { User } from '../admin/user.ts'
import type { ServerConnection } from './connection.ts'

/** Throws 530 in RabbitMQ's words. */
export function admitConnection(
  registry: Registry,
  connections: Iterable<ServerConnection>,
  user: User,
  vhost: string,
): void {
  const inVhost = vhostLimit(registry, vhost, 'max-connections')
  const ofUser = user.limit('max-connections')
  if (inVhost === Number.POSITIVE_INFINITY && ofUser === Number.POSITIVE_INFINITY) return
  let [here, own] = [0, 0]
  for (const connection of connections) {
    if (!connection.isOpen) continue
    if (connection.vhost.name === vhost) here++
    if (connection.user === user) own++
  }
  if (here >= inVhost)
    throw connectionError(
      530,
      `access to vhost '${vhost}' refused for user '${user.name}': connection limit (${inVhost}) is reached`,
    )
  if (own >= ofUser)
    throw connectionError(
      530,
      `connection refused for user '${user.name}': user connection limit (${ofUser}) is reached`,
    )
}

/** Counts the user's channels on all connections. Throws 530. */
export function admitChannel(connections: Iterable<ServerConnection>, user: User): void {
  const limit = user.limit('max-channels')
  if (limit === Number.POSITIVE_INFINITY) return
  let own = 0
  for (const connection of connections)
    if (connection.isOpen && connection.user === user) own += connection.channels.size
  if (own >= limit)
    throw connectionError(
      530,
      `number of channels opened for user '${user.name}' has reached the maximum allowed user limit of (${limit})`,
    )
}
