// The names of a segment's files; what each is for is said where it is written.
import type { Disk } from './disk.ts'

export type SegmentFileKind = 'segment' | 'acks' | 'index' | 'passing'

export function segmentPath(disk: Disk, number: number, kind: SegmentFileKind): string {
  return disk.path(`${String(number).padStart(10, '0')}.${kind}`)
}
