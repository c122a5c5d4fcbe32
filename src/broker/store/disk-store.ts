// The store on disk. Everything given within one write and sync goes out together in the next (group commit), so
// batches grow with the load and no timer is needed. One loop does all the writing, in an order that holds whatever
// the instant of a crash: queues before the messages in them, messages before confirms and acknowledgements.
import type { Message } from '../core/message.ts'
import type { Block } from './block.ts'
import { Disk, type DiskOptions } from './disk.ts'
import { moveOn } from './move.ts'
import { type FoundSegment, findSegments, restoreMessages } from './recovery.ts'
import type { Segment } from './segment.ts'
import { SegmentFiles } from './segment-files.ts'
import { Segments } from './segments.ts'
import { Spiller } from './spill.ts'
import type { Change, RestoredMessage, Store } from './store.ts'
import { TopologyFile } from './topology-file.ts'

const defaultMemoryBytes = 64 * 1024 * 1024
/** Segments that hold little are moved on while all take more than these would, and several times what is held. */
const roomySegments = 4
const roomyTimes = 3
/** Or while there are more than this of them: each start leaves one, and each costs a start. */
const sparseMost = 16

export async function openDiskStore(options: DiskOptions): Promise<Store> {
  await options.world.files.makeFolder(options.folder)
  const store = new DiskStore(new Disk(options), options)
  await store.open()
  return store
}

class DiskStore implements Store {
  readonly segments: Segments
  given = 0
  safe = 0
  readonly #disk: Disk
  readonly #topology: TopologyFile
  readonly #files: SegmentFiles
  readonly #dirty = new Set<Segment>()
  readonly #acked = new Set<Segment>()
  readonly #spiller: Spiller
  /** Full; their index is to be written. */
  #unindexed: Segment[] = []
  readonly #sparse = new Set<Segment>()
  /** Their files may go once all up to `after` is safe: what replaced their messages was given by then. */
  #freed: { segment: Segment; after: number }[] = []
  #waiting: { count: number; action: () => void }[] = []
  #found: FoundSegment[] = []
  #scheduled = false
  #committing: Promise<void> | undefined
  #closed = false

  constructor(disk: Disk, { segmentBytes, memoryBytes = defaultMemoryBytes }: DiskOptions) {
    this.#disk = disk
    this.#topology = new TopologyFile(disk)
    this.#files = new SegmentFiles(disk)
    this.#spiller = new Spiller(disk, (block) => this.segments.cache.spilled(block))
    const owner = {
      clock: disk.world.clock,
      read: (segment: Segment, position: number, buffer: Buffer) =>
        this.#files.read(segment, position, buffer),
      dirty: (segment: Segment) => void this.#dirty.add(segment),
      acked: (segment: Segment) => {
        this.#acked.add(segment)
        this.#commitSoon()
      },
      sealed: (segment: Segment) => {
        if (!segment.durable) return
        this.#unindexed.push(segment)
        this.#commitSoon()
      },
      sparse: (segment: Segment) => void this.#sparse.add(segment),
      freed: (segment: Segment) => {
        this.#sparse.delete(segment)
        if (!segment.durable) return this.#spiller.free(segment)
        this.#freed.push({ segment, after: this.given })
        this.#commitSoon()
      },
      spill: (block: Block) => this.#spiller.add(block),
      damaged: (segment: Segment, entry: number) =>
        disk.log.error(
          { file: this.#files.path(segment), entry },
          'a message on disk is damaged; it is lost',
        ),
    }
    this.segments = new Segments(owner, memoryBytes, segmentBytes)
  }

  get recovered() {
    return this.#topology.topology.now()
  }

  get isBehind(): boolean {
    return this.segments.cache.isBehind
  }

  whenCaughtUp(action: () => void): void {
    this.segments.cache.whenCaughtUp(action)
  }

  async open(): Promise<void> {
    await this.#topology.open()
    this.#found = await findSegments(this.#disk, this.segments)
  }

  async restore(
    queue: (id: number) => { restore(message: RestoredMessage): void } | undefined,
  ): Promise<void> {
    const found = this.#found.splice(0)
    restoreMessages(found, queue)
    for (const { segment, isIndexed } of found) {
      if (segment.holders === 0) this.segments.free(segment)
      else {
        if (isIndexed) segment.index = undefined
        else this.#unindexed.push(segment)
        this.segments.watchSparse(segment)
      }
    }
    this.#commitSoon()
  }

  nextQueueId(): number {
    return ++this.#topology.topology.lastQueueId
  }

  record(change: Change): void {
    this.#topology.record(change)
    this.given++
    this.#commitSoon()
  }

  place(message: Message, holders: number, queueIds: readonly number[]): void {
    this.segments.place(message, holders, queueIds)
    if (queueIds.length === 0) return
    this.given++
    this.#commitSoon()
  }

  whenSafe(count: number, action: () => void): void {
    if (count <= this.safe) {
      action()
      return
    }
    let at = this.#waiting.length
    while (at > 0 && this.#waiting[at - 1]!.count > count) at--
    this.#waiting.splice(at, 0, { count, action })
  }

  async close(): Promise<void> {
    this.#disk.closing = true
    while (this.#committing || this.#isBusy) {
      await this.#committing
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#closed = true
    await this.#spiller.close()
    await this.#topology.close()
    await this.#files.close()
  }

  get #isBusy(): boolean {
    return (
      this.safe < this.given ||
      this.#topology.hasNews ||
      this.#dirty.size > 0 ||
      this.#acked.size > 0 ||
      this.#unindexed.length > 0 ||
      this.#freed.length > 0
    )
  }

  #commitSoon(): void {
    if (this.#scheduled || this.#committing || this.#closed) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      const end = this.#disk.world.activity.begin()
      this.#committing = this.#commit()
        .catch((error: unknown) => this.#gaveUp(error))
        .finally(() => {
          end()
          this.#committing = undefined
          if (this.#isBusy) this.#commitSoon()
        })
    })
  }

  async #commit(): Promise<void> {
    const upTo = this.given
    const dirty = [...this.#dirty]
    this.#dirty.clear()
    const acked = [...this.#acked]
    this.#acked.clear()
    const acks = acked.map((segment) => this.#files.takeAcks(segment))
    // The topology first: no message is on disk before its queue.
    await this.#topology.write()
    for (const segment of dirty) await this.#files.write(segment)
    this.safe = upTo
    while (this.#waiting.length > 0 && this.#waiting[0]!.count <= upTo) this.#waiting.shift()!.action()
    for (const [index, segment] of acked.entries()) await this.#files.writeAcks(segment, acks[index]!)
    if (dirty.length > 0) this.segments.cache.trim()
    await this.#tidy()
  }

  async #tidy(): Promise<void> {
    for (const segment of this.#unindexed.splice(0)) {
      if (this.#dirty.has(segment)) this.#unindexed.push(segment)
      else if (segment.holders > 0) await this.#files.writeIndex(segment)
    }
    if (this.#sparse.size > sparseMost || (this.#sparse.size > 0 && this.#isRoomy())) this.#moveOne()
    const freed = this.#freed
    this.#freed = []
    for (const each of freed) {
      if (each.after > this.safe || this.#dirty.has(each.segment)) this.#freed.push(each)
      else {
        this.#acked.delete(each.segment)
        this.segments.cache.free(each.segment)
        await this.#files.remove(each.segment)
      }
    }
  }

  #isRoomy(): boolean {
    let [bytes, held] = [0, 0]
    for (const segment of this.segments) {
      if (segment.movedTo) continue
      bytes += segment.end
      held += segment.heldBytes
    }
    return bytes > roomySegments * this.segments.segmentBytes && bytes > roomyTimes * held
  }

  #moveOne(): void {
    const [segment] = this.#sparse
    this.#sparse.delete(segment!)
    // Its own octets must all be where they can be read from, and its index written: it may prove damaged and stay.
    if (this.#dirty.has(segment!) || this.#unindexed.includes(segment!)) this.#sparse.add(segment!)
    else {
      // Counted first: what is freed by it waits until the copies are safe.
      this.given++
      moveOn(segment!, this.segments, this.#files)
    }
  }

  /** Only while closing: the disk takes nothing, and the broker must end. */
  #gaveUp(error: unknown): void {
    this.#disk.log.error({ error }, 'the broker ends with messages that it could not write')
    this.#closed = true
    this.safe = this.given
    for (const set of [this.#dirty, this.#acked]) set.clear()
    this.#freed = []
    this.#unindexed = []
  }
}
