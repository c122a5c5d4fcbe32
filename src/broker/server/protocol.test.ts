// The broker as a client meets it on the wire: handshake, both kinds of errors, heartbeats, rights.
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import type { ClientChannel } from '#kit/amqp/client/channel.ts'
import { makeContent } from '#kit/amqp/content.ts'
import type { MethodInput } from '#kit/amqp/methods.ts'
import { Outbox } from '#kit/amqp/outbox.ts'
import { protocolHeader } from '#kit/amqp/protocol.ts'
import { writeTable } from '#kit/amqp/table.ts'
import { Writer } from '#kit/amqp/writer.ts'
import { silentLog } from '#kit/log/log.ts'
import type { Connection } from '#kit/world/world.ts'
import { consumer, everything, type TestBroker, testBroker } from '../test-broker.ts'

let brokers: TestBroker[] = []
afterEach(async () => {
  for (const { broker } of brokers) await broker.close()
  brokers = []
})

async function start(...given: Parameters<typeof testBroker>): Promise<TestBroker> {
  const started = await testBroker(...given)
  brokers.push(started)
  return started
}

/** Everything that the broker sends until it closes the stream. */
function untilClosed(stream: Connection): Promise<Buffer> {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve) => stream.on('end', () => resolve(Buffer.concat(chunks))))
}

describe('the handshake', () => {
  test('another protocol is answered with ours, and the connection is closed', async () => {
    const { stream } = await start()
    for (const header of ['GET / HTTP/1.1\r\n', 'AMQP\x00\x01\x00\x00']) {
      const client = stream()
      const answer = untilClosed(client)
      client.write(header)
      expect((await answer).toString('latin1')).toBe('AMQP\x00\x00\x09\x01')
    }
  })

  test('a client that says nothing is cut after ten seconds', async () => {
    const { stream, world, broker } = await start()
    stream()
    expect(broker.connectionCount).toBe(1)
    await world.advance(10_000)
    expect(broker.connectionCount).toBe(0)
  })

  test('wrong password, unknown user, unknown and forbidden virtual hosts', async () => {
    const { connect, broker } = await start({ vhosts: ['/', 'other'] })
    const login =
      'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.'
    await expect(connect({ password: 'guess' })).rejects.toMatchObject({ code: 403, message: login })
    await expect(connect({ user: 'nobody' })).rejects.toMatchObject({ code: 403, message: login })
    await expect(connect({ vhost: 'none' })).rejects.toMatchObject({
      code: 530,
      message: 'NOT_ALLOWED - vhost none not found',
    })
    await expect(connect({ vhost: 'other' })).rejects.toMatchObject({
      message: "NOT_ALLOWED - access to vhost 'other' refused for user 'nimbo'",
    })
    broker.removeUser('nimbo')
    await expect(connect()).rejects.toMatchObject({ code: 403 })
  })

  test('AMQPLAIN, the mechanism that oslo.messaging asks for first', async () => {
    const { stream, broker } = await start()
    const login = (password: string) => {
      const writer = new Writer()
      writeTable(writer, { LOGIN: 'nimbo', PASSWORD: password })
      const client = stream()
      const outbox = new Outbox(client)
      outbox.raw(protocolHeader)
      const response = Buffer.from(writer.written().subarray(4))
      outbox.method(0, 'connection.start-ok', { mechanism: 'AMQPLAIN', response })
      return client
    }
    const wrong = untilClosed(login('guess'))
    const tune = Buffer.from([0, 10, 0, 30, 7, 255])
    expect((await wrong).includes(tune)).toBe(false)
    const right = login('secret')
    const answer = await new Promise<Buffer>((resolve) => {
      right.on('data', (chunk: Buffer) => {
        if (chunk.includes(tune)) resolve(chunk)
      })
    })
    expect(answer.readUInt16BE(answer.indexOf(tune) + 4)).toBe(2047)
    expect(broker.connectionCount).toBe(1)
  })

  test("a password hash in RabbitMQ's form lets the user in", async () => {
    // rabbitmqctl hash_password's algorithm on 'test12' with salt 908D C60A, the example of RabbitMQ's manual.
    const passwordHash = 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR'
    const { connect } = await start({ users: { old: { passwordHash, permissions: { '/': everything } } } })
    const connection = await connect({ user: 'old', password: 'test12' })
    await connection.close()
    await expect(connect({ user: 'old', password: 'test13' })).rejects.toMatchObject({ code: 403 })
  })
})

describe('errors', () => {
  /** Does something wrong on a channel of its own; gives what the broker closed it with. */
  async function closedBy(parts: TestBroker, act: (channel: ClientChannel) => unknown): Promise<unknown> {
    const channel = await parts.channel()
    const closed = new Promise<Error>((resolve) => {
      channel.onClosed = resolve
    })
    // The rejection of the question itself is the same error.
    void Promise.resolve(act(channel)).catch(() => {})
    const { message, scope } = (await closed) as Error & { scope: string }
    return `${scope}: ${message}`
  }
  const declare = (fields: MethodInput<'queue.declare'>) => (channel: ClientChannel) =>
    channel.ask('queue.declare', fields)

  test("have RabbitMQ's codes, scope and words", async () => {
    const parts = await start()
    const owner = await parts.channel()
    await owner.ask('queue.declare', { queue: 'q', durable: true, arguments: { 'x-message-ttl': 1000 } })
    await owner.ask('queue.declare', { queue: 'mine', exclusive: true })
    await owner.ask('exchange.declare', { exchange: 'x', type: 'direct' })
    await owner.ask('exchange.declare', { exchange: 'inside', type: 'direct', internal: true })
    await owner.ask('queue.bind', { queue: 'q', exchange: 'x' })
    await consumer(owner, 'q')
    const q = "queue 'q' in vhost '/'"
    const cases: [(channel: ClientChannel) => unknown, string][] = [
      [declare({ queue: 'gone', passive: true }), "channel: NOT_FOUND - no queue 'gone' in vhost '/'"],
      [
        declare({ queue: 'q' }),
        `channel: PRECONDITION_FAILED - inequivalent arg 'durable' for ${q}: received 'false' but current is 'true'`,
      ],
      [
        declare({ queue: 'q', durable: true }),
        `channel: PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for ${q}: received none but current is the value '1000' of type 'signedint'`,
      ],
      [
        declare({ queue: 'amq.mine' }),
        "channel: ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
      ],
      [
        declare({ queue: 'mine', exclusive: true }),
        "channel: RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.",
      ],
      [
        (channel) => channel.ask('exchange.declare', { exchange: 'y', type: 'odd' }),
        "channel: PRECONDITION_FAILED - unknown exchange type 'odd'",
      ],
      [
        (channel) => channel.ask('exchange.declare', { exchange: 'x', type: 'topic' }),
        "channel: PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': received 'topic' but current is 'direct'",
      ],
      [
        (channel) => channel.ask('exchange.delete', { exchange: 'x', ifUnused: true }),
        "channel: PRECONDITION_FAILED - exchange 'x' in vhost '/' in use",
      ],
      [
        (channel) => channel.ask('queue.delete', { queue: 'q', ifUnused: true }),
        `channel: PRECONDITION_FAILED - ${q} in use`,
      ],
      [
        (channel) => channel.ask('queue.bind', { queue: 'q' }),
        'channel: ACCESS_REFUSED - operation not permitted on the default exchange',
      ],
      [(channel) => channel.ack(7), 'channel: PRECONDITION_FAILED - unknown delivery tag 7'],
      [
        (channel) => channel.publish('inside', 'k', {}, Buffer.alloc(0)),
        "channel: ACCESS_REFUSED - cannot publish to internal exchange 'inside' in vhost '/'",
      ],
      [
        (channel) => channel.publish('none', 'k', {}, Buffer.alloc(0)),
        "channel: NOT_FOUND - no exchange 'none' in vhost '/'",
      ],
      [
        (channel) => channel.publish('x', 'k', { userId: 'root' }, Buffer.alloc(0)),
        "channel: PRECONDITION_FAILED - user_id property set to 'root' but authenticated user was 'nimbo'",
      ],
      [
        (channel) => channel.publish('x', 'k', { expiration: 'soon' }, Buffer.alloc(0)),
        "channel: PRECONDITION_FAILED - invalid expiration 'soon': no_integer",
      ],
      [
        (channel) => channel.tell('basic.publish', { immediate: true }),
        'connection: UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead',
      ],
      [
        (channel) => channel.ask('channel.open', {}),
        "connection: CHANNEL_ERROR - second 'channel.open' seen",
      ],
      [
        (channel) => channel.ask('basic.qos', { prefetchSize: 5 }),
        'connection: NOT_IMPLEMENTED - prefetch_size!=0 (5)',
      ],
      [
        (channel) => channel.tell('basic.get-empty', {}),
        'connection: COMMAND_INVALID - unimplemented method',
      ],
    ]
    for (const [act, expected] of cases) {
      const wrong = (channel: ClientChannel) => {
        const done = act(channel)
        // Something must follow a publish that lacks its content.
        if (expected.includes('UNEXPECTED_FRAME')) channel.tell('basic.ack', {})
        return done
      }
      expect(await closedBy(parts, wrong)).toBe(expected)
    }
  })

  test('a channel error leaves the other channels of the connection alone', async () => {
    const parts = await start()
    const connection = await parts.connect()
    const [good, bad] = [await connection.openChannel(), await connection.openChannel()]
    await expect(bad.ask('queue.declare', { queue: 'none', passive: true })).rejects.toMatchObject({
      code: 404,
    })
    expect((await good.ask('queue.declare', { queue: 'fine' })).queue).toBe('fine')
    const again = await connection.openChannel()
    expect((await again.ask('queue.declare', { queue: 'fine', passive: true })).messageCount).toBe(0)
  })

  test('octets that are no frames close the connection with a frame error', async () => {
    const parts = await start()
    const client = parts.stream()
    const answer = untilClosed(client)
    client.write('AMQP\x00\x00\x09\x01')
    client.write(Buffer.from([9, 0, 0, 0, 0, 0, 1, 65, 0]))
    // Before the login it says nothing: it only hangs up.
    expect((await answer).includes('FRAME_ERROR')).toBe(false)
    await parts.world.advance(0)
    expect(parts.broker.connectionCount).toBe(0)
  })
})

describe('garbage', () => {
  test('mutated frames never take the broker down, nor leave a connection behind', async () => {
    // What the broker calls its own error is a bug: garbage must be told from it.
    const bugs: unknown[] = []
    const parts = await start({ log: { ...silentLog, error: (fields) => void bugs.push(fields) } })
    const outbox = new Outbox(new PassThrough())
    outbox.raw(protocolHeader)
    outbox.method(0, 'connection.start-ok', { mechanism: 'PLAIN', response: '\0nimbo\0secret' })
    outbox.method(0, 'connection.tune-ok', {})
    outbox.method(0, 'connection.open', { virtualHost: '/' })
    outbox.method(1, 'channel.open', {})
    outbox.method(1, 'queue.declare', {
      queue: 'f',
      arguments: { 'x-expires': 1000, nested: { list: [1, 'a', true] } },
    })
    outbox.method(1, 'queue.bind', {
      queue: 'f',
      exchange: 'amq.headers',
      arguments: { 'x-match': 'any', a: 1 },
    })
    outbox.method(1, 'basic.publish', { exchange: 'amq.headers', routingKey: 'k' })
    outbox.content(1, makeContent({ headers: { a: 1 }, expiration: '5' }, Buffer.from('body'), 4096))
    outbox.method(1, 'basic.get', { queue: 'f' })
    const stream = Buffer.from(outbox.writer.written())
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(stream.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const mutated = Buffer.from(stream)
          for (const [at, octet] of changes) mutated[at] = octet
          const client = parts.stream()
          client.on('data', () => {})
          client.write(mutated)
          await new Promise((resolve) => setImmediate(resolve))
          client.destroy()
        },
      ),
      { numRuns: 1500 },
    )
    await parts.world.advance(0)
    // Many mutations harm little: those clients got as far as their queue.
    expect(parts.broker.vhosts.get('/')!.queues.has('f')).toBe(true)
    const channel = await parts.channel()
    expect((await channel.ask('queue.declare', { queue: 'alive' })).queue).toBe('alive')
    expect(parts.broker.connectionCount).toBe(1)
    expect(bugs).toEqual([])
  })
})

describe('rights', () => {
  test('each of configure, write and read guards its own methods', async () => {
    const permissions = { '/': { configure: '^own', write: '^own|^amq\\.default$', read: '^own' } }
    const parts = await start({ users: { agent: { password: 'a', permissions } } })
    const admin = await parts.channel()
    await admin.ask('queue.declare', { queue: 'other' })
    await admin.ask('exchange.declare', { exchange: 'foreign', type: 'fanout' })
    const agent = async () => (await parts.connect({ user: 'agent', password: 'a' })).openChannel()
    const mine = await agent()
    await mine.ask('queue.declare', { queue: 'own.1' })
    await mine.publish('', 'own.1', {}, Buffer.from('to myself'))
    expect((await (await consumer(mine, 'own.1')).count(1))[0]!.body.toString()).toBe('to myself')
    const refused = (right: string, what: string) => ({
      code: 403,
      message: `ACCESS_REFUSED - ${right} access to ${what} in vhost '/' refused for user 'agent'`,
    })
    const attempts: [(channel: ClientChannel) => Promise<unknown>, string, string][] = [
      [(channel) => channel.ask('queue.declare', { queue: 'else' }), 'configure', "queue 'else'"],
      [(channel) => channel.ask('queue.delete', { queue: 'other' }), 'configure', "queue 'other'"],
      [(channel) => channel.ask('queue.purge', { queue: 'other' }), 'read', "queue 'other'"],
      [(channel) => channel.ask('basic.consume', { queue: 'other' }), 'read', "queue 'other'"],
      [
        (channel) => channel.ask('queue.bind', { queue: 'own.1', exchange: 'foreign' }),
        'read',
        "exchange 'foreign'",
      ],
    ]
    for (const [act, right, what] of attempts)
      await expect(act(await agent())).rejects.toMatchObject(refused(right, what))
    const publisher = await agent()
    await publisher.confirmPublishing()
    await expect(publisher.publish('foreign', '', {}, Buffer.alloc(0))).rejects.toMatchObject(
      refused('write', "exchange 'foreign'"),
    )
  })

  test('to topics are not led around by headers or by dead letters', async () => {
    const permissions = { '/': { configure: '^own', write: '^own|^topics$', read: '^own' } }
    const topicPermissions = { '/': { topics: { write: '^mine$', read: '^mine$' } } }
    const parts = await start({ users: { agent: { password: 'a', permissions, topicPermissions } } })
    const admin = await parts.channel()
    await admin.ask('exchange.declare', { exchange: 'topics', type: 'topic' })
    const agent = async () => (await parts.connect({ user: 'agent', password: 'a' })).openChannel()
    const refused = {
      code: 403,
      message:
        "ACCESS_REFUSED - write access to topic 'theirs' in exchange 'topics' in vhost '/' refused for user 'agent'",
    }
    for (const name of ['CC', 'BCC']) {
      const channel = await agent()
      await channel.confirmPublishing()
      const headers = { [name]: ['theirs'] }
      await expect(channel.publish('topics', 'mine', { headers }, Buffer.alloc(0))).rejects.toMatchObject(
        refused,
      )
    }
    const lettered = (key: string) => ({
      'x-dead-letter-exchange': 'topics',
      'x-dead-letter-routing-key': key,
    })
    await expect(
      (await agent()).ask('queue.declare', { queue: 'own.1', arguments: lettered('theirs') }),
    ).rejects.toMatchObject(refused)
    await (await agent()).ask('queue.declare', { queue: 'own.2', arguments: lettered('mine') })
  })
})

describe('heartbeats', () => {
  test('an idle connection lives as long as both ends beat', async () => {
    const parts = await start({ heartbeatSeconds: 10 })
    const channel = await parts.channel()
    for (let i = 0; i < 30; i++) await parts.world.advance(5_000)
    expect((await channel.ask('queue.declare', { queue: 'still-here' })).queue).toBe('still-here')
  })

  test('a peer that went silent is given up after two intervals, and its messages go on', async () => {
    const parts = await start({ heartbeatSeconds: 10 })
    const frozen = new Outbox(parts.stream())
    frozen.raw(protocolHeader)
    frozen.method(0, 'connection.start-ok', { mechanism: 'PLAIN', response: '\0nimbo\0secret' })
    frozen.method(0, 'connection.tune-ok', { heartbeat: 10 })
    frozen.method(0, 'connection.open', { virtualHost: '/' })
    frozen.method(1, 'channel.open', {})
    frozen.method(1, 'queue.declare', { queue: 'work' })
    frozen.method(1, 'basic.consume', { queue: 'work' })
    frozen.flush()
    const other = await parts.channel()
    await other.confirmPublishing()
    await other.publish('', 'work', {}, Buffer.from('in hand'))
    const heir = await consumer(other, 'work')
    // The message in hand is work that no foreground timer ends; this one lets time pass all the same.
    parts.world.timers.after(1e9, () => {})
    await parts.world.advance(20_000)
    expect([heir.got.length, parts.broker.connectionCount]).toEqual([0, 2])
    await parts.world.advance(10_000)
    expect(heir.got.map(({ body, redelivered }) => [body.toString(), redelivered])).toEqual([
      ['in hand', true],
    ])
    expect(parts.broker.connectionCount).toBe(1)
  })
})
