// The way of a message through very many exchanges.
import { expect, test } from 'vitest'
import { testBroker } from '../test-broker.ts'

test('a chain of exchanges may be as long as somebody likes, and end where it began', async () => {
  const { broker, channel } = await testBroker()
  const client = await channel()
  await client.ask('queue.declare', { queue: 'end' })
  const vhost = broker.vhosts.get('/')!
  const spec = { type: 'fanout', durable: false, autoDelete: false, internal: false, arguments: {} } as const
  const chain = Array.from({ length: 30_000 }, (_, i) => vhost.declareExchange({ ...spec, name: `x${i}` }))
  for (const [index, exchange] of chain.entries())
    vhost.bind(exchange, chain[(index + 1) % chain.length]!, '', {})
  vhost.bind(chain.at(-1)!, vhost.queues.get('end')!, '', {})
  await client.confirmPublishing()
  expect(await client.publish('x0', '', {}, Buffer.from('m'), true)).toBe('routed')
  expect(vhost.queues.get('end')!.messageCount).toBe(1)
  await broker.close()
})
