// What a run leaves to be compared and read: one hash over all that happened in order, and the last of it in words.
import { createHash } from 'node:crypto'
import type { JournalEvent } from '#kit/journal/journal.ts'

export type Tape = {
  /** Events as the controller's journal took them. */
  record(events: readonly JournalEvent[]): void
  /** Something that the simulation did: a fault, a start, an end. It is hashed too. */
  say(at: number, words: string): void
  /** For readers alone. */
  mention(at: number, words: string): void
  readonly events: number
  /** Of all so far, hexadecimal, 16 digits. */
  hash(): string
  /** The last lines, oldest first. */
  last(): string[]
}

const keptLines = 4_000

/** `write` sees each line as it comes; for a person who watches. */
export function openTape(write?: (line: string) => void): Tape {
  const hash = createHash('sha256')
  /** Put into words when somebody reads them. */
  const lines: (JournalEvent | { at: number; words: string })[] = []
  let events = 0
  const keep = (line: (typeof lines)[number]) => {
    write?.(formatLine(line))
    lines.push(line)
    if (lines.length > 2 * keptLines) lines.splice(0, lines.length - keptLines)
  }
  return {
    record(batch) {
      for (const event of batch) {
        events++
        hash.update(JSON.stringify(event))
        keep(event)
      }
    },
    say(at, words) {
      hash.update(`${at} ${words}`)
      keep({ at, words: `** ${words}` })
    },
    mention: (at, words) => keep({ at, words: `-- ${words}` }),
    get events() {
      return events
    },
    hash: () => hash.copy().digest('hex').slice(0, 16),
    last: () => lines.slice(-keptLines).map(formatLine),
  }
}

/** '00:12:07.045': hours, for a universe begins at midnight. */
export function hour(at: number): string {
  return new Date(at).toISOString().slice(11, 23)
}

function formatLine(line: JournalEvent | { at: number; words: string }): string {
  if ('words' in line) return `${hour(line.at)}  ${line.words}`
  const { at, host, service, kind, name, subject, outcome, error, traceId } = line
  const about = subject === undefined ? '' : ` ${subject}`
  const failure = outcome === 'ok' ? '' : ` FAILED: ${error ?? ''}`
  return `${hour(at)}  ${host} ${service} ${kind} ${name}${about}${failure}  (${traceId.slice(0, 8)})`
}
