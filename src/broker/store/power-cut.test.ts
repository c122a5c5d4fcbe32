// The power goes at any operation of the disk: what was confirmed is there at the next start, in order, unless it was
// acknowledged; nothing is there that was never sent, and a queue whose deletion was confirmed stays deleted.
import { expect, test } from 'vitest'
import { makeContent } from '#kit/amqp/content.ts'
import { Writer } from '#kit/amqp/writer.ts'
import { silentLog } from '#kit/log/log.ts'
import { seededRandom, virtualWorld } from '#kit/world/virtual.ts'
import type { Random, World } from '#kit/world/world.ts'
import { Message } from '../core/message.ts'
import type { Consumer, Entry, Queue } from '../core/queue.ts'
import { Vhost } from '../core/vhost.ts'
import { openDiskStore } from './disk-store.ts'
import { type PowerCut, powerCut } from './power-cut.ts'
import type { Store } from './store.ts'

const names = ['a', 'b', 'c']

type Book = {
  /** By queue: what was confirmed and not acknowledged yet, in order of sending. */
  safe: Map<string, Set<number>>
  sent: Set<number>
  last: number
}

/** Takes everything, and keeps it until it is told what to do with it. */
type Keeper = Consumer & { queue: Queue; held: { entry: Entry; id: number }[] }

test('whenever the power goes, what was confirmed is there', async () => {
  for (let seed = 1; seed <= 40; seed++) await life(seed)
})

async function life(seed: number): Promise<void> {
  const random = seededRandom(seed)
  const book: Book = { safe: new Map(), sent: new Set(), last: 0 }
  let disk = powerCut(random, random.int(1, 120))
  for (let start = 0; start < 6; start++) {
    await untilDark(disk, random, book, `seed ${seed}, start ${start}`)
    disk = disk.again(start === 4 ? Infinity : random.int(1, 300))
  }
}

async function untilDark(disk: PowerCut, random: Random, book: Book, where: string): Promise<void> {
  const world: World = { ...virtualWorld({ seed: 1 }), files: disk.files }
  const options = { world, log: silentLog, folder: '/store', segmentBytes: 1500, memoryBytes: 1 }
  const store = await Promise.race([openDiskStore(options), dark(disk)])
  if (!store) return
  const vhost = new Vhost(world, store, '/')
  vhost.restore()
  const queues = [...vhost.queues.values()]
  const restored = Promise.resolve(store.restore((id) => queues.find((queue) => queue.id === id)))
  await restored
  check(vhost, book, where)
  const keepers = new Map<string, Keeper>()
  for (let turn = 0; turn < 120 && !disk.isOut; turn++) {
    act(vhost, store, keepers, random, book)
    // The disk works while the broker goes on, and both go on when it is slow.
    for (let i = random.int(0, 4); i > 0; i--) await new Promise((resolve) => setImmediate(resolve))
  }
  // Without the power going it is pulled here.
}

async function dark(disk: PowerCut): Promise<undefined> {
  while (!disk.isOut) await new Promise((resolve) => setImmediate(resolve))
}

function check(vhost: Vhost, book: Book, where: string): void {
  for (const name of names) {
    const queue = vhost.queues.get(name)
    const wanted = [...(book.safe.get(name) ?? [])]
    if (!queue) {
      expect([where, name, wanted]).toEqual([where, name, []])
      continue
    }
    const got: number[] = []
    const taken: Entry[] = []
    for (let entry = queue.take(); entry; entry = queue.take()) {
      expect([where, entry.redelivered]).toEqual([where, true])
      got.push(idOf(entry.message))
      taken.push(entry)
    }
    queue.requeue(taken)
    expect([where, name, got]).toEqual([where, name, [...new Set(got)].sort((x, y) => x - y)])
    expect([where, name, wanted.filter((id) => !got.includes(id))]).toEqual([where, name, []])
    expect([where, name, got.filter((id) => !book.sent.has(id))]).toEqual([where, name, []])
    // What is there again was perhaps never confirmed: from now on it is as good as if.
    book.safe.set(name, new Set(got))
  }
}

function act(vhost: Vhost, store: Store, keepers: Map<string, Keeper>, random: Random, book: Book): void {
  const name = names[random.int(0, names.length)]!
  const queue = vhost.queues.get(name)
  const what = random.int(0, 20)
  if (!queue) {
    const spec = { name, durable: true, exclusive: false, autoDelete: false, arguments: {} }
    vhost.bind(vhost.exchange('amq.fanout'), vhost.declareQueue(spec, {}), '', {})
  } else if (what < 8) {
    const id = ++book.last
    book.sent.add(id)
    const exchange = random.int(0, 3) === 0 ? 'amq.fanout' : ''
    const sent = message(exchange, name, id, random.int(0, 400))
    // Not all queues, perhaps: the power may have gone between a queue and its binding.
    const into = [...vhost.route(sent)]
    const routed = vhost.publish(sent)
    // A number is safe in the order of sending, however late its confirm: the book sorts when it is read.
    store.whenSafe(routed.stored, () => {
      for (const each of into) if (!each.deleted) confirm(book, each.name, id)
    })
  } else if (what === 8) keep(keepers, queue)
  else if (what < 18) {
    const keeper = keepers.get(name)
    // Mostly not the first: what nobody answers for must not keep all that came after it on disk.
    const own = keeper?.held.splice(random.int(0, 4) === 0 ? 0 : 1, random.int(1, 12)) ?? []
    if (what === 9) queue.requeue(own.map(({ entry }) => entry))
    else
      for (const { entry, id } of own) {
        settled(book, name, id)
        queue.settle(entry)
      }
  } else if (what === 18) {
    keepers.delete(name)
    // From the moment of asking nothing is promised of what was in it; once confirmed it must not come back.
    book.safe.delete(name)
    vhost.deleteQueue(queue)
  } else {
    // Those with a consumer stay; of all others nothing is promised any more, whether their confirm has come or not.
    const held = new Set(keepers.get(name)?.held.map(({ id }) => id))
    queue.purge()
    for (const id of book.sent) if (!held.has(id)) settled(book, name, id)
  }
}

const done = new WeakMap<Book, Set<string>>()

function settled(book: Book, name: string, id: number): void {
  book.safe.get(name)?.delete(id)
  const all = done.get(book) ?? new Set()
  done.set(book, all.add(`${name}/${id}`))
}

/** A late confirm of what is acknowledged already promises nothing any more. */
function confirm(book: Book, name: string, id: number): void {
  if (done.get(book)?.has(`${name}/${id}`)) return
  const safe = book.safe.get(name) ?? new Set()
  book.safe.set(name, safe.add(id))
}

function keep(keepers: Map<string, Keeper>, queue: Queue): void {
  const there = keepers.get(queue.name)
  if (there) {
    keepers.delete(queue.name)
    queue.removeConsumer(there)
    queue.requeue(there.held.splice(0).map(({ entry }) => entry))
    return
  }
  const keeper: Keeper = {
    queue,
    held: [],
    noAck: false,
    exclusive: false,
    priority: 0,
    get ready() {
      return this.held.length < 8
    },
    deliver: (entry) => void keeper.held.push({ entry, id: idOf(entry.message) }),
    cancelled() {},
  }
  keepers.set(queue.name, keeper)
  queue.addConsumer(keeper)
}

function message(exchange: string, key: string, id: number, size: number): Message {
  const writer = new Writer(64)
  writer.shortstr(exchange)
  writer.shortstr(key)
  const content = makeContent({ deliveryMode: 2, messageId: String(id) }, Buffer.alloc(size), 131072)
  return new Message(exchange, key, writer.written(), content)
}

function idOf(message: Message): number {
  return Number(message.properties.messageId)
}
