// amqplib, the usual client of Node programs, against the embedded broker.
import { type ChannelModel, type ConsumeMessage, connect } from 'amqplib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ListeningBroker, listeningBroker } from './amqp-broker.ts'

let server: ListeningBroker
let connection: ChannelModel
beforeAll(async () => {
  server = await listeningBroker()
  connection = await connect(server.url)
})
afterAll(async () => {
  await connection.close()
  await server.broker.close()
})

/** An error that the broker closed a channel with. */
function failure(channel: {
  once(event: 'error', listener: (error: Error) => void): unknown
}): Promise<Error> {
  return new Promise((resolve) => channel.once('error', resolve))
}

test('publishes with confirms; a consumer with prefetch gets no more than it acknowledges', async () => {
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue('work', { durable: true })
  for (let i = 0; i < 50; i++)
    channel.sendToQueue('work', Buffer.from(`${i}`), { persistent: true, headers: { i } })
  await channel.waitForConfirms()
  expect((await channel.checkQueue('work')).messageCount).toBe(50)

  await channel.prefetch(7)
  const got: ConsumeMessage[] = []
  let held: ConsumeMessage[] = []
  let most = 0
  const all = Promise.withResolvers<void>()
  await channel.consume('work', (message) => {
    got.push(message!)
    held.push(message!)
    most = Math.max(most, held.length)
    if (held.length < 7 && got.length < 50) return
    for (const each of held) channel.ack(each)
    held = []
    if (got.length === 50) all.resolve()
  })
  await all.promise
  expect(most).toBe(7)
  expect(got.map((message) => message.content.toString())).toEqual(
    Array.from({ length: 50 }, (_, i) => `${i}`),
  )
  expect(got[3]!.properties.headers).toEqual({ i: 3 })
  await channel.close()
})

test('gets, rejects, and gets again, marked as redelivered', async () => {
  const channel = await connection.createChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  expect(queue).toMatch(/^amq\.gen-/)
  expect(await channel.get(queue)).toBe(false)
  channel.sendToQueue(queue, Buffer.from('once'))
  const first = await channel.get(queue)
  if (!first) throw new Error('nothing in the queue')
  expect(first.fields.redelivered).toBe(false)
  channel.nack(first, false, true)
  const second = await channel.get(queue)
  if (!second) throw new Error('nothing in the queue')
  expect([second.content.toString(), second.fields.redelivered]).toEqual(['once', true])
  channel.ack(second)
  await channel.close()
})

test('a mandatory message that no queue takes comes back, then it is confirmed', async () => {
  const channel = await connection.createConfirmChannel()
  const order: string[] = []
  type Returned = { fields: { replyCode: number }; content: Buffer }
  channel.on('return', ({ fields, content }: Returned) =>
    order.push(`returned ${fields.replyCode} ${content}`),
  )
  await new Promise<void>((resolve) => {
    channel.publish('amq.topic', 'no.such.key', Buffer.from('lost'), { mandatory: true }, () => {
      order.push('confirmed')
      resolve()
    })
  })
  expect(order).toEqual(['returned 312 lost', 'confirmed'])
  await channel.close()
})

test('an exclusive queue is locked for others and gone with its connection', async () => {
  const other = await connect(server.url)
  const owner = await other.createChannel()
  await owner.assertQueue('mine', { exclusive: true })
  const channel = await connection.createChannel()
  const refused = failure(channel)
  await expect(channel.checkQueue('mine')).rejects.toThrow('RESOURCE_LOCKED')
  expect((await refused).message).toContain('405')
  await other.close()
  const later = await connection.createChannel()
  const missing = failure(later)
  await expect(later.checkQueue('mine')).rejects.toThrow("NOT_FOUND - no queue 'mine' in vhost '/'")
  await missing
})

test('routes by topic, headers and exchange-to-exchange bindings', async () => {
  const channel = await connection.createConfirmChannel()
  await channel.assertExchange('log', 'topic', { durable: false })
  await channel.assertExchange('copy', 'fanout', { durable: false })
  await channel.assertExchange('sorted', 'headers', { durable: false })
  await channel.bindExchange('copy', 'log', 'nova.#')
  await channel.assertQueue('all', { autoDelete: true })
  await channel.assertQueue('errors', { autoDelete: true })
  await channel.assertQueue('big', { autoDelete: true })
  await channel.bindQueue('all', 'copy', '')
  await channel.bindQueue('errors', 'log', '*.error')
  await channel.bindQueue('big', 'sorted', '', { 'x-match': 'all', size: 'big', urgent: true })
  for (const key of ['nova.error', 'nova.info.detail', 'glance.error', 'glance.info'])
    channel.publish('log', key, Buffer.from(key))
  channel.publish('sorted', '', Buffer.from('yes'), { headers: { size: 'big', urgent: true, other: 1 } })
  channel.publish('sorted', '', Buffer.from('no'), { headers: { size: 'big' } })
  await channel.waitForConfirms()
  const contents = async (queue: string) => {
    const bodies: string[] = []
    for (
      let message = await channel.get(queue, { noAck: true });
      message;
      message = await channel.get(queue, { noAck: true })
    )
      bodies.push(message.content.toString())
    return bodies
  }
  expect(await contents('all')).toEqual(['nova.error', 'nova.info.detail'])
  expect(await contents('errors')).toEqual(['nova.error', 'glance.error'])
  expect(await contents('big')).toEqual(['yes'])
  await channel.close()
})

test('a message of two megabytes arrives whole', async () => {
  const channel = await connection.createConfirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const body = Buffer.alloc(2_000_000, 'nimbo ')
  channel.sendToQueue(queue, body)
  await channel.waitForConfirms()
  const message = await channel.get(queue, { noAck: true })
  if (!message) throw new Error('nothing in the queue')
  expect(message.content.equals(body)).toBe(true)
  await channel.close()
})

test('deleting a queue cancels its consumers', async () => {
  const channel = await connection.createChannel()
  await channel.assertQueue('doomed')
  const cancelled = Promise.withResolvers<null>()
  await channel.consume('doomed', (message) => {
    if (message === null) cancelled.resolve(null)
  })
  await channel.checkQueue('doomed')
  await channel.deleteQueue('doomed')
  expect(await cancelled.promise).toBeNull()
  await channel.close()
})

test('a wrong password is refused', async () => {
  await expect(connect(server.url.replace('secret', 'guess'))).rejects.toThrow(/ACCESS_REFUSED|403/)
})
