// How often connections, channels and queues came and went: what RabbitMQ calls churn.

export type Lives = {
  connectionCreated: number
  connectionClosed: number
  channelCreated: number
  channelClosed: number
  queueDeclared: number
  queueCreated: number
  queueDeleted: number
}

export const lifeNames = [
  'connectionCreated',
  'connectionClosed',
  'channelCreated',
  'channelClosed',
  'queueDeclared',
  'queueCreated',
  'queueDeleted',
] as const satisfies readonly (keyof Lives)[]

type Client = { isOpen: boolean; channels: ReadonlyMap<number, unknown> }
type Home = { queuesDeclared: number; queuesCreated: number; queues: ReadonlyMap<string, unknown> }

/** What was made and isn't there any more has ended: nobody counts ends. */
export function livesOf(
  born: { connections: number; channels: number },
  connections: Iterable<Client>,
  vhosts: Iterable<Home>,
): Lives {
  let [openConnections, openChannels] = [0, 0]
  for (const { isOpen, channels } of connections) {
    if (!isOpen) continue
    openConnections++
    openChannels += channels.size
  }
  let [queueDeclared, queueCreated, queues] = [0, 0, 0]
  for (const vhost of vhosts) {
    queueDeclared += vhost.queuesDeclared
    queueCreated += vhost.queuesCreated
    queues += vhost.queues.size
  }
  return {
    connectionCreated: born.connections,
    connectionClosed: born.connections - openConnections,
    channelCreated: born.channels,
    channelClosed: born.channels - openChannels,
    queueDeclared,
    queueCreated,
    queueDeleted: Math.max(0, queueCreated - queues),
  }
}
