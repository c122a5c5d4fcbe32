// For tests of `nimbo mq`: a client of the broker, with confirms.
import type { ClientChannel } from '#kit/amqp/client/channel.ts'
import { type ClientConnection, connectAmqp } from '#kit/amqp/client/connection.ts'
import { realWorld } from '#kit/world/real.ts'

export async function openTestClient(
  port: number,
): Promise<{ connection: ClientConnection; channel: ClientChannel }> {
  const world = realWorld()
  const stream = await world.sockets.connect({ host: '127.0.0.1', port })
  const connection = await connectAmqp({
    world,
    stream,
    user: 'operator',
    password: 'a secret',
    vhost: '/',
    name: 'test',
  })
  const channel = await connection.openChannel()
  await channel.confirmPublishing()
  return { connection, channel }
}
