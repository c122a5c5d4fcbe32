// What a start finds on disk. Full segments have an index; of the others, the one that was being written or more
// after a crash, the messages are read and a torn tail is left out.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { AckSet, newAcks } from './acks.ts'
import type { Disk } from './disk.ts'
import {
  type RecordFacts,
  readBody,
  readFacts,
  readHead,
  segmentHeadBytes,
  wholeRecord,
} from './message-record.ts'
import { Segment } from './segment.ts'
import { type ReadIndex, readIndex, SegmentIndex } from './segment-index.ts'
import { segmentPath } from './segment-path.ts'
import type { Segments } from './segments.ts'
import type { RestoredMessage } from './store.ts'

export type FoundSegment = { segment: Segment; index: SegmentIndex; acks: AckSet; isIndexed: boolean }

export async function findSegments(disk: Disk, segments: Segments): Promise<FoundSegment[]> {
  const { files } = disk.world
  const names = await files.list(disk.folder)
  if (names.some((name) => /^\d{10}\.log$/.test(name)))
    throw new CloudError(
      'conflict',
      `${disk.folder} has a message log (*.log) of an earlier Nimbo, which this one does not read. Start the earlier ` +
        'one until its queues are empty, or move the *.log files away: their messages are then given up.',
    )
  const numbers = new Map<number, Set<string>>()
  for (const name of names) {
    const match = /^(\d{10})\.(segment|acks|index|passing)$/.exec(name)
    if (!match) continue
    const number = Number(match[1])
    numbers.set(number, (numbers.get(number) ?? new Set()).add(match[2]!))
    segments.lastNumber = Math.max(segments.lastNumber, number)
  }
  const found: FoundSegment[] = []
  const sorted = [...numbers].sort(([a], [b]) => a - b)
  for (const [number, kinds] of sorted) {
    // Messages that were not to outlive the process, and what is left of a segment that was being removed.
    for (const kind of ['passing', 'acks', 'index'] as const)
      if (kinds.has(kind) && (kind === 'passing' || !kinds.has('segment')))
        await files.remove(segmentPath(disk, number, kind))
    if (!kinds.has('segment')) continue
    const one = await findSegment(disk, number, kinds, number === sorted.at(-1)![0])
    segments.adopt(one.segment)
    found.push(one)
  }
  return found
}

async function findSegment(
  disk: Disk,
  number: number,
  kinds: Set<string>,
  isLast: boolean,
): Promise<FoundSegment> {
  const { files } = disk.world
  const path = segmentPath(disk, number, 'segment')
  const size = (await files.info(path))?.size ?? 0
  const written = kinds.has('index')
    ? readIndex(await files.read(segmentPath(disk, number, 'index')))
    : undefined
  const isIndexed = written !== undefined && written.segmentBytes <= size
  if (written && !isIndexed)
    disk.log.error(
      { segment: path, octets: written.segmentBytes - size },
      'a segment of messages is shorter than it was; its end is lost',
    )
  const { index, offsets, segmentBytes, firstSequence } = isIndexed
    ? written
    : scan(disk, path, await files.read(path), isLast)
  const segment = new Segment(number, true, firstSequence, 0)
  segment.recover(offsets, segmentBytes)
  segment.sealed = true
  segment.index = index
  const octets = kinds.has('acks') ? await files.read(segmentPath(disk, number, 'acks')) : Buffer.alloc(0)
  // What follows begins at a whole record.
  if (kinds.has('acks')) segment.acks = newAcks(octets.length - (octets.length % 8))
  return { segment, index, acks: new AckSet(segment.count, octets), isIndexed }
}

/** Reads the messages themselves. One that is damaged is passed over where the next is whole; else it is the end. */
function scan(disk: Disk, path: string, file: Buffer, isLast: boolean): ReadIndex {
  const index = new SegmentIndex()
  const offsets: number[] = []
  const firstSequence = readHead(file)
  let [at, lost] = [firstSequence === undefined ? 0 : segmentHeadBytes, 0]
  while (at < file.length && firstSequence !== undefined) {
    const size = wholeRecord(file, at, file.length)
    const next = size > 0 ? at + size : damagedUntil(file, at)
    if (next === undefined) break
    offsets.push(at)
    // A damaged one keeps its number: acknowledgements name those after it by theirs.
    index.add(size > 0 ? readFacts(file, at) : nothingKnown, size > 0 ? readBody(file, at, size).bodySize : 0)
    if (size === 0) lost += next - at
    at = next
  }
  const torn = file.length - at
  if (torn > 0 && !isLast) lost += torn
  else if (torn > 0)
    disk.log.warn(
      { segment: path, octets: torn },
      'the last write was cut short; its unconfirmed rest is dropped',
    )
  if (lost > 0)
    disk.log.error({ segment: path, octets: lost }, 'a segment of messages is damaged; a part of it is lost')
  return { index, offsets: Uint32Array.from(offsets), segmentBytes: at, firstSequence: firstSequence ?? 0 }
}

const nothingKnown: RecordFacts = { queueIds: [], priority: 0, publishedAt: 0, expiresAt: Infinity }

/** Where the next record begins, if the length of the damaged one at `at` can be believed. */
function damagedUntil(file: Buffer, at: number): number | undefined {
  if (file.length - at < 8) return undefined
  const next = at + 8 + file.readUInt32BE(at)
  return next < file.length && wholeRecord(file, next, file.length) > 0 ? next : undefined
}

/** Gives queues what they had, in the order in which it came, also where a message was moved on since. */
export function restoreMessages(
  found: FoundSegment[],
  queue: (id: number) => { restore(message: RestoredMessage): void } | undefined,
): void {
  const moved: { sequence: number; from: FoundSegment; entry: number }[] = []
  /** Copies of them are in later segments: the crash came before theirs were removed. */
  const superseded = new Set<string>()
  for (const from of found)
    for (const [entry, special] of from.index.special) {
      if (!special.moved) continue
      moved.push({ sequence: special.moved.sequence, from, entry })
      superseded.add(`${special.moved.segment}:${special.moved.entry}`)
    }
  const isSuperseded = ({ segment }: FoundSegment, entry: number) =>
    superseded.size > 0 && superseded.has(`${segment.number}:${entry}`)
  moved.sort((a, b) => a.sequence - b.sequence)
  const giveAny = giver(queue)
  const give = (from: FoundSegment, entry: number) => {
    if (!isSuperseded(from, entry)) giveAny(from, entry)
  }
  let next = 0
  for (const from of found) {
    const { segment, index } = from
    for (let entry = 0; entry < index.count; entry++) {
      if (index.special.get(entry)?.moved) continue
      for (; next < moved.length && moved[next]!.sequence < segment.firstSequence + entry; next++)
        give(moved[next]!.from, moved[next]!.entry)
      give(from, entry)
    }
  }
  for (; next < moved.length; next++) give(moved[next]!.from, moved[next]!.entry)
}

function giver(queue: (id: number) => { restore(message: RestoredMessage): void } | undefined) {
  // One object for all: there may be millions.
  const message = {} as RestoredMessage
  return ({ segment, index, acks }: FoundSegment, entry: number): void => {
    const only = index.queueIds[entry]!
    const ids = only > 0 ? undefined : index.special.get(entry)?.queueIds
    for (let i = 0; i < (ids?.length ?? 1); i++) {
      const id = ids ? ids[i]! : only
      const target = queue(id)
      if (!target || acks.has(entry, id)) continue
      segment.hold(entry)
      message.segment = segment
      message.entry = entry
      message.bodySize = index.bodySizes[entry]!
      message.priority = index.priorities[entry]!
      message.publishedAt = index.startedAt + index.ages[entry]!
      message.expiresAt = index.expiries ? index.expiries[entry]! : Infinity
      message.returns = acks.returns(entry, id)
      target.restore(message)
    }
  }
}
