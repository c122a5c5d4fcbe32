// What a start makes of files that are not as they were written: the rest is kept, and the log says what is lost.
import { expect, test } from 'vitest'
import { makeContent } from '#kit/amqp/content.ts'
import { silentLog } from '#kit/log/log.ts'
import { seededRandom, virtualWorld } from '#kit/world/virtual.ts'
import { Message } from '../core/message.ts'
import type { Queue } from '../core/queue.ts'
import { Vhost } from '../core/vhost.ts'
import { openDiskStore } from './disk-store.ts'
import { powerCut } from './power-cut.ts'

const { files } = powerCut(seededRandom(1), Infinity)
let folders = 0

/** The broker's store and a virtual host on it, with small segments. */
async function open(folder: string) {
  const said: string[] = []
  const log = { ...silentLog, error: (_: unknown, text: string) => void said.push(text) }
  const warn = { ...log, warn: (_: unknown, text: string) => void said.push(text) }
  const world = { ...virtualWorld(), files }
  const store = await openDiskStore({ world, log: warn, folder, segmentBytes: 2000 })
  const vhost = new Vhost(world, store, '/')
  vhost.restore()
  await store.restore((id) => [...vhost.queues.values()].find((queue) => queue.id === id))
  return { store, vhost, said }
}

/** Forty messages in queues a and b, in several segments; those that b is done with are acknowledged. */
async function filled(): Promise<string> {
  const folder = `/damage-${++folders}`
  const { store, vhost } = await open(folder)
  for (const name of ['a', 'b']) {
    const spec = { name, durable: true, exclusive: false, autoDelete: false, arguments: {} }
    vhost.bind(vhost.exchange('amq.fanout'), vhost.declareQueue(spec, {}), '', {})
  }
  for (let id = 0; id < 40; id++) {
    const content = makeContent({ deliveryMode: 2, messageId: `${id}` }, Buffer.alloc(100, `${id} `), 131072)
    const address = Buffer.from('\x0aamq.fanout\x00', 'latin1')
    vhost.publish(new Message(undefined, undefined, address, content))
    await new Promise((resolve) => setImmediate(resolve))
  }
  const b = vhost.queues.get('b')!
  for (const entry of takeAll(b)) if (Number(entry.message.properties.messageId) % 2 === 1) b.settle(entry)
  await store.close()
  return folder
}

function takeAll(queue: Queue) {
  const entries = []
  for (let entry = queue.take(); entry; entry = queue.take()) entries.push(entry)
  return entries
}

const ids = (vhost: Vhost, name: string) =>
  takeAll(vhost.queues.get(name)!).map(({ message }) => Number(message.properties.messageId))
const all = Array.from({ length: 40 }, (_, id) => id)
const even = all.filter((id) => id % 2 === 0)

async function named(folder: string, kind: string): Promise<string[]> {
  return (await files.list(folder)).filter((name) => name.endsWith(kind)).sort()
}

async function change(path: string, edit: (file: Buffer) => Buffer): Promise<void> {
  await files.write(path, edit(await files.read(path)))
}

function flipped(file: Buffer, at: number): Buffer {
  const changed = Buffer.from(file)
  changed[at] = file[at]! ^ 1
  return changed
}

test('without an index, or with one that is damaged, a segment tells the same itself', async () => {
  const folder = await filled()
  const [first, second] = await named(folder, '.index')
  await files.remove(`${folder}/${first}`)
  await change(`${folder}/${second}`, (file) => flipped(file, 80))
  const { store, vhost, said } = await open(folder)
  expect([ids(vhost, 'a'), ids(vhost, 'b')]).toEqual([all, even])
  expect(said).toEqual([])
  await store.close()
})

test('one damaged octet costs one message, with an index and without', async () => {
  for (const withIndex of [true, false]) {
    const folder = await filled()
    const [first] = await named(folder, '.segment')
    const [index] = await named(folder, '.index')
    await change(`${folder}/${first}`, (file) => flipped(file, 500))
    if (!withIndex) await files.remove(`${folder}/${index}`)
    const { store, vhost, said } = await open(folder)
    const got = ids(vhost, 'a')
    expect([withIndex, got.length]).toEqual([withIndex, 39])
    const lost = all.filter((id) => !got.includes(id))
    expect(ids(vhost, 'b')).toEqual(even.filter((id) => !lost.includes(id)))
    expect(said.length).toBeGreaterThan(0)
    await store.close()
  }
})

test('a segment that is cut short keeps what is whole, and the next ones are as they were', async () => {
  const folder = await filled()
  const [first] = await named(folder, '.segment')
  await change(`${folder}/${first}`, (file) => file.subarray(0, file.length - 10))
  const { store, vhost, said } = await open(folder)
  const got = ids(vhost, 'a')
  expect(all.filter((id) => !got.includes(id))).toHaveLength(1)
  expect(said).toContain('a segment of messages is shorter than it was; its end is lost')
  await store.close()
})

test('wherever the last segment ends, its whole messages are there and the rest is cut off', async () => {
  const folder = await filled()
  const last = (await named(folder, '.segment')).at(-1)!
  const whole = await files.read(`${folder}/${last}`)
  const lengths = new Map<number, number>()
  for (let end = 0; end <= whole.length; end++) {
    await files.write(`${folder}/${last}`, whole.subarray(0, end))
    const { vhost } = await open(folder)
    const got = ids(vhost, 'a')
    expect(got).toEqual(all.slice(0, got.length))
    lengths.set(got.length, (lengths.get(got.length) ?? 0) + 1)
  }
  // One more with each message's last octet.
  const counts = [...lengths.keys()]
  expect(counts).toEqual(Array.from({ length: counts.length }, (_, index) => counts[0]! + index))
  expect(counts.at(-1)).toBe(40)
})

test('a damaged record of a queue or exchange costs no other, and the file is kept', async () => {
  const folder = await filled()
  const before = await files.read(`${folder}/topology`)
  // The first record after the number of queues: queue a.
  const first = 8 + before.readUInt32BE(0)
  await files.write(`${folder}/topology`, flipped(before, first + 20))
  const { store, vhost, said } = await open(folder)
  expect([...vhost.queues.keys()]).toEqual(['b'])
  expect(ids(vhost, 'b')).toEqual(even)
  expect(said).toContain('the file of queues and exchanges is damaged; some are lost')
  expect(await files.read(`${folder}/topology.damaged`)).toEqual(flipped(before, first + 20))
  await store.close()
})

test('what is acknowledged is freed, also under a message that nobody fetches', async () => {
  const folder = await filled()
  const { store, vhost } = await open(folder)
  // Of each queue the first stays; of what came after it and is answered for nothing does.
  for (const name of ['a', 'b']) {
    const queue = vhost.queues.get(name)!
    const [first, ...rest] = takeAll(queue)
    for (const entry of rest) queue.settle(entry)
    queue.requeue([first!])
  }
  for (let id = 100; id < 300; id++) {
    const content = makeContent({ deliveryMode: 2, messageId: `${id}` }, Buffer.alloc(100), 131072)
    vhost.publish(new Message(undefined, undefined, Buffer.from('\x00\x01a', 'latin1'), content))
    const queue = vhost.queues.get('a')!
    const [first, last] = takeAll(queue)
    queue.settle(last!)
    queue.requeue([first!])
    await new Promise((resolve) => setImmediate(resolve))
  }
  await store.close()
  expect((await named(folder, '.segment')).length).toBeLessThanOrEqual(6)
  const again = await open(folder)
  expect([ids(again.vhost, 'a'), ids(again.vhost, 'b')]).toEqual([[0], [0]])
  await again.store.close()
})

test('many starts leave few segments, and all that is in them in its order', async () => {
  const folder = await filled()
  for (let start = 0; start < 60; start++) {
    const { store, vhost } = await open(folder)
    const address = Buffer.from('\x00\x01a', 'latin1')
    const content = makeContent({ deliveryMode: 2, messageId: `${100 + start}` }, Buffer.alloc(0), 131072)
    vhost.publish(new Message(undefined, undefined, address, content))
    await store.close()
  }
  const { store, vhost } = await open(folder)
  expect(ids(vhost, 'a')).toEqual([...all, ...Array.from({ length: 60 }, (_, start) => 100 + start)])
  expect((await named(folder, '.segment')).length).toBeLessThan(30)
  await store.close()
})

test('a quorum queue remembers how often a message came back', async () => {
  const folder = `/damage-${++folders}`
  const first = await open(folder)
  const spec = {
    name: 'q',
    durable: true,
    exclusive: false,
    autoDelete: false,
    arguments: { 'x-queue-type': 'quorum' },
  }
  const queue = first.vhost.declareQueue(spec, {})
  const content = makeContent({ messageId: '1' }, Buffer.alloc(10), 131072)
  first.vhost.publish(new Message(undefined, undefined, Buffer.from('\x00\x01q', 'latin1'), content))
  for (let turn = 0; turn < 2; turn++) queue.requeue(takeAll(queue))
  await first.store.close()
  const second = await open(folder)
  const [entry] = takeAll(second.vhost.queues.get('q')!)
  expect(entry!.message.properties.headers).toEqual({ 'x-delivery-count': 2 })
  await second.store.close()
})

test('a message log of the release before is refused with what to do about it', async () => {
  const folder = await filled()
  await files.write(`${folder}/0000000001.log`, Buffer.alloc(10))
  await expect(open(folder)).rejects.toThrow('of an earlier Nimbo')
})
