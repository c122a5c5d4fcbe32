// What survives restarts and torn writes, that files are freed again, and what a full disk means.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { ClientChannel } from '#kit/amqp/client/channel.ts'
import { silentLog } from '#kit/log/log.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import { consumer, testBroker } from '../test-broker.ts'

const root = mkdtempSync(join(tmpdir(), 'nimbo-broker-'))
afterAll(() => rmSync(root, { recursive: true }))
let folders = 0
const folder = () => join(root, `${++folders}`)

const persistent = { deliveryMode: 2 }

async function publisher(dataDir: string) {
  const parts = await testBroker({ dataDir })
  const channel = await parts.channel()
  await channel.confirmPublishing()
  return { ...parts, channel }
}

/** What is in a durable queue, read and left there. */
async function contents(channel: ClientChannel, queue: string, count: number) {
  const reader = await consumer(channel, queue)
  const got = await reader.count(count)
  return got.map(({ body, redelivered }) => [body.toString(), redelivered])
}

test('durable exchanges, queues, bindings and persistent messages outlive the broker; the rest does not', async () => {
  const dataDir = folder()
  const first = await publisher(dataDir)
  await first.channel.ask('exchange.declare', {
    exchange: 'nova',
    type: 'topic',
    durable: true,
    arguments: { kept: [1, 'x'] },
  })
  await first.channel.ask('exchange.declare', { exchange: 'passing', type: 'topic' })
  await first.channel.ask('queue.declare', {
    queue: 'work',
    durable: true,
    arguments: { 'x-max-length': 100 },
  })
  await first.channel.ask('queue.declare', { queue: 'gone', durable: true })
  await first.channel.ask('queue.declare', { queue: 'passing' })
  await first.channel.ask('queue.bind', { queue: 'work', exchange: 'nova', routingKey: 'compute.*' })
  await first.channel.ask('queue.bind', { queue: 'work', exchange: 'nova', routingKey: 'unbound' })
  await first.channel.ask('queue.unbind', { queue: 'work', exchange: 'nova', routingKey: 'unbound' })
  await first.channel.publish('nova', 'compute.a', { ...persistent, headers: { n: 1 } }, Buffer.from('kept'))
  await first.channel.publish('nova', 'compute.b', {}, Buffer.from('transient'))
  await first.channel.publish('nova', 'compute.c', persistent, Buffer.from('acknowledged'))
  await first.channel.publish('', 'gone', persistent, Buffer.from('deleted with its queue'))
  await first.channel.ask('queue.delete', { queue: 'gone' })
  const reader = await consumer(first.channel, 'work')
  const [, , last] = await reader.count(3)
  first.channel.ack(last!.deliveryTag)
  await first.channel.close()
  await first.broker.close()

  const second = await publisher(dataDir)
  const vhost = second.broker.vhosts.get('/')!
  expect([...vhost.queues.keys()]).toEqual(['work'])
  expect(vhost.exchanges.get('nova')!.spec.arguments).toEqual({ kept: [1, 'x'] })
  expect(vhost.exchanges.has('passing')).toBe(false)
  expect(await contents(second.channel, 'work', 1)).toEqual([['kept', true]])
  await second.channel.publish('nova', 'compute.z', persistent, Buffer.from('routed as before'))
  expect(await second.channel.publish('nova', 'unbound', persistent, Buffer.from('lost'), true)).toBe(
    'returned',
  )
  expect(vhost.queues.get('work')!.unacked).toBe(2)
  await second.broker.close()
})

test('a confirm means that the message is on disk: whatever is cut off after it, it is there', async () => {
  const dataDir = folder()
  const parts = await publisher(dataDir)
  await parts.channel.ask('queue.declare', { queue: 'q', durable: true })
  const sizes: number[] = []
  const segment = () =>
    join(
      dataDir,
      readdirSync(dataDir)
        .filter((name) => name.endsWith('.segment'))
        .at(-1)!,
    )
  for (let i = 0; i < 12; i++) {
    await parts.channel.publish('', 'q', persistent, Buffer.from(`message ${i}`))
    sizes.push(statSync(segment()).size)
  }
  const whole = readFileSync(segment())
  const name = segment().slice(dataDir.length + 1)
  for (let cut = 0; cut <= whole.length; cut += 29) {
    const copy = folder()
    cpSync(dataDir, copy, { recursive: true })
    truncateSync(join(copy, name), cut)
    const after = await testBroker({ dataDir: copy })
    const confirmed = sizes.filter((size) => size <= cut).length
    expect(after.broker.vhosts.get('/')!.queues.get('q')!.messageCount).toBe(confirmed)
    await after.broker.close()
  }
  await parts.broker.close()
})

test('a full disk: the confirm waits until there is room, and the log says why', async () => {
  const world = virtualWorld()
  let full = false
  const open: typeof world.files.open = async (path, ...rest) => {
    const file = await world.files.open(path, ...rest)
    const write: typeof file.write = (...given) =>
      full ? Promise.reject(new Error('ENOSPC: no space left on device')) : file.write(...given)
    return {
      ...file,
      read: file.read,
      writev: file.writev,
      truncate: file.truncate,
      datasync: file.datasync,
      close: file.close,
      write,
    }
  }
  const said: string[] = []
  const log = { ...silentLog, error: (_: unknown, message: string) => void said.push(message) }
  const parts = await testBroker({
    world: { ...world, files: { ...world.files, open } },
    log,
    dataDir: folder(),
  })
  const channel = await parts.channel()
  await channel.confirmPublishing()
  await channel.ask('queue.declare', { queue: 'q', durable: true })
  full = true
  let confirmed = false
  const published = channel.publish('', 'q', persistent, Buffer.from('waits')).then(() => {
    confirmed = true
  })
  await parts.world.advance(3000)
  expect([confirmed, new Set(said)]).toEqual([
    false,
    new Set(['the broker cannot write its messages; publishers wait']),
  ])
  expect([...parts.broker.alarms.raised]).toEqual(['disk'])
  full = false
  await parts.world.settle()
  await published
  expect(confirmed).toBe(true)
  expect([...parts.broker.alarms.raised]).toEqual([])
  await parts.broker.close()
})

test('what a consumer takes without acknowledgements is confirmed and never written', async () => {
  const dataDir = folder()
  const parts = await publisher(dataDir)
  await parts.channel.ask('queue.declare', { queue: 'q', durable: true })
  const reader = await consumer(parts.channel, 'q', { noAck: true })
  for (let i = 0; i < 20; i++) await parts.channel.publish('', 'q', persistent, Buffer.from(`message ${i}`))
  await reader.count(20)
  expect(readdirSync(dataDir).filter((name) => name.endsWith('.segment'))).toEqual([])
  await parts.broker.close()
})

test('what comes and goes leaves no history: the file of queues and exchanges is written anew while it runs', async () => {
  const dataDir = folder()
  const parts = await publisher(dataDir)
  const { channel } = parts
  await channel.ask('queue.declare', { queue: 'stays', durable: true })
  for (let i = 0; i < 3000; i++) {
    channel.tell('queue.declare', { queue: `passing-${i}`, durable: true, noWait: true })
    channel.tell('queue.delete', { queue: `passing-${i}`, noWait: true })
    if (i % 100 === 0) await channel.ask('queue.declare', { queue: 'stays', passive: true })
  }
  await channel.ask('queue.declare', { queue: 'last', durable: true })
  // Three thousand declarations and deletions are more than half a megabyte.
  expect(statSync(join(dataDir, 'topology')).size).toBeLessThan(300_000)
  await parts.broker.close()
  const again = await publisher(dataDir)
  expect([...again.broker.vhosts.get('/')!.queues.keys()]).toEqual(['stays', 'last'])
  await again.broker.close()
})

test('what memory had no room for is gone with the process, and its files at the next start', async () => {
  const dataDir = folder()
  const first = await publisher(dataDir)
  await first.channel.ask('queue.declare', { queue: 'q', durable: true })
  const body = Buffer.alloc(900_000, 'x')
  for (let i = 0; i < 100; i++) await first.channel.publish('', 'q', {}, body)
  const spilled = () => readdirSync(dataDir).filter((name) => name.endsWith('.passing'))
  expect(spilled().length).toBeGreaterThan(0)
  const copy = folder()
  cpSync(dataDir, copy, { recursive: true })
  // All of it comes back from the files, in order and whole.
  const reader = await consumer(first.channel, 'q', { noAck: true })
  const got = await reader.count(100)
  expect(got.every((message) => message.body.equals(body) && !message.redelivered)).toBe(true)
  await first.broker.close()
  expect(spilled()).toEqual([])
  const second = await testBroker({ dataDir: copy })
  expect(second.broker.vhosts.get('/')!.queues.get('q')!.messageCount).toBe(0)
  expect(readdirSync(copy).filter((name) => name.endsWith('.passing'))).toEqual([])
  await second.broker.close()
})
