// Where a machine's guests are kept: a log to which only changes are added, behind the guests' backs, many in one write.
// The last word on a guest counts; now and then the log is written anew with nothing but the last words.
import { dirname } from 'node:path'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { GuestSpec } from '../driver.ts'
import type { GuestMemory } from './guest.ts'

export type KeptGuest = { spec: GuestSpec; memory: GuestMemory; console: string }
type Change = { spec?: GuestSpec; memory?: GuestMemory; cut?: true; out?: string; gone?: true }
type Line = Change & { guest?: string; image?: string }

export type StateLog = {
  readonly guests: readonly KeptGuest[]
  readonly images: readonly string[]
  /** Written soon; memory is taken as it is when it is written. */
  note(id: string, change: Change): void
  noteImage(id: string): void
  /** All that was noted is in the file. */
  flush(): Promise<void>
}

export type StateLogOptions = {
  path: string
  /** Synced to the disk by each flush. */
  durable: boolean
  /** Everything, for a log written anew. */
  all(): { guests: KeptGuest[]; images: string[] }
}

/** Milliseconds that changes may wait. */
const laterMs = 250
const smallestBytes = 1_000_000

export async function openStateLog(world: World, options: StateLogOptions): Promise<StateLog> {
  const { path, durable } = options
  const { files } = world
  const found = (await files.exists(path)) ? await files.readText(path) : ''
  const kept = read(found)
  const pending = new Map<string, Change>()
  let images: string[] = []
  let scheduled = false
  let writing = Promise.resolve()
  /** Bytes since the log was written anew; what an earlier life left, with half a line at its end, is so before all else. */
  let added = found === '' ? 0 : Number.POSITIVE_INFINITY
  let whole = 0
  let isNamed = found !== ''
  /** A write that failed may have left half a line. */
  let torn = false

  const later = () => {
    if (scheduled) return
    scheduled = true
    // What fails is noted again, and whoever needs to know it kept waits for a flush of his own.
    const save = () => world.activity.track(flush().catch(later))
    world.timers.after(laterMs, () => void save(), { background: true })
  }
  const flush = () => {
    scheduled = false
    writing = writing.catch(() => {}).then(write)
    return writing
  }

  async function write(): Promise<void> {
    if (pending.size === 0 && images.length === 0) return
    const changes = [...pending]
    const newImages = images
    pending.clear()
    images = []
    try {
      if (added > Math.max(smallestBytes, 4 * whole)) return await rewrite()
      const lines: Line[] = [
        ...newImages.map((image) => ({ image })),
        ...changes.map(([guest, change]) => ({ guest, ...change })),
      ]
      const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
      await append(text)
      added += text.length
    } catch (error) {
      // Noted again: the disk may have room the next time.
      for (const [id, change] of changes) pending.set(id, merged(change, pending.get(id)))
      images = [...newImages, ...images]
      throw new CloudError('unavailable', 'The state of the simulated guests could not be written.', {
        cause: error,
      })
    }
  }

  async function append(text: string): Promise<void> {
    const lines = torn ? `\n${text}` : text
    torn = true
    if (durable) await appendSynced(lines)
    else await files.append(path, lines)
    torn = false
  }

  async function appendSynced(text: string): Promise<void> {
    const file = await files.open(path, 'a', 0o600)
    try {
      await file.writev([Buffer.from(text)])
      await file.datasync()
    } finally {
      await file.close()
    }
    if (!isNamed) await files.syncFolder(dirname(path))
    isNamed = true
  }

  async function rewrite(): Promise<void> {
    const { guests, images: allImages } = options.all()
    const lines: Line[] = [
      ...allImages.map((image) => ({ image })),
      ...guests.map(({ spec, memory, console }) => ({
        guest: spec.id,
        spec,
        memory,
        cut: true as const,
        out: console,
      })),
    ]
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
    await files.writeAtomic(path, text)
    torn = false
    whole = text.length
    added = 0
  }

  return {
    ...kept,
    note(id, change) {
      pending.set(id, merged(pending.get(id), change))
      later()
    },
    noteImage(id) {
      images.push(id)
      later()
    },
    flush,
  }
}

function merged(before: Change | undefined, after: Change | undefined): Change {
  if (!before || after?.gone) return after ?? {}
  if (!after) return before
  const { gone, out: earlier = '', ...rest } = before
  const out = after.cut ? after.out : earlier + (after.out ?? '')
  // One that was removed and made again begins with an empty console.
  return { ...rest, ...after, ...(gone && { cut: true as const }), ...(out ? { out } : {}) }
}

/** A last line that was cut off when the machine died counts for nothing. */
function read(text: string): { guests: KeptGuest[]; images: string[] } {
  const guests = new Map<string, Partial<KeptGuest>>()
  const images = new Set<string>()
  for (const each of text.split('\n')) {
    const line = parse(each)
    if (line?.image !== undefined) images.add(line.image)
    if (line?.guest === undefined) continue
    if (line.gone) {
      guests.delete(line.guest)
      continue
    }
    const known = guests.get(line.guest) ?? {}
    guests.set(line.guest, {
      spec: line.spec ?? known.spec,
      memory: line.memory ?? known.memory,
      console: (line.cut ? '' : (known.console ?? '')) + (line.out ?? ''),
    })
  }
  const complete = [...guests.values()].filter(
    (guest): guest is KeptGuest => guest.spec !== undefined && guest.memory !== undefined,
  )
  return { guests: complete, images: [...images] }
}

function parse(line: string): Line | undefined {
  if (line === '') return undefined
  try {
    return JSON.parse(line) as Line
  } catch {
    return undefined
  }
}
