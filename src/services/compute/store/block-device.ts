// SQL of the disks of servers.
import type { Db } from '#kit/db/database.ts'
import { type BlockDevice, blockDevice } from '../resources/block-device.ts'

const inOrder = [
  ['createdAt', 'asc'],
  ['device', 'asc'],
] as const

export const devicesOf = (db: Db, serverId: string) =>
  blockDevice.find(db, { serverId }, { orderBy: inOrder })
export const findVolumeDevice = (db: Db, serverId: string, volumeId: string) =>
  blockDevice.first(db, { serverId, volumeId })
/** Of those attachments, the ones that some server's disk is. */
export async function attachmentsKnown(db: Db, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const rows = await blockDevice.find(db, { attachmentId: ids })
  return new Set(rows.map((each) => each.attachmentId!))
}
export const insertDevices = (db: Db, rows: readonly BlockDevice[]) => blockDevice.insert(db, rows)
export const updateDevice = (db: Db, id: string, change: Partial<BlockDevice>) =>
  blockDevice.update(db, { id }, change)
export const deleteDevice = (db: Db, id: string) => blockDevice.delete(db, { id })

/** Volumes by server, for a whole page of them in one query. */
export async function volumesOf(db: Db, serverIds: readonly string[]): Promise<Map<string, BlockDevice[]>> {
  const byServer = new Map<string, BlockDevice[]>()
  if (serverIds.length === 0) return byServer
  for (const row of await blockDevice.find(
    db,
    { serverId: serverIds, destination: 'volume' },
    { orderBy: inOrder },
  )) {
    if (row.volumeId === null) continue
    const list = byServer.get(row.serverId)
    if (list) list.push(row)
    else byServer.set(row.serverId, [row])
  }
  return byServer
}
