// SQL of services and hypervisors.
import type { Db } from '#kit/db/database.ts'
import { type Hypervisor, hypervisor } from '../resources/hypervisor.ts'
import { type Binary, type Service, service } from '../resources/service.ts'

export const listServices = (db: Db) => service.find(db, {}, { orderBy: [['number', 'asc']] })
/** Of these hosts' compute services. */
export const servicesOfHosts = (db: Db, hosts: readonly string[]) =>
  service.find(db, { host: [...hosts], binary: 'nova-compute' })
export const findService = (db: Db, host: string, binary: string) =>
  service.first(db, { host, binary: binary as Binary })
export const findServiceById = (db: Db, id: string) => service.first(db, { id })
export const findServiceByNumber = (db: Db, number: number) => service.get(db, number)
export const insertService = (db: Db, row: Omit<Service, 'number'>) => service.insertIfAbsent(db, row)
export const updateService = (db: Db, number: number, change: Partial<Service>) =>
  service.update(db, { number }, change)
export const deleteService = (db: Db, number: number) => service.delete(db, { number })
export const markSeen = (db: Db, host: string, binary: Binary, seenAt: number) =>
  service.update(db, { host, binary }, { seenAt })

export const listHypervisors = (db: Db) => hypervisor.find(db, {}, { orderBy: [['number', 'asc']] })
export const findHypervisorOfHost = (db: Db, host: string) => hypervisor.first(db, { host })

/** What the scheduler wants of many: without their traits and what placement was told, which are most of a row. */
export type HypervisorFacts = Pick<Hypervisor, 'id' | 'host' | 'node' | 'type' | 'version' | 'architecture'>

export async function factsOfHypervisors(db: Db, ids: readonly string[]): Promise<HypervisorFacts[]> {
  if (ids.length === 0) return []
  const { id, host, node, type, version, architecture } = hypervisor.columns
  const rows = await db.sql
    .selectFrom(hypervisor.name)
    .select([id, host, node, type, version, architecture].map((column) => column.databaseName))
    .where(id.databaseName, 'in', ids)
    .execute()
  return rows.map((row) => ({
    id: String(row.id),
    host: String(row.host),
    node: String(row.node),
    type: String(row.type),
    version: Number(row.version),
    architecture: String(row.architecture),
  }))
}

export const insertHypervisor = (db: Db, row: Omit<Hypervisor, 'number'>) =>
  hypervisor.insertIfAbsent(db, row)
export const updateHypervisor = (db: Db, id: string, change: Partial<Hypervisor>) =>
  hypervisor.update(db, { id }, change)
export const deleteHypervisorOfHost = (db: Db, host: string) => hypervisor.delete(db, { host })
