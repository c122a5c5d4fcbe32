// Moves the last messages of a segment to the end of the newest, where most of it is held by nobody any more: what
// lives long must not keep sixteen times its size on disk. Whoever points to the old place is led on from there.
import { AckSet, writeReturned } from './acks.ts'
import { type RecordBody, type RecordFacts, readBody, readFacts } from './message-record.ts'
import type { Place, Segment } from './segment.ts'
import type { SegmentFiles } from './segment-files.ts'
import type { Segments } from './segments.ts'

/** At once: nothing else happens in between. Where a message is damaged the segment stays. */
export function moveOn(segment: Segment, segments: Segments, files: SegmentFiles): void {
  const acks = new AckSet(segment.count, ...(segment.durable ? files.readAcks(segment) : []))
  const found: { entry: number; facts: RecordFacts; body: RecordBody }[] = []
  for (let entry = 0; entry < segment.count; entry++) {
    if (segment.holdersOf(entry) === 0) continue
    const block = segments.blockOf(segment, entry)
    if (!block) return
    const at = segment.offsetOf(entry) - block.start
    const body = readBody(block.buffer, at, segment.sizeOf(entry))
    found.push({ entry, facts: readFacts(block.buffer, at), body })
  }
  const movedTo = new Map<number, Place>()
  for (const { entry, facts, body } of found) {
    const queueIds = facts.queueIds.filter((id) => !acks.has(entry, id))
    const sequence = facts.moved?.sequence ?? segment.firstSequence + entry
    const moved = segment.durable ? { sequence, segment: segment.number, entry } : undefined
    const place = segments.move(segment, entry, { ...facts, queueIds, moved }, body)
    movedTo.set(entry, place)
    for (const id of queueIds)
      for (let times = acks.returns(entry, id); times > 0; times--)
        writeReturned(segments.acksOf(place.segment), place.entry, id)
  }
  segment.movedTo = movedTo
  segments.free(segment)
}
