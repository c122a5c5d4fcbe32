// Nobody stalls the others, and nobody fills the broker's memory: shares of a turn, slow disks, slow readers, large messages.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { OpenFile, World } from '#kit/world/world.ts'
import { type TestBroker, testBroker } from '../test-broker.ts'
import { openRaw } from './test-client.ts'

const started: TestBroker[] = []
let disk: ReturnType<typeof slowDisk> | undefined
afterEach(async () => {
  for (const { broker } of started.splice(0)) {
    disk?.fast()
    await broker.close()
    if (broker.dataDir) rmSync(broker.dataDir, { recursive: true })
  }
})

async function start(...given: Parameters<typeof testBroker>): Promise<TestBroker> {
  const parts = await testBroker(...given)
  started.push(parts)
  return parts
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await turn()
}
const MB = 1024 * 1024

/** Slow syncs: each waits until it is let go. */
function slowDisk() {
  const world = virtualWorld()
  let isSlow = false
  let waiting: (() => void)[] = []
  const slow = (file: OpenFile): OpenFile => ({
    ...file,
    async datasync() {
      if (isSlow) await new Promise<void>((resolve) => waiting.push(resolve))
      await file.datasync()
    },
  })
  const files: World['files'] = {
    ...world.files,
    open: async (path, flags, mode) => slow(await world.files.open(path, flags, mode)),
  }
  return {
    world: { ...world, files },
    slow() {
      isSlow = true
    },
    fast() {
      isSlow = false
      for (const go of waiting) go()
      waiting = []
    },
  }
}

test('a connection with much to say has its share of a turn, and others theirs', async () => {
  const parts = await start()
  const [loud, quiet] = [await openRaw(parts.stream()), await openRaw(parts.stream())]
  loud.say('queue.declare', { queue: 'q' })
  await loud.hear('queue.declare-ok')
  const { queues } = parts.broker.vhosts.get('/')!
  for (let i = 0; i < 8 * 1024; i++) loud.publish('', 'q', Buffer.alloc(1024))
  loud.say('basic.qos')
  await turns(3)
  quiet.say('queue.declare', { queue: 'q', passive: true })
  const { messageCount } = await quiet.hear('queue.declare-ok')
  // It was answered while most of the other's messages were still to be read.
  expect(messageCount).toBeLessThan(4 * 1024)
  await loud.hear('basic.qos-ok')
  expect(queues.get('q')!.messageCount).toBe(8 * 1024)
})

test('a publisher is read no further than a slow disk can follow, and nobody else waits', async () => {
  disk = slowDisk()
  const dataDir = mkdtempSync(join(tmpdir(), 'nimbo-flow-'))
  const parts = await start({ world: disk.world, dataDir })
  const [publisher, other] = [await openRaw(parts.stream()), await openRaw(parts.stream())]
  publisher.say('queue.declare', { queue: 'q', durable: true })
  await publisher.hear('queue.declare-ok')
  publisher.say('confirm.select')
  await publisher.hear('confirm.select-ok')
  disk.slow()
  const count = 24
  for (let i = 0; i < count; i++) publisher.publish('', 'q', Buffer.alloc(MB), { deliveryMode: 2 })
  await turns(400)
  const [connection] = parts.broker.connections
  expect(connection!.state).toBe('flow')
  expect(connection!.intake.octets).toBeLessThan(6 * MB)
  other.say('queue.declare', { queue: 'transient' })
  other.say('basic.qos')
  await other.hear('basic.qos-ok')
  const confirmed = async () => {
    for (let tag = 0; tag < count; ) tag = (await publisher.hear('basic.ack')).deliveryTag
  }
  expect(publisher.heard.filter((name) => name === '1 basic.ack')).toEqual([])
  disk.fast()
  await confirmed()
  expect(connection!.state).toBe('running')
})

test('what follows a question whose answer waits for the disk waits behind it, on that channel alone', async () => {
  disk = slowDisk()
  const dataDir = mkdtempSync(join(tmpdir(), 'nimbo-flow-'))
  const parts = await start({ world: disk.world, dataDir })
  const client = await openRaw(parts.stream())
  client.say('channel.open', {}, 2)
  await client.hear('channel.open-ok')
  disk.slow()
  client.say('queue.declare', { queue: 'q', durable: true })
  client.publish('', 'q', Buffer.from('after the question'))
  client.say('basic.qos')
  client.say('queue.declare', { queue: 'none', passive: true })
  client.say('basic.qos', {}, 2)
  await client.hear('basic.qos-ok')
  expect(client.heard.at(-1)).toBe('2 basic.qos-ok')
  await turns(20)
  const before = client.heard.length
  disk.fast()
  expect((await client.hear('channel.close')).replyCode).toBe(404)
  expect(client.heard.slice(before)).toEqual(['1 queue.declare-ok', '1 basic.qos-ok', '1 channel.close'])
  expect(parts.broker.vhosts.get('/')!.queues.get('q')!.messageCount).toBe(1)
})

test('frames that wait behind an answer are bounded, and none is lost', async () => {
  disk = slowDisk()
  const dataDir = mkdtempSync(join(tmpdir(), 'nimbo-flow-'))
  const parts = await start({ world: disk.world, dataDir })
  const client = await openRaw(parts.stream())
  disk.slow()
  client.say('queue.declare', { queue: 'q', durable: true })
  for (let i = 0; i < 8 * 1024; i++) client.publish('', 'q', Buffer.alloc(1024))
  client.say('basic.qos')
  await turns(200)
  const [connection] = parts.broker.connections
  expect(connection!.intake.octets).toBeLessThan(2 * MB)
  disk.fast()
  await client.hear('basic.qos-ok')
  expect(parts.broker.vhosts.get('/')!.queues.get('q')!.messageCount).toBe(8 * 1024)
})

test('a consumer that does not read gets no more than a bounded part; others get the rest', async () => {
  const parts = await start()
  const [lazy, eager, publisher] = [
    await openRaw(parts.stream()),
    await openRaw(parts.stream()),
    await openRaw(parts.stream()),
  ]
  publisher.say('queue.declare', { queue: 'q' })
  await publisher.hear('queue.declare-ok')
  for (const client of [lazy, eager]) {
    client.say('basic.consume', { queue: 'q', noAck: true })
    await client.hear('basic.consume-ok')
  }
  lazy.pause()
  const count = 20 * 1024
  for (let i = 0; i < count; i++) publisher.publish('', 'q', Buffer.alloc(1024))
  publisher.say('basic.qos')
  await publisher.hear('basic.qos-ok')
  const [first] = parts.broker.connections
  expect(first!.outbox.unsentOctets).toBeLessThan(3 * MB)
  await turns(50)
  expect(parts.broker.vhosts.get('/')!.queues.get('q')!.messageCount).toBe(0)
  const atLazy = lazy.bodies.length
  lazy.resume()
  await turns(50)
  expect(lazy.bodies.length).toBeGreaterThan(atLazy)
  expect(lazy.bodies.length + eager.bodies.length).toBe(count)
})

test('a client that asks and asks and reads no answer is not read either', async () => {
  const parts = await start()
  const [asker, publisher] = [await openRaw(parts.stream()), await openRaw(parts.stream())]
  publisher.say('queue.declare', { queue: 'q' })
  await publisher.hear('queue.declare-ok')
  const count = 48
  for (let i = 0; i < count; i++) publisher.publish('', 'q', Buffer.alloc(MB))
  publisher.say('basic.qos')
  await publisher.hear('basic.qos-ok')
  asker.pause()
  for (let i = 0; i < count; i++) {
    asker.say('basic.get', { queue: 'q', noAck: true })
    asker.outbox.flush()
    await turn()
  }
  const [connection] = parts.broker.connections
  expect(connection!.outbox.unsentOctets).toBeLessThan(20 * MB)
  expect(connection!.state).toBe('flow')
  asker.resume()
  while (asker.bodies.length < count) await turn()
  expect(connection!.state).toBe('running')
})

test('a large message goes in and out in pieces, whole, while others have their turns', async () => {
  const parts = await start()
  const [sender, receiver, other] = [
    await openRaw(parts.stream()),
    await openRaw(parts.stream()),
    await openRaw(parts.stream()),
  ]
  sender.say('queue.declare', { queue: 'large' })
  await sender.hear('queue.declare-ok')
  receiver.say('basic.consume', { queue: 'large', noAck: true })
  await receiver.hear('basic.consume-ok')
  const body = Buffer.allocUnsafe(40 * MB)
  for (let i = 0; i < body.length; i += 4) body.writeUInt32BE(i, i)
  sender.publish('', 'large', body)
  let answers = 0
  const [, toReceiver] = parts.broker.connections
  let most = 0
  while (receiver.bodies.length === 0) {
    other.say('basic.qos')
    await other.hear('basic.qos-ok')
    answers++
    most = Math.max(most, toReceiver!.outbox.bufferedOctets)
  }
  expect(receiver.bodies[0]!.equals(body)).toBe(true)
  expect(answers).toBeGreaterThan(40)
  // The message itself is shared; what was copied for this receiver is bounded.
  expect(most).toBeLessThan(MB)
})
