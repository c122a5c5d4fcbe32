// @cloudamqp/amqp-client against the embedded broker.
import { AMQPClient, type AMQPMessage } from '@cloudamqp/amqp-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ListeningBroker, listeningBroker } from './amqp-broker.ts'

let server: ListeningBroker
let client: AMQPClient
beforeAll(async () => {
  server = await listeningBroker()
  client = new AMQPClient(server.url)
  await client.connect()
})
afterAll(async () => {
  await client.close()
  await server.broker.close()
})

test('publishes with confirms and consumes with prefetch and acknowledgements', async () => {
  const channel = await client.channel()
  await channel.confirmSelect()
  await channel.queueDeclare('jobs', { durable: true })
  const publish = (_: unknown, i: number) => channel.basicPublish('', 'jobs', `job ${i}`, { deliveryMode: 2 })
  const tags = await Promise.all(Array.from({ length: 20 }, publish))
  expect(tags).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  await channel.prefetch(3)
  const got: string[] = []
  let inHand = 0
  await new Promise<void>((resolve, reject) => {
    const take = async (message: AMQPMessage) => {
      inHand++
      if (inHand > 3) reject(new Error('more than the prefetch'))
      got.push(message.bodyString()!)
      await new Promise((next) => setImmediate(next))
      inHand--
      await message.ack()
      if (got.length === 20) resolve()
    }
    channel.basicConsume('jobs', { noAck: false }, (message) => void take(message)).catch(reject)
  })
  expect(got.sort()).toEqual(Array.from({ length: 20 }, (_, i) => `job ${i}`).sort())
  await channel.close()
})

test('gets from an exclusive queue with a name of the broker', async () => {
  const channel = await client.channel()
  const { name } = await channel.queueDeclare('', { exclusive: true })
  expect(name).toMatch(/^amq\.gen-/)
  await channel.queueBind(name, 'amq.topic', 'a.*')
  await channel.basicPublish('amq.topic', 'a.b', 'routed', { headers: { deep: { list: [1, 'two', true] } } })
  const message = await channel.basicGet(name, { noAck: true })
  expect(message?.bodyString()).toBe('routed')
  expect(message?.properties.headers).toEqual({ deep: { list: [1, 'two', true] } })
  expect(await channel.basicGet(name, { noAck: true })).toBeNull()
  await channel.close()
})

test('an unroutable mandatory message is returned', async () => {
  const channel = await client.channel()
  const returned = new Promise<AMQPMessage>((resolve) => {
    channel.onReturn = resolve
  })
  await channel.confirmSelect()
  await channel.basicPublish('amq.direct', 'nowhere', 'back to me', {}, true)
  const message = await returned
  expect([message.replyCode, message.replyText, message.bodyString()]).toEqual([
    312,
    'NO_ROUTE',
    'back to me',
  ])
  await channel.close()
})

test('another declaration of the same queue closes the channel in words that clients match', async () => {
  const channel = await client.channel()
  await channel.queueDeclare('fixed', { durable: true })
  await expect(channel.queueDeclare('fixed', { durable: false })).rejects.toThrow(
    "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'fixed' in vhost '/': received 'false' but current is 'true'",
  )
  expect(channel.closed).toBe(true)
  const other = await client.channel()
  expect((await other.queueDeclare('fixed', { passive: true })).name).toBe('fixed')
  await other.close()
})
