// Memory and disk alarms: publishers wait, everybody else goes on, and those who want to know are told.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { consumer, type TestBroker, testBroker } from '../test-broker.ts'
import { openRaw } from './test-client.ts'

const started: TestBroker[] = []
afterEach(async () => {
  for (const { broker } of started.splice(0)) {
    await broker.close()
    if (broker.dataDir) rmSync(broker.dataDir, { recursive: true })
  }
})

async function start(...given: Parameters<typeof testBroker>): Promise<TestBroker> {
  const parts = await testBroker(...given)
  started.push(parts)
  return parts
}

const capabilities = { 'connection.blocked': true }
const stateOf = ({ broker }: TestBroker, at: number) => [...broker.connections][at]!.state

test('who has published is blocked and told, and goes on after; consumers are not touched', async () => {
  const parts = await start()
  const publisher = await openRaw(parts.stream(), { capabilities })
  const silent = await openRaw(parts.stream())
  const other = await parts.channel()
  await other.ask('queue.declare', { queue: 'q' })
  const taken = await consumer(other, 'q', { noAck: true })
  publisher.publish('', 'q', Buffer.from('before'))
  silent.publish('', 'q', Buffer.from('silent before'))
  await taken.count(2)
  await parts.broker.alarms.setWatermark({ absolute: 0 })
  expect([...parts.broker.alarms.raised]).toEqual(['memory'])
  expect((await publisher.hear('connection.blocked')).reason).toBe('low on memory')
  publisher.publish('', 'q', Buffer.from('during'))
  silent.publish('', 'q', Buffer.from('silent during'))
  await parts.world.advance(60_000)
  expect([stateOf(parts, 0), stateOf(parts, 1), stateOf(parts, 2)]).toEqual(['blocked', 'blocked', 'running'])
  expect(taken.got).toHaveLength(2)
  expect((await other.ask('queue.declare', { queue: 'another' })).queue).toBe('another')
  await parts.broker.alarms.setWatermark({ relative: 1 })
  await publisher.hear('connection.unblocked')
  await taken.count(4)
  expect(taken.bodies().sort()).toEqual(['before', 'during', 'silent before', 'silent during'])
  expect(silent.heard.filter((name) => name.includes('blocked'))).toEqual([])
})

test('a connection that publishes its first message during an alarm is blocked from there on', async () => {
  const parts = await start()
  await parts.broker.alarms.setWatermark({ absolute: 0 })
  const client = await openRaw(parts.stream(), { capabilities })
  client.say('queue.declare', { queue: 'q' })
  await client.hear('queue.declare-ok')
  client.publish('', 'q', Buffer.from('first'))
  await client.hear('connection.blocked')
  client.publish('', 'q', Buffer.from('second'))
  await parts.world.advance(1_000)
  expect(parts.broker.vhosts.get('/')!.queues.get('q')!.messageCount).toBe(1)
})

test('a blocked client with heartbeats is not given up, and still gets closed in order', async () => {
  const parts = await start({ heartbeatSeconds: 5 })
  const client = await openRaw(parts.stream(), { capabilities, heartbeat: 5 })
  client.publish('', 'none', Buffer.from('x'))
  await client.say('basic.qos')
  await client.hear('basic.qos-ok')
  await parts.broker.alarms.setWatermark({ absolute: 0 })
  await client.hear('connection.blocked')
  await parts.world.advance(120_000)
  expect(parts.broker.connectionCount).toBe(1)
  // Its goodbye isn't read while it is blocked; ours is answered all the same.
  const closed = parts.broker.close()
  expect((await client.hear('connection.close')).replyCode).toBe(320)
  client.say('connection.close-ok')
  await closed
  expect(parts.broker.connectionCount).toBe(0)
})

test('little room on the disk, or a disk that refuses, is an alarm too', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'nimbo-alarm-'))
  const parts = await start({ dataDir })
  const { alarms } = parts.broker
  const client = await openRaw(parts.stream(), { capabilities })
  client.publish('', 'none', Buffer.from('x'))
  await alarms.setDiskFreeLimit(2 ** 60)
  expect((await client.hear('connection.blocked')).reason).toBe('low on disk')
  await alarms.setWatermark({ absolute: 0 })
  expect(alarms.reason).toBe('low on memory & disk')
  await alarms.setDiskFreeLimit(0)
  await alarms.setWatermark({ relative: 1 })
  await client.hear('connection.unblocked')
  alarms.storeTrouble(true)
  expect((await client.hear('connection.blocked')).reason).toBe('low on disk')
  alarms.storeTrouble(false)
  await client.hear('connection.unblocked')
})

test('memory is looked at in the background', async () => {
  const parts = await start()
  const { alarms } = parts.broker
  expect(alarms.memoryLimit).toBeGreaterThan(2 ** 28)
  await parts.world.advance(5_000)
  expect(alarms.memoryUsed).toBeGreaterThan(2 ** 20)
  expect(alarms.raised.size).toBe(0)
})
