// /api/connections and /api/channels: who is connected, and closing them.
import { connectionError } from '#kit/amqp/error.ts'
import { notFound } from '../admin/refusal.ts'
import type { Channel } from '../server/channel.ts'
import type { ServerConnection } from '../server/connection.ts'
import { has } from './access.ts'
import { channelDetail, channelName, channelView, connectionView } from './client-view.ts'
import type { ManagementContext } from './context.ts'
import type { ApiRequest } from './request.ts'
import { del, get, type Params, type Route, vhostOf } from './route.ts'

/** RabbitMQ's words; clients' suites match them. */
const closedHere = 'Closed via management plugin'

export const clientRoutes: readonly Route[] = [
  get('connections', 'management', (context, request) => ({
    list: seen(context, request).map((each) => connectionView(context, each)),
  })),
  get('connections/:name', 'management', (context, request, params) => ({
    object: connectionView(context, connectionAt(context, request, params)),
  })),
  del('connections/:name', 'management', (context, request, params) => {
    const found = seen(context, request).filter(({ name }) => name === params.name)
    if (found.length === 0) throw notFound()
    closeAll(found, request)
    return { status: 204 }
  }),
  get('connections/:name/channels', 'management', (context, request, params) => {
    const connection = connectionAt(context, request, params)
    const channels = [...connection.channels.values()]
    return { list: channels.map((channel) => channelView(context, connection, channel)) }
  }),
  get('connections/username/:user', 'management', (context, request, { user }) => ({
    list: seen(context, request)
      .filter((each) => each.user.name === user)
      .map((each) => connectionView(context, each)),
  })),
  del('connections/username/:user', 'management', (context, request, { user }) => {
    closeAll(
      seen(context, request).filter((each) => each.user.name === user),
      request,
    )
    return { status: 204 }
  }),
  get('vhosts/:vhost/connections', 'management', (context, request, params) => {
    const vhost = vhostOf(context, request, params.vhost!)
    const found = seen(context, request).filter((each) => each.vhost === vhost)
    return { list: found.map((each) => connectionView(context, each)) }
  }),
  get('channels', 'management', (context, request) => ({
    list: channelsSeen(context, request).map(([connection, channel]) =>
      channelView(context, connection, channel),
    ),
  })),
  get('channels/:name', 'management', (context, request, { name }) => {
    const found = channelsSeen(context, request).find(([, channel]) => channelName(channel) === name)
    if (!found) throw notFound()
    return { object: channelDetail(context, ...found) }
  }),
  get('vhosts/:vhost/channels', 'management', (context, request, params) => {
    const vhost = vhostOf(context, request, params.vhost!)
    const found = channelsSeen(context, request).filter(([connection]) => connection.vhost === vhost)
    return { list: found.map(([connection, channel]) => channelView(context, connection, channel)) }
  }),
]

/** A user sees its own; monitoring sees everyone's. */
function seen({ broker }: ManagementContext, { user, method }: ApiRequest): ServerConnection[] {
  const isAllowed = has(user, method === 'DELETE' ? 'administrator' : 'monitoring')
  return [...broker.connections].filter(
    (connection) => connection.isOpen && (isAllowed || connection.user === user),
  )
}

function channelsSeen(context: ManagementContext, request: ApiRequest): [ServerConnection, Channel][] {
  return seen(context, request).flatMap((connection) =>
    [...connection.channels.values()].map((channel): [ServerConnection, Channel] => [connection, channel]),
  )
}

function connectionAt(context: ManagementContext, request: ApiRequest, { name }: Params): ServerConnection {
  const found = seen(context, request).find((connection) => connection.name === name)
  if (!found) throw notFound()
  return found
}

function closeAll(connections: ServerConnection[], { headers }: ApiRequest): void {
  const reason = headers['x-reason'] || closedHere
  for (const connection of connections) connection.close(connectionError(320, reason))
}
