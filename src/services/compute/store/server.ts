// SQL of servers and of what was asked for when they were made.
import type { Database, Db, Transaction } from '#kit/db/database.ts'
import { blockDevice } from '../resources/block-device.ts'
import { type RequestedServer, requestSpec } from '../resources/request-spec.ts'
import {
  type Server,
  type ServerAddress,
  server,
  type TaskState,
  taskStates,
  type VmState,
} from '../resources/server.ts'
import { serverPassword } from '../resources/server-password.ts'

export const findServer = (db: Db, id: string) => server.first(db, { id, deletedAt: null })
/** Also where it is deleted. */
export const findAnyServer = (db: Db, id: string) => server.first(db, { id })
export const findServers = (db: Db, ids: readonly string[]) => server.find(db, { id: ids, deletedAt: null })
export const insertServer = (db: Db, row: Omit<Server, 'number'>) => server.insertReturningId(db, row)
export const updateServer = (db: Db, id: string, change: Partial<Server>) => server.update(db, { id }, change)
export const serversOfHost = (db: Db, host: string) => server.find(db, { host, deletedAt: null })

/** Changes what is still as it was seen: false where another was faster. */
export async function changeServer(
  db: Db,
  seen: { id: string; vmState: VmState; taskState: TaskState | null },
  change: Partial<Server>,
): Promise<boolean> {
  const { id, vmState, taskState } = seen
  return (await server.update(db, { id, vmState, taskState, deletedAt: null }, change)) > 0
}

/**
 * Several may change the addresses of a server at once: a request, a task, word from the network service. Each sees them as
 * they are, and changes nothing else that it doesn't name.
 */
export function changeAddresses(
  db: Database,
  id: string,
  change: (addresses: readonly ServerAddress[], server: Server) => ServerAddress[],
  more: (server: Server) => Partial<Server> = () => ({}),
): Promise<void> {
  return db.transaction((tx) => changeAddressesIn(tx, id, change, more))
}

export async function changeAddressesIn(
  tx: Transaction,
  id: string,
  change: (addresses: readonly ServerAddress[], server: Server) => ServerAddress[],
  more: (server: Server) => Partial<Server> = () => ({}),
): Promise<void> {
  const row = await findServer(tx, id)
  if (!row) return
  const addresses = change(row.addresses, row)
  const others = more(row)
  if (Object.keys(others).length === 0 && JSON.stringify(addresses) === JSON.stringify(row.addresses)) return
  await updateServer(tx, id, { addresses, ...others })
}

const notDeleting = [...taskStates.filter((each) => each !== 'deleting'), null]

/** What a task has to say of a server that is not being deleted meanwhile; false where it is. */
export async function updateUnlessDeleting(db: Db, id: string, change: Partial<Server>): Promise<boolean> {
  return (await server.update(db, { id, taskState: notDeleting, deletedAt: null }, change)) > 0
}

export const insertSpec = (db: Db, serverId: string, spec: RequestedServer) =>
  requestSpec.insert(db, { serverId, spec })
export const findSpec = async (db: Db, serverId: string) => (await requestSpec.get(db, serverId))?.spec

export async function forgetParts(db: Db, serverId: string): Promise<void> {
  await requestSpec.delete(db, { serverId })
  await serverPassword.delete(db, { serverId })
  await blockDevice.delete(db, { serverId })
}

type Column = keyof typeof server.columns & string
export type ServerList = {
  /** Equal to the value, or to one of a list. */
  equal: Partial<Record<Column, string | number | boolean | null | (string | number)[]>>
  /** Part of the name. */
  nameLike?: string
  changedSince?: number
  changedBefore?: number
  /** Made before the server with this number, in the default order. */
  below?: number
  orderBy: [Column, 'asc' | 'desc'][]
  limit?: number
}

export function listServers(db: Db, list: ServerList): Promise<Server[]> {
  const { orderBy, limit } = list
  const plain =
    list.nameLike === undefined &&
    list.changedSince === undefined &&
    list.changedBefore === undefined &&
    list.below === undefined
  // The usual list takes the way of a prepared statement.
  if (plain) return server.find(db, list.equal as Partial<Server>, { orderBy, limit })
  return server.find(
    db,
    (q) => {
      let query = q
      for (const [name, value] of Object.entries(list.equal) as [Column, unknown][]) {
        if (value === null) query = query.where(name as 'id', 'is', null as never)
        else if (Array.isArray(value)) query = query.where(name as 'id', 'in', value)
        else query = query.where(name as 'id', '=', value as string)
      }
      if (list.nameLike !== undefined) query = query.where('name', 'like', `%${list.nameLike}%`)
      if (list.changedSince !== undefined) query = query.where('updatedAt', '>=', list.changedSince)
      if (list.changedBefore !== undefined) query = query.where('updatedAt', '<=', list.changedBefore)
      if (list.below !== undefined) query = query.where('number', '<', list.below)
      return query
    },
    { orderBy, limit },
  )
}

/** Those with a task state, and those being built. */
export const serversUnderWay = (db: Db): Promise<Server[]> =>
  server.find(
    db,
    (q) =>
      q
        .where('deletedAt', 'is', null)
        .where((e) => e.or([e('taskState', 'is not', null), e('vmState', '=', 'building')])),
    { orderBy: [['number', 'asc']] },
  )

export type HostLoad = { host: string; servers: number; building: number; vcpus: number; memoryMb: number }

/** What the servers of each host take, or of `hosts` alone, as the scheduler and the hypervisors show it. */
export async function loadOfHosts(db: Db, hosts?: readonly string[]): Promise<Map<string, HostLoad>> {
  if (hosts?.length === 0) return new Map()
  const { host, deletedAt, vcpus, memoryMb, vmState } = server.columns
  const rows = await db.sql
    .selectFrom(server.name)
    .select((e) => [
      `${host.databaseName} as host`,
      e.fn.countAll().as('servers'),
      e.fn.sum(vcpus.databaseName).as('vcpus'),
      e.fn.sum(memoryMb.databaseName).as('memoryMb'),
      e.fn.sum(e.case().when(vmState.databaseName, '=', 'building').then(1).else(0).end()).as('building'),
    ])
    .where(deletedAt.databaseName, 'is', null)
    .where(host.databaseName, 'is not', null)
    .$if(hosts !== undefined, (query) => query.where(host.databaseName, 'in', hosts!))
    .groupBy(host.databaseName)
    .execute()
  return new Map(
    rows.map((row) => [
      row.host as string,
      {
        host: row.host as string,
        servers: Number(row.servers),
        building: Number(row.building),
        vcpus: Number(row.vcpus),
        memoryMb: Number(row.memoryMb),
      },
    ]),
  )
}
