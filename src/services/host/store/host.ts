// SQL of hosts that joined.
import type { Db } from '#kit/db/database.ts'
import { type Host, host } from '../resources/host.ts'

export const findHost = (db: Db, name: string) => host.get(db, { name })
export const listHosts = (db: Db) => host.find(db, {}, { orderBy: [['name', 'asc']] })
export const updateHost = (db: Db, name: string, change: Partial<Host>) => host.update(db, { name }, change)
export const deleteHost = (db: Db, name: string) => host.delete(db, { name })
/** In place of what was there under its name. */
export async function putHost(db: Db, row: Host): Promise<void> {
  await host.delete(db, { name: row.name })
  await host.insert(db, row)
}
