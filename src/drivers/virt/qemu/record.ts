// What this driver remembers of a guest, in the guest's folder: the specification it was last given and how it ended.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { unlessGone } from '#kit/world/gone.ts'
import type { GuestSpec } from '../driver.ts'
import type { Host } from './host.ts'
import { guestIdPattern } from './layout.ts'
import { keyedQueue } from './queue.ts'

export type GuestRecord = {
  /** Without the config drive's files, which lie in disk.config: they hold secrets, and bytes are no JSON. */
  spec: GuestSpec
  hasConfigDrive: boolean
  /** It ran at least once. */
  booted: boolean
  ended?: 'shutdown' | 'crashed'
}

export async function readRecord(host: Host, id: string): Promise<GuestRecord | undefined> {
  if (!guestIdPattern.test(id)) return undefined
  // A guest may be removed while all are listed.
  const text = await unlessGone(host.world.files.readText(host.layout.guest(id).record))
  return text === undefined ? undefined : (JSON.parse(text) as GuestRecord)
}

export async function needRecord(host: Host, id: string): Promise<GuestRecord> {
  const record = await readRecord(host, id)
  if (!record) throw new CloudError('notFound', `This host has no guest ${id}.`, { type: 'InstanceNotFound' })
  return record
}

/** Changes of one record follow each other: a guest may end while somebody attaches a volume to it. */
const inTurn = keyedQueue()

/** What `change` makes of the record becomes the record; without one it is given undefined. */
export function updateRecord(
  host: Host,
  id: string,
  change: (known: GuestRecord | undefined) => GuestRecord | undefined,
): Promise<GuestRecord | undefined> {
  return inTurn(`${host.layout.folder}/${id}`, async () => {
    const known = await readRecord(host, id)
    const next = change(known)
    if (next && next !== known) await writeRecord(host, next)
    return next
  })
}

/** Renamed into place, so that a crash leaves the old or the new one. */
async function writeRecord(host: Host, record: GuestRecord): Promise<void> {
  const path = host.layout.guest(record.spec.id).record
  const { configDrive: _, ...spec } = record.spec
  await host.world.files.write(`${path}.new`, JSON.stringify({ ...record, spec }))
  await host.world.files.rename(`${path}.new`, path)
}

/** Ids of all guests whose folders are here; folders of other names are somebody else's. */
export async function guestIds(host: Host): Promise<string[]> {
  const names = await host.world.files.list(host.layout.folder)
  return names.filter((name) => guestIdPattern.test(name)).sort()
}

export function refuseOlder(known: GuestSpec | undefined, asked: GuestSpec): void {
  if (known && asked.generation < known.generation) {
    throw new CloudError(
      'conflict',
      `Guest ${asked.id} is at generation ${known.generation}; ${asked.generation} is older.`,
    )
  }
}
