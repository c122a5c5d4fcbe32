// A channel's order of answers, and how long a client may keep what it was given.
import { afterEach, expect, test } from 'vitest'
import { makeContent } from '#kit/amqp/content.ts'
import { consumer, type TestBroker, testBroker } from '../test-broker.ts'
import { openRaw } from './test-client.ts'

const started: TestBroker[] = []
afterEach(async () => {
  for (const { broker } of started.splice(0)) await broker.close()
})

async function start(...given: Parameters<typeof testBroker>): Promise<TestBroker> {
  const parts = await testBroker(...given)
  started.push(parts)
  return parts
}

test('a consumer hears of the end of its queue after the answer to its own channel that deleted it', async () => {
  const parts = await start()
  const client = await openRaw(parts.stream(), { capabilities: { consumer_cancel_notify: true } })
  const silent = await openRaw(parts.stream())
  client.say('queue.declare', { queue: 'q' })
  await client.hear('queue.declare-ok')
  for (const each of [client, silent]) {
    each.say('basic.consume', { queue: 'q', consumerTag: 'c' })
    await each.hear('basic.consume-ok')
  }
  client.say('queue.delete', { queue: 'q' })
  expect((await client.hear('basic.cancel')).consumerTag).toBe('c')
  expect(client.heard.slice(-2)).toEqual(['1 queue.delete-ok', '1 basic.cancel'])
  // Who didn't say that it understands is not told.
  silent.say('basic.qos')
  await silent.hear('basic.qos-ok')
  expect(silent.heard).not.toContain('1 basic.cancel')
})

test('a returned message comes before its confirm', async () => {
  const parts = await start()
  const client = await openRaw(parts.stream())
  client.say('confirm.select')
  await client.hear('confirm.select-ok')
  client.outbox.method(1, 'basic.publish', { routingKey: 'none', mandatory: true })
  client.outbox.content(1, makeContent({}, Buffer.from('x'), 4096))
  await client.hear('basic.ack')
  expect(client.heard.slice(-2)).toEqual(['1 basic.return', '1 basic.ack'])
})

test('a delivery without an answer for half an hour closes the channel, and others get it', async () => {
  const parts = await start()
  const connection = await parts.connect()
  const [keeper, other] = [await connection.openChannel(), await connection.openChannel()]
  await keeper.ask('queue.declare', { queue: 'q' })
  const closed = new Promise<Error>((resolve) => {
    keeper.onClosed = resolve
  })
  const kept = await consumer(keeper, 'q')
  // Something to wait for lets virtual time pass while deliveries are out.
  parts.world.timers.after(1e9, () => {})
  for (let i = 0; i < 40; i++) {
    await keeper.publish('', 'q', {}, Buffer.from(String(i)))
    await kept.count(i + 1)
    // All but one are answered, so the age of the one is what counts.
    if (i !== 5) keeper.ack(i + 1)
    await parts.world.advance(60_000)
    if (keeper.closedBy) break
  }
  expect((await closed).message).toBe(
    'PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms. ' +
      'This timeout value can be configured, see consumers doc guide to learn more',
  )
  expect(kept.got.length).toBeGreaterThan(34)
  expect(kept.got.length).toBeLessThan(39)
  const heir = await consumer(other, 'q')
  const [again] = await heir.count(1)
  expect([again!.body.toString(), again!.redelivered]).toEqual(['5', true])
})

test('the time for an answer can be set, and taken away', async () => {
  for (const [consumerTimeoutMs, isClosed] of [
    [5_000, true],
    [0, false],
  ] as const) {
    const parts = await start({ consumerTimeoutMs })
    const channel = await parts.channel()
    await channel.ask('queue.declare', { queue: 'q' })
    const kept = await consumer(channel, 'q')
    parts.world.timers.after(1e9, () => {})
    await channel.publish('', 'q', {}, Buffer.from('m'))
    await kept.count(1)
    await parts.world.advance(isClosed ? 10_000 : 7_200_000)
    expect(channel.closedBy !== undefined).toBe(isClosed)
  }
})

test('consumer priorities are passed on to the queue', async () => {
  const parts = await start()
  const [low, high] = [await openRaw(parts.stream()), await openRaw(parts.stream())]
  low.say('queue.declare', { queue: 'q' })
  low.say('basic.consume', { queue: 'q', noAck: true })
  await low.hear('basic.consume-ok')
  high.say('basic.consume', { queue: 'q', noAck: true, arguments: { 'x-priority': 5 } })
  await high.hear('basic.consume-ok')
  for (let i = 0; i < 10; i++) low.publish('', 'q', Buffer.from(String(i)))
  low.say('basic.qos')
  await low.hear('basic.qos-ok')
  high.say('basic.qos')
  await high.hear('basic.qos-ok')
  expect([low.bodies.length, high.bodies.length]).toEqual([0, 10])
})
