// An agent's journal until the controller has it: lines of JSON in numbered files, appended to and never changed.
// ship.ts sends them on. A host without its controller keeps on recording; the oldest file goes when they grow too large.
import type { Log } from '../log/log.ts'
import type { World } from '../world/world.ts'
import type { JournalEvent } from './journal.ts'
import type { JournalSink } from './store.ts'

export type SpoolLimits = {
  /** Bytes of a file before the next is begun; the default is 4 MiB. */
  fileBytes?: number
  /** Files kept while nothing can be sent; the default is 16. */
  maxFiles?: number
}

/** `onAppend` is called when events were added; who carries them on sets it. */
export type SpoolSink = JournalSink & { onAppend: () => void }

export type SpoolPlace = { file: number; offset: number }

const fileName = /^(\d{10})\.jsonl$/

export function spoolPath(folder: string, file: number): string {
  return `${folder}/${String(file).padStart(10, '0')}.jsonl`
}

/** Numbers of the files there, oldest first. */
export async function spoolFiles(world: Pick<World, 'files'>, folder: string): Promise<number[]> {
  const names = await world.files.list(folder)
  return names
    .flatMap((name) => fileName.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

/** Always begins a new file: the last line of an older one may have been cut by a crash. */
export async function fileSpoolSink(
  world: Pick<World, 'files'>,
  log: Log,
  folder: string,
  limits: SpoolLimits = {},
): Promise<SpoolSink> {
  const fileBytes = limits.fileBytes ?? 4 * 2 ** 20
  const maxFiles = limits.maxFiles ?? 16
  await world.files.makeFolder(folder)
  let file = ((await spoolFiles(world, folder)).at(-1) ?? 0) + 1
  let size = 0

  const beginNext = async () => {
    file++
    size = 0
    const files = await spoolFiles(world, folder)
    for (const oldest of files.slice(0, Math.max(0, files.length - maxFiles + 1))) {
      log.warn(
        { file: spoolPath(folder, oldest) },
        'journal events are lost: the controller did not take them in time',
      )
      await world.files.remove(spoolPath(folder, oldest))
    }
  }
  const sink: SpoolSink = {
    onAppend() {},
    async append(events: readonly JournalEvent[]) {
      if (size >= fileBytes) await beginNext()
      const lines = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''))
      try {
        await world.files.append(spoolPath(folder, file), lines, { mode: 0o600 })
      } catch (error) {
        // Part of it may be there: those lines stay valid by their ids, a cut one ends its file.
        await beginNext()
        throw error
      }
      size += lines.length
      sink.onAppend()
    },
    close() {},
  }
  return sink
}
