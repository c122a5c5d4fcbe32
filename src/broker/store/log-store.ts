// The store on disk: an append-only log in segments, and a topology file. Everything given within one write and sync
// goes out together in the next (group commit), so batches grow with the load and no timer is needed.
// A segment goes when it is the oldest and nothing in it is alive; a few long-lived messages are moved to the end.

import { Writer } from '#kit/amqp/writer.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { OpenFile, World } from '#kit/world/world.ts'
import type { Message } from '../core/message.ts'
import { readEntries, writeForgottenEntry, writeMessageEntry } from './entry.ts'
import type { Change, Recovered, Store } from './store.ts'
import { readTopology, writeChange, writeTopology } from './topology-file.ts'

const segmentBytes = 16 * 1024 * 1024
/** Fewer segments than this are left alone. */
const keepSegments = 4
/** How long a failed write waits before it is tried again: a disk may have room by then. */
const retryMs = 1000

/** A file that grows: what is to be written, and whether the disk has all that was. */
type Target = { pending: Writer; file: OpenFile | undefined; written: number; unsynced: boolean }
type Segment = Target & {
  number: number
  bytes: number
  liveCount: number
  /** It may go when all up to this count is safe: what replaced its messages was given by then. */
  freeAfter: number
}
type Live = { segment: Segment; bytes: number; queueIds: Set<number> }

export async function openLogStore(world: World, log: Log, folder: string): Promise<Store> {
  await world.files.makeFolder(folder)
  const store = new LogStore(world, log, folder)
  await store.open()
  return store
}

class LogStore implements Store {
  recovered: Recovered = { exchanges: [], queues: [], bindings: [], messages: [] }
  given = 0
  safe = 0
  readonly #world: World
  readonly #log: Log
  readonly #folder: string
  readonly #live = new Map<number, Live>()
  #liveBytes = 0
  #segments: Segment[] = []
  #topology: Target = { pending: new Writer(1024), file: undefined, written: 0, unsynced: false }
  #waiting: { count: number; action: () => void }[] = []
  #lastQueueId = 0
  #lastStoreId = 0
  #scheduled = false
  #committing: Promise<void> | undefined
  #mustSync = false
  #closed = false

  constructor(world: World, log: Log, folder: string) {
    this.#world = world
    this.#log = log
    this.#folder = folder
  }

  async open(): Promise<void> {
    const { files } = this.#world
    const topologyPath = `${this.#folder}/topology`
    const topology = readTopology(
      (await files.exists(topologyPath)) ? await files.read(topologyPath) : Buffer.alloc(0),
    )
    this.#lastQueueId = topology.lastQueueId
    const messages = await this.#recoverSegments(new Set(topology.queues.map((queue) => queue.id)))
    this.recovered = { ...topology, messages }
    const whole = writeTopology(topology, this.#lastQueueId)
    await files.writeAtomic(topologyPath, whole)
    this.#topology.file = await files.open(topologyPath, 'r+')
    this.#topology.written = whole.length
    this.#newSegment()
    await this.#reclaim()
  }

  nextQueueId(): number {
    return ++this.#lastQueueId
  }

  record(change: Change): void {
    writeChange(this.#topology.pending, change)
    this.#appended(true)
  }

  keep(message: Message, queueIds: number[]): void {
    message.storeId = ++this.#lastStoreId
    this.#append(message, new Set(queueIds))
  }

  forget(storeId: number, queueId: number): void {
    const live = this.#live.get(storeId)
    if (!live?.queueIds.delete(queueId)) return
    const segment = this.#current()
    segment.bytes += writeForgottenEntry(segment.pending, storeId, queueId)
    if (live.queueIds.size === 0) this.#release(storeId, live)
    // Lost in a power cut, it only brings back a message with the redelivered flag: not worth a sync of its own.
    this.#appended(false)
  }

  whenSafe(count: number, action: () => void): void {
    if (count <= this.safe) action()
    else this.#waiting.push({ count, action })
  }

  async close(): Promise<void> {
    while (this.#committing || this.safe < this.given) {
      await this.#committing
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#closed = true
    await this.#topology.file?.close()
    for (const segment of this.#segments) await segment.file?.close()
  }

  #append(message: Message, queueIds: Set<number>): void {
    const segment = this.#current()
    const bytes = writeMessageEntry(segment.pending, message.storeId, queueIds, message)
    segment.bytes += bytes
    segment.liveCount++
    this.#live.set(message.storeId, { segment, bytes, queueIds })
    this.#liveBytes += bytes
    this.#appended(true)
  }

  #release(storeId: number, live: Live): void {
    live.segment.liveCount--
    live.segment.freeAfter = this.given
    this.#liveBytes -= live.bytes
    this.#live.delete(storeId)
  }

  #current(): Segment {
    const last = this.#segments.at(-1)!
    return last.bytes < segmentBytes ? last : this.#newSegment()
  }

  #newSegment(): Segment {
    const number = (this.#segments.at(-1)?.number ?? 0) + 1
    const segment = newSegment(number, 0, new Writer(64 * 1024))
    this.#segments.push(segment)
    return segment
  }

  #appended(mustSync: boolean): void {
    this.given++
    if (mustSync) this.#mustSync = true
    this.#commitSoon()
  }

  #commitSoon(): void {
    if (this.#scheduled || this.#committing || this.#closed) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      const end = this.#world.activity.begin()
      this.#committing = this.#commit().finally(() => {
        end()
        this.#committing = undefined
        if (this.safe < this.given) this.#commitSoon()
      })
    })
  }

  /** Writes and syncs what has gathered. The topology first: no message is on disk before its queue. */
  async #commit(): Promise<void> {
    const upTo = this.given
    const sync = this.#mustSync
    this.#mustSync = false
    await this.#persist(this.#topology, sync)
    for (const segment of [...this.#segments]) {
      if (segment.pending.at === 0 && !segment.unsynced) continue
      segment.file ??= await this.#retried(() => this.#world.files.open(this.#path(segment.number), 'w'))
      await this.#persist(segment, sync)
    }
    this.safe = upTo
    while (this.#waiting.length > 0 && this.#waiting[0]!.count <= upTo) this.#waiting.shift()!.action()
    await this.#reclaim()
  }

  async #persist(target: Target, sync: boolean): Promise<void> {
    const { pending, file } = target
    if (!file || (pending.at === 0 && !(sync && target.unsynced))) return
    target.pending = new Writer(Math.min(pending.buffer.length, 1024 * 1024))
    await this.#retried(async () => {
      for (let at = 0; at < pending.at; )
        at += await file.write(pending.buffer, at, pending.at - at, target.written + at)
      if (sync) await file.datasync()
    })
    target.written += pending.at
    target.unsynced = !sync
  }

  /** Until it works: confirms wait meanwhile, so nothing is promised that isn't on disk. */
  async #retried<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        this.#log.error(
          { folder: this.#folder, error: fullMessage(error) },
          'the broker cannot write its log; publishers wait',
        )
        await this.#world.timers.sleep(retryMs)
      }
    }
  }

  async #recoverSegments(queueIds: Set<number>): Promise<Recovered['messages']> {
    const { files } = this.#world
    const names = (await files.list(this.#folder)).filter((name) => /^\d+\.log$/.test(name)).sort()
    const found = new Map<number, Message>()
    for (const [index, name] of names.entries()) {
      const path = `${this.#folder}/${name}`
      const octets = await files.read(path)
      const segment = newSegment(Number.parseInt(name, 10), octets.length, new Writer(1))
      this.#segments.push(segment)
      const whole = readEntries(octets, (entry) => {
        if (entry.type === 'change') return
        this.#lastStoreId = Math.max(this.#lastStoreId, entry.storeId)
        const before = this.#live.get(entry.storeId)
        if (entry.type === 'forgotten') {
          if (before?.queueIds.delete(entry.queueId) && before.queueIds.size === 0)
            this.#release(entry.storeId, before)
          return
        }
        if (before) this.#release(entry.storeId, before)
        found.set(entry.storeId, entry.message)
        const live = new Set(entry.queueIds.filter((id) => queueIds.has(id)))
        if (live.size === 0) return
        this.#live.set(entry.storeId, { segment, bytes: entry.size, queueIds: live })
        this.#liveBytes += entry.size
        segment.liveCount++
      })
      if (whole === octets.length) continue
      const torn = { segment: name, octets: octets.length - whole }
      if (index === names.length - 1)
        this.#log.warn(torn, 'the last write was cut short; its unconfirmed rest is dropped')
      else this.#log.error(torn, 'a segment of the message log is damaged; the rest of it is lost')
    }
    return [...this.#live]
      .sort(([a], [b]) => a - b)
      .map(([storeId, { queueIds: ids }]) => ({ message: found.get(storeId)!, queueIds: [...ids] }))
  }

  /** Frees segments from the oldest on: an acknowledgement is never dropped before its message. */
  async #reclaim(): Promise<void> {
    const total = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
    const oldest = this.#segments[0]!
    if (oldest.liveCount > 0 && this.#segments.length > keepSegments && total > 4 * this.#liveBytes)
      await this.#moveOn(oldest)
    while (this.#segments.length > 1) {
      const segment = this.#segments[0]!
      if (segment.liveCount > 0 || segment.pending.at > 0 || segment.freeAfter > this.safe) return
      this.#segments.shift()
      await segment.file?.close()
      await this.#world.files.remove(this.#path(segment.number))
    }
  }

  async #moveOn(segment: Segment): Promise<void> {
    const octets = await this.#world.files.read(this.#path(segment.number))
    readEntries(octets, (entry) => {
      if (entry.type !== 'message') return
      const live = this.#live.get(entry.storeId)
      if (live?.segment !== segment) return
      this.#release(entry.storeId, live)
      this.#append(entry.message, live.queueIds)
    })
  }

  #path(number: number): string {
    return `${this.#folder}/${String(number).padStart(10, '0')}.log`
  }
}

function newSegment(number: number, bytes: number, pending: Writer): Segment {
  return {
    number,
    bytes,
    liveCount: 0,
    freeAfter: 0,
    pending,
    file: undefined,
    written: bytes,
    unsynced: false,
  }
}
