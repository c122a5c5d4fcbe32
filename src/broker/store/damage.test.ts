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

test('a message log of the release before is refused with what to do about it', async () => {
  const folder = await filled()
  await files.write(`${folder}/0000000001.log`, Buffer.alloc(10))
  await expect(open(folder)).rejects.toThrow('of an earlier Nimbo')
})
