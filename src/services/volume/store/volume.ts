// SQL of volumes.
import type { Db } from '#kit/db/database.ts'
import { agentOf, type Volume, type VolumeStatus, volume } from '../resources/volume.ts'

export const findVolume = (db: Db, id: string) => volume.first(db, { id })
export const insertVolume = (db: Db, row: Omit<Volume, 'number'>) => volume.insertReturningId(db, row)
export const updateVolume = (db: Db, id: string, change: Partial<Volume>) => volume.update(db, { id }, change)
export const deleteVolume = (db: Db, id: string) => volume.delete(db, { id })
export const countOfType = (db: Db, typeId: string) => volume.count(db, { typeId })

/** Changes what still has the status that was seen: false where another was faster. */
export async function changeVolume(
  db: Db,
  id: string,
  seen: VolumeStatus,
  change: Partial<Volume>,
): Promise<boolean> {
  return (await volume.update(db, { id, status: seen }, change)) > 0
}

/** On every back end of an agent's host. */
export async function volumesOfAgent(db: Db, agent: string): Promise<Volume[]> {
  const rows = await volume.find(db, (q) => q.where('host', 'like', `${agent}@%`))
  return rows.filter((row) => row.host !== null && agentOf(row.host) === agent)
}

/** Those on the back end are in error from now on, apart from those that are being deleted. Returns how many. */
export const failVolumesOn = (db: Db, host: string, updatedAt: number) =>
  volume.update(
    db,
    (q) => q.where('host', '=', host).where('status', 'not in', ['deleting', 'error_deleting']),
    { status: 'error', updatedAt },
  )

type Column = keyof Volume & string
export type VolumeList = {
  /** Equal to the value, or to one of a list. */
  equal: Partial<Record<Column, string | number | boolean | null | readonly string[]>>
  /** Part of the value. */
  like: Partial<Record<'name' | 'description', string>>
  /** Made before the volume with this number, in the default order. */
  below?: number
  orderBy: [Column, 'asc' | 'desc'][]
  limit?: number
}

export function listVolumes(db: Db, list: VolumeList): Promise<Volume[]> {
  const { orderBy, limit, below, like } = list
  const options = { orderBy, limit }
  // The usual list takes the way of a prepared statement.
  if (below === undefined && Object.keys(like).length === 0)
    return volume.find(db, list.equal as Partial<Volume>, options)
  return volume.find(
    db,
    (q) => {
      let query = q
      for (const [name, value] of Object.entries(list.equal) as [Column, unknown][]) {
        if (value === null) query = query.where(name as 'id', 'is', null as never)
        else if (Array.isArray(value)) query = query.where(name as 'id', 'in', value)
        else query = query.where(name as 'id', '=', value as string)
      }
      for (const [name, part] of Object.entries(like))
        query = query.where(name as 'name', 'like', `%${part}%`)
      if (below !== undefined) query = query.where('number', '<', below)
      return query
    },
    options,
  )
}

/** What a volume takes: while it grows, the size that it is to have. */
const taken = [volume.columns.growsTo.databaseName, volume.columns.size.databaseName] as const

export type Used = { volumes: number; gigabytes: number }

/** What a project's volumes take, by type. */
export async function usedByType(db: Db, projectId: string): Promise<Map<string, Used>> {
  const { projectId: project, typeId } = volume.columns
  const rows = await db.sql
    .selectFrom(volume.name)
    .select((e) => [
      `${typeId.databaseName} as type`,
      e.fn.countAll().as('volumes'),
      e.fn.sum(e.fn.coalesce(...taken)).as('gigabytes'),
    ])
    .where(project.databaseName, '=', projectId)
    .groupBy(typeId.databaseName)
    .execute()
  return new Map(
    rows.map((row) => [
      String(row.type),
      { volumes: Number(row.volumes), gigabytes: Number(row.gigabytes ?? 0) },
    ]),
  )
}

/** GiB by host that volumes there may come to fill. */
export async function sizeByHost(db: Db): Promise<Map<string, Used>> {
  const { host } = volume.columns
  const rows = await db.sql
    .selectFrom(volume.name)
    .select((e) => [
      `${host.databaseName} as host`,
      e.fn.countAll().as('volumes'),
      e.fn.sum(e.fn.coalesce(...taken)).as('gigabytes'),
    ])
    .where(host.databaseName, 'is not', null)
    .groupBy(host.databaseName)
    .execute()
  return new Map(
    rows.map((row) => [
      String(row.host),
      { volumes: Number(row.volumes), gigabytes: Number(row.gigabytes ?? 0) },
    ]),
  )
}
