// For the AMQP interop tests: the embedded broker on a real TCP port.

import { type Broker, openBroker } from '#broker/broker.ts'
import { everything } from '#broker/test-broker.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'

export type ListeningBroker = { broker: Broker; port: number; url: string }

export async function listeningBroker(): Promise<ListeningBroker> {
  const users = { client: { password: 'a secret', permissions: { '/': everything } } }
  const broker = await openBroker({ world: realWorld(), log: silentLog, users })
  const { address } = await broker.listen({ host: '127.0.0.1', port: 0 })
  if (!('port' in address)) throw new Error('the broker listens on no port')
  return { broker, port: address.port, url: `amqp://client:a%20secret@127.0.0.1:${address.port}/%2f` }
}
