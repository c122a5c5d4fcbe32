// For tests: a broker in this process on virtual time, and clients of it over in-memory streams.
import { duplexPair } from 'node:stream'
import type { ClientChannel, Delivered } from '#kit/amqp/client/channel.ts'
import { type ClientConnection, connectAmqp } from '#kit/amqp/client/connection.ts'
import { type Log, silentLog } from '#kit/log/log.ts'
import { type VirtualWorld, virtualWorld } from '#kit/world/virtual.ts'
import type { Connection } from '#kit/world/world.ts'
import { type Broker, type BrokerOptions, openBroker } from './broker.ts'

export const everything = { configure: '.*', write: '.*', read: '.*' }

export type TestBroker = {
  world: VirtualWorld
  broker: Broker
  /** A new stream to it; ends are cut by `destroy()`. */
  stream(): Connection
  /** User 'nimbo', password 'secret', all rights, unless told otherwise. */
  connect(options?: {
    user?: string
    password?: string
    vhost?: string
    heartbeatSeconds?: number
  }): Promise<ClientConnection>
  channel(): Promise<ClientChannel>
}

export async function testBroker(
  options: Partial<BrokerOptions> & { world?: VirtualWorld; log?: Log } = {},
): Promise<TestBroker> {
  const world = options.world ?? virtualWorld()
  const users = { nimbo: { password: 'secret', permissions: { '/': everything } }, ...options.users }
  const broker = await openBroker({ log: silentLog, ...options, world, users })
  const stream = () => {
    const [near, far] = duplexPair()
    broker.accept(far)
    return Object.assign(near, { peer: 'test' })
  }
  const connect: TestBroker['connect'] = ({
    user = 'nimbo',
    password = 'secret',
    vhost = '/',
    heartbeatSeconds,
  } = {}) => connectAmqp({ world, stream: stream(), user, password, vhost, name: 'test', heartbeatSeconds })
  return { world, broker, stream, connect, channel: async () => (await connect()).openChannel() }
}

/** Collects what a consumer gets; `next` waits for the delivery of that index. */
export async function consumer(
  channel: ClientChannel,
  queue: string,
  options: { noAck?: boolean; exclusive?: boolean } = {},
) {
  const got: Delivered[] = []
  let cancelled = false
  let wake = () => {}
  const take = (message: Delivered) => {
    got.push(message)
    wake()
  }
  const tag = `tag-${queue}-${channel.number}`
  await channel.consume(queue, tag, options, take, () => {
    cancelled = true
  })
  return {
    got,
    tag,
    bodies: () => got.map(({ body }) => body.toString()),
    get cancelled() {
      return cancelled
    },
    async count(wanted: number): Promise<Delivered[]> {
      while (got.length < wanted)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      return got
    },
  }
}
