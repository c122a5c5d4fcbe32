// The files of durable segments: NNNN.segment with the messages, .acks with who is done with which, .index once it is
// full.
import type { OpenFile } from '#kit/world/world.ts'
import { newAcks } from './acks.ts'
import type { Disk } from './disk.ts'
import type { Segment } from './segment.ts'
import { writeIndex } from './segment-index.ts'
import { segmentPath } from './segment-path.ts'

/** Files of acknowledgements that stay open; under load they are written to in turn. */
const openAcksMost = 16

export class SegmentFiles {
  readonly #disk: Disk
  readonly #writing = new Map<Segment, OpenFile>()
  /** Those used last at the end. */
  readonly #openAcks = new Map<Segment, OpenFile>()

  constructor(disk: Disk) {
    this.#disk = disk
  }

  path(segment: Segment): string {
    return segmentPath(this.#disk, segment.number, segment.durable ? 'segment' : 'passing')
  }

  /** Fewer octets than asked for where the file ends, or can't be read. */
  read(segment: Segment, position: number, buffer: Buffer): number {
    try {
      return this.#disk.world.files.readSync(this.path(segment), position, buffer)
    } catch (error) {
      this.#disk.log.error({ file: this.path(segment), error }, 'a segment of messages cannot be read')
      return 0
    }
  }

  /** All that the segment has so far is on disk. */
  async write(segment: Segment): Promise<void> {
    await this.#disk.insist(async () => {
      const file = this.#writing.get(segment) ?? (await this.#create(segment))
      const parts = segment.blocks.filter((block) => block.written < block.end)
      for (const block of parts.sort((a, b) => a.start - b.start)) {
        const { end, start, written } = block
        await this.#disk.writeAt(file, block.buffer.subarray(written - start, end - start), written)
        block.written = end
      }
      await file.datasync()
    })
  }

  /** What has gathered; the next gathers anew. */
  takeAcks(segment: Segment): Buffer {
    const acks = segment.acks!
    const octets = Buffer.from(acks.pending.written())
    acks.pending.at = 0
    return octets
  }

  async writeAcks(segment: Segment, octets: Buffer): Promise<void> {
    const acks = segment.acks!
    await this.#disk.insist(async () => {
      await this.#disk.writeAt(await this.#acksFile(segment), octets, acks.written)
    })
    acks.written += octets.length
  }

  /** All acknowledgements of the segment; none is on its way to the file. */
  readAcks(segment: Segment): Buffer[] {
    const { acks } = segment
    if (!acks) return []
    const onDisk = Buffer.alloc(acks.written)
    const path = segmentPath(this.#disk, segment.number, 'acks')
    if (acks.written > 0) this.#disk.world.files.readSync(path, 0, onDisk)
    return [onDisk, acks.pending.written()]
  }

  async writeIndex(segment: Segment): Promise<void> {
    const { index } = segment
    if (!index) return
    const octets = writeIndex(index, segment.offsets(), segment.end, segment.firstSequence)
    // Its checksum says whether it is whole, and without it the segment is read: no need to sync.
    await this.#disk.insist(() =>
      this.#disk.world.files.write(segmentPath(this.#disk, segment.number, 'index'), octets),
    )
    segment.index = undefined
    await this.#writing.get(segment)?.close()
    this.#writing.delete(segment)
  }

  /** The messages first: the rest without them means nothing, and they without the rest would come back. */
  async remove(segment: Segment): Promise<void> {
    const { files } = this.#disk.world
    await this.#writing.get(segment)?.close()
    this.#writing.delete(segment)
    await this.#openAcks.get(segment)?.close()
    this.#openAcks.delete(segment)
    await files.remove(this.path(segment))
    await files.remove(segmentPath(this.#disk, segment.number, 'index'))
    if (segment.acks) await files.remove(segmentPath(this.#disk, segment.number, 'acks'))
  }

  async close(): Promise<void> {
    for (const file of [...this.#writing.values(), ...this.#openAcks.values()]) await file.close()
  }

  async #create(segment: Segment): Promise<OpenFile> {
    const { files } = this.#disk.world
    const file = await files.open(this.path(segment), 'w')
    this.#writing.set(segment, file)
    // A confirm must not depend on a name that a power cut takes away.
    await files.syncFolder(this.#disk.folder)
    return file
  }

  async #acksFile(segment: Segment): Promise<OpenFile> {
    const open = this.#openAcks.get(segment)
    this.#openAcks.delete(segment)
    const { files } = this.#disk.world
    const path = segmentPath(this.#disk, segment.number, 'acks')
    segment.acks ??= newAcks()
    const file = open ?? (await files.open(path, segment.acks.written > 0 ? 'r+' : 'w'))
    this.#openAcks.set(segment, file)
    if (this.#openAcks.size > openAcksMost) {
      const [[oldest, unused]] = this.#openAcks as unknown as [[Segment, OpenFile]]
      this.#openAcks.delete(oldest)
      await unused.close()
    }
    return file
  }
}
