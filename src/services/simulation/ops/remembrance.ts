// Faults end with the process. A file names those that were active, so that the next start can say in the journal that they ended.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { SimulationApp } from '../app.ts'
import { isOver } from '../resources/fault.ts'

type Kept = { id: string; kind: string; subject: string }[]

/** One at a time, and the last one wins. */
const writing = new WeakMap<SimulationApp, Promise<void>>()

export function rememberActive(app: SimulationApp): Promise<void> {
  const next = (writing.get(app) ?? Promise.resolve()).then(async () => {
    const active: Kept = [...app.faults.values()]
      .filter((fault) => !isOver(fault))
      .map(({ id, kind, subject }) => ({ id, kind, subject }))
    await app.world.files.write(app.remembrance, `${JSON.stringify(active)}\n`)
  })
  const done = next.catch((error) =>
    app.log.warn({ error: String(error) }, 'active faults could not be noted down'),
  )
  writing.set(app, done)
  return done
}

/** Those that the process before left active are over now, and the journal says so. */
export async function tellWhatEnded(app: SimulationApp): Promise<void> {
  const { world, remembrance, journal, log } = app
  await world.files.makeFolder(remembrance.slice(0, remembrance.lastIndexOf('/')))
  if (!(await world.files.exists(remembrance))) return
  for (const { id, kind, subject } of readKept(await world.files.readText(remembrance))) {
    const data = { fault_id: id, kind, ended_by: 'restart' }
    journal.record(journal.newTrace(), { kind: 'decision', name: 'fault.end', subject, data })
    log.info({ faultId: id, kind, subject, by: 'restart' }, 'a fault ended with the process that made it')
  }
  await rememberActive(app)
}

/** A kill may have left half a line: then there is nothing to tell. */
function readKept(text: string): Kept {
  try {
    return JSON.parse(text) as Kept
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw new CloudError('internal', 'The file of active faults cannot be read', { cause: error })
  }
}
