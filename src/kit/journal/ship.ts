// Carries an agent's spooled events to the controller: at least once, in order; the store knows repeats by their ids.
// Where it got to is saved after each batch, so that a restart repeats one batch at most.
import { CloudError } from '../errors/cloud-error.ts'
import type { Log } from '../log/log.ts'
import { type RunningLoop, startLoop } from '../loop/loop.ts'
import type { Cancel, World } from '../world/world.ts'
import type { JournalEvent } from './journal.ts'
import { type SpoolPlace, type SpoolSink, spoolFiles, spoolPath } from './spool-sink.ts'

export type Shipping = {
  world: World
  log: Log
  folder: string
  /** Resolves when the other side is sure to have them: the bus has confirmed the cast. */
  send(events: JournalEvent[]): Promise<void>
  /** Who writes to the folder: without news from it there is nothing to look for. */
  sink: Pick<SpoolSink, 'onAppend'>
}

/** Events that come within this time of one another go together. */
const gatherMs = 250
/** What could not be sent is tried again; what a sink forgot to tell is found. */
const lookMs = 5000

const batchBytes = 256 * 1024

export function startShipping(shipping: Shipping): RunningLoop {
  const { world, log, sink } = shipping
  const loop = startLoop(world, log, {
    name: 'journal-ship',
    everyMs: lookMs,
    run: () => shipAll(shipping),
  })
  let cancel: Cancel | undefined
  const soon = () => {
    const due = () => {
      cancel = undefined
      loop.nudge()
    }
    cancel ??= world.timers.after(gatherMs, due, { background: true })
  }
  sink.onAppend = soon
  // What an earlier process left.
  soon()
  return {
    nudge: loop.nudge,
    async stop() {
      sink.onAppend = () => {}
      cancel?.()
      await loop.stop()
    },
  }
}

/** Sends what there is. Throws when the other side cannot take it; nothing is lost then. */
export async function shipAll(shipping: Omit<Shipping, 'sink'>): Promise<void> {
  const { world, folder } = shipping
  let place = await readPlace(world, folder)
  for (const file of await spoolFiles(world, folder)) {
    if (file < place.file) {
      await world.files.remove(spoolPath(folder, file))
      continue
    }
    if (file > place.file) {
      // The writer went on to a newer file, so that the one before is complete and sent.
      await savePlace(world, folder, { file, offset: 0 })
      if (place.file > 0) await world.files.remove(spoolPath(folder, place.file))
      place = { file, offset: 0 }
    }
    for (;;) {
      const { events, bytes } = await readBatch(shipping, place)
      if (bytes === 0) break
      if (events.length > 0) await shipping.send(events)
      place = { file, offset: place.offset + bytes }
      await savePlace(world, folder, place)
    }
  }
}

/** Whole lines from the place on; `bytes` says how far they reach. A cut line at the end is left. */
async function readBatch(
  shipping: Pick<Shipping, 'world' | 'folder' | 'log'>,
  place: SpoolPlace,
): Promise<{ events: JournalEvent[]; bytes: number }> {
  const path = spoolPath(shipping.folder, place.file)
  const info = await shipping.world.files.info(path)
  if (!info || info.size <= place.offset) return { events: [], bytes: 0 }
  const file = await shipping.world.files.open(path, 'r')
  try {
    // One event may be larger than a batch; then as much is read as it takes.
    for (let want = batchBytes; ; want *= 4) {
      const buffer = Buffer.allocUnsafe(Math.min(want, info.size - place.offset))
      const count = await file.read(buffer, 0, buffer.length, place.offset)
      const bytes = buffer.lastIndexOf(10, count - 1) + 1
      if (bytes > 0)
        return { events: parseLines(shipping.log, path, buffer.toString('utf8', 0, bytes)), bytes }
      if (want >= info.size - place.offset) return { events: [], bytes: 0 }
    }
  } finally {
    await file.close()
  }
}

function parseLines(log: Log, path: string, text: string): JournalEvent[] {
  return text.split('\n').flatMap((line) => {
    if (line === '') return []
    try {
      return [JSON.parse(line) as JournalEvent]
    } catch {
      // Only a full disk or a power cut leaves such a line; the others around it must still go.
      log.warn({ file: path }, 'a journal line is broken and left out')
      return []
    }
  })
}

const nothing: SpoolPlace = { file: 0, offset: 0 }

async function readPlace(world: World, folder: string): Promise<SpoolPlace> {
  const path = `${folder}/shipped.json`
  if (!(await world.files.exists(path))) return nothing
  const place: unknown = JSON.parse(await world.files.readText(path))
  if (isPlace(place)) return place
  throw new CloudError(
    'unavailable',
    `The file ${path} cannot be used; remove it, and all events are sent again`,
  )
}

function isPlace(value: unknown): value is SpoolPlace {
  const place = value as SpoolPlace | null
  return Number.isSafeInteger(place?.file) && Number.isSafeInteger(place?.offset)
}

async function savePlace(world: World, folder: string, place: SpoolPlace): Promise<void> {
  await world.files.writeAtomic(`${folder}/shipped.json`, JSON.stringify(place), { mode: 0o600 })
}
