// Which faults come when: drawn from the seed before the run begins, so that a run can be repeated with some left out.
import type { Random } from '#kit/world/world.ts'

export type PlannedFault = {
  /** Its place in the whole plan, by which it is named also when others are left out. */
  index: number
  /** Milliseconds of true time after the clients begin. */
  atMs: number
  kind: string
}

/** The first moments are without, so that there is something to break. */
const quietStartMs = 5_000
const shortestGapMs = 1_000
const longestGapMs = 45_000

/** When clients work: for `lastMs`, from the beginning and each `everyMs`. */
export type Bursts = { lastMs: number; everyMs: number }

/** Of a hundred faults, so many strike while clients work, or a moment after. */
const inBursts = 60
const momentAfterMs = 10_000

/** Faults may overlap; how long each lasts is its own business. */
export function planFaults(
  random: Random,
  { lengthMs, kinds, bursts }: { lengthMs: number; kinds: readonly string[]; bursts?: Bursts },
): PlannedFault[] {
  if (kinds.length === 0) return []
  const found: Omit<PlannedFault, 'index'>[] = []
  for (let atMs = quietStartMs; ; ) {
    atMs += random.int(shortestGapMs, longestGapMs)
    if (atMs >= lengthMs) break
    found.push({ atMs: intoBurst(random, atMs, bursts), kind: kinds[random.int(0, kinds.length)]! })
  }
  return found.sort((a, b) => a.atMs - b.atMs).map((fault, index) => ({ index, ...fault }))
}

function intoBurst(random: Random, atMs: number, bursts: Bursts | undefined): number {
  if (!bursts || random.int(0, 100) >= inBursts) return atMs
  const { lastMs, everyMs } = bursts
  const began = Math.floor(atMs / everyMs) * everyMs
  return began + random.int(began === 0 ? quietStartMs : 0, lastMs + momentAfterMs)
}

/** The plan with nothing but the named places: '0-7,9'; 'none' names none. */
export function keptFaults(plan: readonly PlannedFault[], keep: readonly number[] | undefined) {
  if (keep === undefined) return [...plan]
  const wanted = new Set(keep)
  return plan.filter(({ index }) => wanted.has(index))
}

export function formatKeep(keep: readonly number[]): string {
  if (keep.length === 0) return 'none'
  const ranges: string[] = []
  let from = keep[0]!
  for (const [place, index] of keep.entries()) {
    if (keep[place + 1] === index + 1) continue
    ranges.push(from === index ? `${index}` : `${from}-${index}`)
    from = keep[place + 1] ?? 0
  }
  return ranges.join(',')
}

export function parseKeep(text: string): number[] {
  if (text === 'none') return []
  return text.split(',').flatMap((range) => numbers(range))
}

/** '7' or '3-5'. Throws in words for the command line. */
export function numbers(range: string): number[] {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? []
  if (first === undefined) throw new Error(`'${range}' is neither a number nor a range such as 3-5`)
  return Array.from({ length: Math.max(0, Number(last) - Number(first) + 1) }, (_, at) => Number(first) + at)
}
