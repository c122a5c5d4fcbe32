// Whatever octets come, at whatever stage and in whatever pieces: others go on, nothing is left, nothing is our own error.
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ClientChannel } from '#kit/amqp/client/channel.ts'
import { makeContent } from '#kit/amqp/content.ts'
import { Outbox } from '#kit/amqp/outbox.ts'
import { frameType, protocolHeader } from '#kit/amqp/protocol.ts'
import { silentLog } from '#kit/log/log.ts'
import { everything, type TestBroker, testBroker } from '../test-broker.ts'
import { openRaw, type RawClient, rawClient } from './test-client.ts'

const bugs: unknown[] = []
let parts: TestBroker
let bystander: ClientChannel
beforeAll(async () => {
  const log = { ...silentLog, error: (fields: unknown) => void bugs.push(fields) }
  const users = { nimbo: { password: 'secret', permissions: { '/': everything } } }
  parts = await testBroker({ log, users })
  bystander = await parts.channel()
})
afterAll(() => parts.broker.close())

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** After all that: one who behaved is served, and of the others nothing is left but what they declared to stay. */
async function allIsWell(): Promise<void> {
  await parts.world.advance(0)
  const { queue } = await bystander.ask('queue.declare', { exclusive: true })
  await bystander.publish('', queue, {}, Buffer.from('still here'))
  expect(await bystander.ask('queue.delete', { queue })).toEqual({ messageCount: 1 })
  expect(parts.broker.connectionCount).toBe(1)
  for (const each of parts.broker.vhosts.get('/')!.queues.values())
    expect([each.name, each.owner, each.consumers.length, each.unacked]).toEqual([each.name, undefined, 0, 0])
  expect(bugs).toEqual([])
}

/** A session that says a bit of everything; in pieces of one frame, which also mark the handshake's stages. */
function session(): Buffer[] {
  const outbox = new Outbox(new PassThrough())
  const { writer } = outbox
  const pieces: Buffer[] = []
  const cut = () => {
    pieces.push(Buffer.from(writer.written()))
    writer.at = 0
  }
  const say: Outbox['method'] = (...words) => {
    outbox.method(...words)
    cut()
  }
  const publish = (exchange: string, routingKey: string, properties: Parameters<typeof makeContent>[0]) => {
    outbox.method(1, 'basic.publish', { exchange, routingKey, mandatory: true })
    outbox.content(1, makeContent(properties, Buffer.from('body'), 4096))
    cut()
  }
  outbox.raw(protocolHeader)
  cut()
  const capabilities = { consumer_cancel_notify: true, 'connection.blocked': true }
  say(0, 'connection.start-ok', {
    clientProperties: { capabilities },
    mechanism: 'PLAIN',
    response: '\0nimbo\0secret',
  })
  say(0, 'connection.tune-ok', {})
  say(0, 'connection.open', { virtualHost: '/' })
  say(1, 'channel.open', {})
  const limits = { 'x-expires': 1000, 'x-dead-letter-exchange': 'amq.fanout', 'x-max-length': 5 }
  say(1, 'queue.declare', {
    queue: 'f',
    exclusive: true,
    arguments: { ...limits, nested: { list: [1, 'a', true] } },
  })
  say(1, 'exchange.declare', { exchange: 'e', type: 'topic', autoDelete: true })
  say(1, 'exchange.bind', { source: 'e', destination: 'amq.topic', routingKey: 'a.#' })
  say(1, 'queue.bind', { queue: 'f', exchange: 'amq.topic', routingKey: '*.b' })
  say(1, 'queue.bind', { queue: 'f', exchange: 'amq.headers', arguments: { 'x-match': 'any', a: 1 } })
  say(1, 'basic.consume', { queue: 'amq.rabbitmq.reply-to', noAck: true, consumerTag: 'r' })
  say(1, 'basic.qos', { prefetchCount: 1 })
  say(1, 'basic.consume', { queue: 'f', consumerTag: 'c', arguments: { 'x-priority': 3 } })
  publish('e', 'a.b', {
    headers: { CC: ['f'], BCC: ['x'] },
    replyTo: 'amq.rabbitmq.reply-to',
    userId: 'nimbo',
  })
  publish('amq.headers', 'k', {
    headers: { a: 1 },
    expiration: '5',
    timestamp: 7,
    deliveryMode: 2,
    priority: 1,
  })
  say(1, 'basic.nack', { deliveryTag: 1, requeue: true })
  say(1, 'channel.close', {})
  say(1, 'channel.open', {})
  say(1, 'tx.select', {})
  publish('', 'f', {})
  say(1, 'basic.get', { queue: 'f' })
  say(1, 'basic.ack', { deliveryTag: 0, multiple: true })
  say(1, 'tx.commit', {})
  say(1, 'exchange.delete', { exchange: 'e' })
  say(1, 'queue.purge', { queue: 'f' })
  say(0, 'connection.close', {})
  return pieces
}
const pieces = session()
const whole = Buffer.concat(pieces)
/** Header, start-ok, tune-ok, open, channel.open: the stages before each. */
const stages = 5

/** Feeds the octets in pieces of the given sizes, again and again, and hangs up. */
async function feed(octets: Buffer, sizes: number[]): Promise<RawClient> {
  const client = rawClient(parts.stream())
  for (let at = 0, i = 0; at < octets.length; i++) {
    const size = sizes[i % sizes.length]!
    client.stream.write(octets.subarray(at, at + size))
    at += size
    if (i % 8 === 7) await turn()
  }
  await turn()
  client.stream.destroy()
  return client
}

const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 })
const octets = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))

describe('garbage', () => {
  test('after each stage of the handshake', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(stages), octets, sizes, async (stage, bytes, chunks) => {
        await feed(Buffer.concat([...pieces.slice(0, stage), bytes]), chunks)
      }),
      { numRuns: 400 },
    )
    await allIsWell()
  })

  test('in frames that are whole but hold anything', async () => {
    const frame = fc
      .record({
        type: fc.oneof(fc.constantFrom(...Object.values(frameType)), fc.nat(255)),
        channel: fc.oneof(fc.constantFrom(0, 1, 2), fc.nat(65535)),
        numbers: fc.tuple(
          fc.constantFrom(10, 20, 30, 40, 50, 60, 85, 90, 77),
          fc.constantFrom(10, 11, 20, 21, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120),
        ),
        rest: octets,
      })
      .map(({ type, channel, numbers: [classId, methodId], rest }) => {
        const payload = Buffer.concat([Buffer.from([0, classId, 0, methodId]), rest])
        const head = Buffer.alloc(7)
        head[0] = type
        head.writeUInt16BE(channel, 1)
        head.writeUInt32BE(payload.length, 3)
        return Buffer.concat([head, payload, Buffer.from([0xce])])
      })
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 8 }), sizes, async (frames, chunks) => {
        await feed(Buffer.concat([...pieces.slice(0, stages), ...frames]), chunks)
      }),
      { numRuns: 500 },
    )
    await allIsWell()
  })

  test('in a session that was right: octets changed, left out, added, and the rest missing', async () => {
    const change = fc.record({
      at: fc.nat(whole.length - 1),
      out: fc.nat(3),
      put: fc.uint8Array({ maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(whole.length),
        sizes,
        async (changes, end, chunks) => {
          let mutated = Buffer.from(whole)
          for (const { at, out, put } of changes)
            mutated = Buffer.concat([mutated.subarray(0, at), put, mutated.subarray(at + out)])
          await feed(end < 50 ? mutated : mutated.subarray(0, end), chunks)
        },
      ),
      { numRuns: 800 },
    )
    await parts.world.advance(10_000)
    await allIsWell()
  })

  test('in properties that somebody reads much later', async () => {
    // Dead-lettering reads them when nobody is there to be told of an error.
    await bystander.ask('queue.declare', {
      queue: 'late',
      arguments: { 'x-message-ttl': 1, 'x-dead-letter-exchange': 'amq.headers' },
    })
    await fc.assert(
      fc.asyncProperty(fc.nat(65535), octets, async (flags, bytes) => {
        const client = await openRaw(parts.stream())
        client.outbox.method(1, 'basic.publish', { routingKey: 'late' })
        const header = Buffer.alloc(14)
        header.writeUInt16BE(60)
        header.writeUInt16BE(flags, 12)
        const payloadAt = client.outbox.open(frameType.header, 1)
        client.outbox.writer.bytes(Buffer.concat([header, bytes]))
        client.outbox.close(payloadAt)
        client.say('basic.qos')
        client.outbox.flush()
        await turn()
        await parts.world.advance(5)
        client.stream.destroy()
      }),
      { numRuns: 400 },
    )
    await bystander.ask('queue.delete', { queue: 'late' })
    await allIsWell()
  })
})

test('a session is understood alike wherever it is split', async () => {
  const run = async (split: number) => {
    const client = rawClient(parts.stream())
    client.stream.write(whole.subarray(0, split))
    await turn()
    client.stream.write(whole.subarray(split))
    await client.hear('connection.close-ok')
    client.stream.destroy()
    return client.heard
  }
  const expected = await run(whole.length)
  expect(expected).toContain('1 tx.commit-ok')
  for (let split = 0; split < whole.length; split++) expect(await run(split)).toEqual(expected)
  await allIsWell()
})

describe('bounds', () => {
  test('a flood of connections that say nothing costs the oldest of them their place', async () => {
    const streams = Array.from({ length: 1100 }, () => parts.stream().resume())
    await turn()
    expect(parts.broker.connectionCount).toBe(1024 + 1)
    const late = await openRaw(parts.stream())
    expect(streams.findIndex((stream) => !stream.readableEnded)).toBe(1100 - 1024 + 1)
    late.stream.destroy()
    await parts.world.advance(10_000)
    expect(parts.broker.connectionCount).toBe(1)
    for (const stream of streams) stream.destroy()
    await allIsWell()
  })

  const closings: [what: string, code: number, act: (client: RawClient) => void][] = [
    ['a channel beyond channel_max', 530, (client) => client.say('channel.open', {}, 2048)],
    [
      'a frame beyond frame_max',
      501,
      (client) => client.stream.write(Buffer.from([1, 0, 1, 0, 2, 0, 1, 0, 60])),
    ],
    [
      'an unknown type of frame',
      501,
      (client) => client.stream.write(Buffer.from([5, 0, 1, 0, 0, 0, 0, 0xce])),
    ],
    [
      'a heartbeat on a channel',
      505,
      (client) => client.stream.write(Buffer.from([8, 0, 1, 0, 0, 0, 0, 0xce])),
    ],
    [
      'a method without numbers',
      501,
      (client) => client.stream.write(Buffer.from([1, 0, 1, 0, 0, 0, 1, 0, 0xce])),
    ],
    [
      'a method that nobody knows',
      503,
      (client) => client.stream.write(Buffer.from([1, 0, 1, 0, 0, 0, 4, 0, 60, 0, 99, 0xce])),
    ],
    ['a handshake in the middle', 504, (client) => client.say('connection.tune-ok', {})],
    ['a method of ours', 503, (client) => client.say('basic.deliver')],
    [
      'a body without a message',
      505,
      (client) => client.stream.write(Buffer.from([3, 0, 1, 0, 0, 0, 0, 0xce])),
    ],
    [
      'a name that is no text',
      502,
      (client) =>
        client.stream.write(
          Buffer.from([1, 0, 1, 0, 0, 0, 15, 0, 50, 0, 10, 0, 0, 3, 0xff, 0xfe, 65, 4, 0, 0, 0, 0, 0xce]),
        ),
    ],
    [
      'a table that nests without end',
      502,
      (client) => {
        let nested = {}
        for (let depth = 0; depth < 100; depth++) nested = { n: nested }
        client.say('queue.declare', { exclusive: true, arguments: nested })
      },
    ],
    [
      'a body longer than its header says',
      502,
      (client) => {
        client.say('basic.publish', { routingKey: 'none' })
        client.stream.write(client.outbox.writer.written())
        client.outbox.writer.at = 0
        client.stream.write(
          Buffer.from([2, 0, 1, 0, 0, 0, 14, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xce]),
        )
        client.stream.write(Buffer.from([3, 0, 1, 0, 0, 0, 2, 65, 65, 0xce]))
      },
    ],
  ]
  test.each(closings)('%s closes the connection with %i', async (_what, code, act) => {
    const client = await openRaw(parts.stream())
    act(client)
    expect((await client.hear('connection.close')).replyCode).toBe(code)
    client.say('connection.close-ok')
    await turn()
    client.stream.destroy()
    await allIsWell()
  })

  test('a message that is announced too large closes its channel before any of it is kept', async () => {
    const client = await openRaw(parts.stream())
    client.say('basic.publish', { routingKey: 'none' })
    client.outbox.flush()
    client.stream.write(Buffer.from([2, 0, 1, 0, 0, 0, 14, 0, 60, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xce]))
    expect((await client.hear('channel.close')).replyText).toBe(
      'PRECONDITION_FAILED - message size 4294967296 is larger than configured max size 134217728',
    )
    client.stream.destroy()
    await allIsWell()
  })
})
