// SQL of the processes of volume.
import type { Db } from '#kit/db/database.ts'
import { type Binary, type VolumeService, volumeService } from '../resources/volume-service.ts'

export const allServices = (db: Db) =>
  volumeService.find(
    db,
    {},
    {
      orderBy: [
        ['binary', 'asc'],
        ['host', 'asc'],
      ],
    },
  )
export const findService = (db: Db, binary: Binary, host: string) => volumeService.first(db, { binary, host })
export const volumeHosts = (db: Db) => volumeService.find(db, { binary: 'cinder-volume' })
export const updateService = (db: Db, id: string, change: Partial<VolumeService>) =>
  volumeService.update(db, { id }, change)

export const deleteService = (db: Db, id: string) => volumeService.delete(db, { id })

/** Notes a heart-beat; the first one makes the row. */
export async function beat(
  db: Db,
  given: { id: string; binary: Binary; host: string; totalGib: number; freeGib: number; now: number },
): Promise<void> {
  const { id, now, binary, host, totalGib, freeGib } = given
  if ((await volumeService.update(db, { binary, host }, { totalGib, freeGib, seenAt: now })) > 0) return
  await volumeService.insertIfAbsent(db, {
    id,
    binary,
    host,
    disabled: false,
    disabledReason: null,
    totalGib,
    freeGib,
    seenAt: now,
    updatedAt: now,
    createdAt: now,
  })
}
