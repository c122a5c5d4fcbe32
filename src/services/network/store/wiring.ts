// SQL of what hosts wire: generations of ports, hosts, networks and routers.
import type { Db } from '#kit/db/database.ts'
import { hostWiring } from '../resources/agent.ts'
import { network } from '../resources/network.ts'
import { port } from '../resources/port.ts'

/** Ports of the networks that are bound to some host. */
export async function boundPortsOf(db: Db, networkIds: string[]): Promise<string[]> {
  const rows = await db.sql
    .selectFrom('port')
    .select('id')
    .where('network_id', 'in', networkIds)
    .where('host_id', '!=', '')
    .execute()
  return rows.map((row) => String(row.id))
}

/** Raises the ports' generations; returns the hosts that they are bound to. */
export async function raisePorts(db: Db, ids: string[]): Promise<string[]> {
  await db.sql
    .updateTable('port')
    .set((e) => ({ wiring_generation: e('wiring_generation', '+', 1) }))
    .where('id', 'in', ids)
    .execute()
  const rows = await db.sql.selectFrom('port').select('host_id').distinct().where('id', 'in', ids).execute()
  return rows.map((row) => String(row.host_id))
}

export async function raiseHost(db: Db, host: string): Promise<number> {
  if (await hostWiring.insertIfAbsent(db, { host, generation: 1 })) return 1
  await db.sql
    .updateTable('host_wiring')
    .set((e) => ({ generation: e('generation', '+', 1) }))
    .where('host', '=', host)
    .execute()
  return hostGeneration(db, host)
}

/** 0 for a host that was never wired. */
export async function hostGeneration(db: Db, host: string): Promise<number> {
  return (await hostWiring.get(db, host))?.generation ?? 0
}

/** Undefined where the network is gone. */
export async function raiseDhcp(db: Db, networkId: string): Promise<number | undefined> {
  await db.sql
    .updateTable('network')
    .set((e) => ({ dhcp_generation: e('dhcp_generation', '+', 1) }))
    .where('id', '=', networkId)
    .execute()
  return (await network.get(db, networkId))?.dhcpGeneration
}

export const waitForDhcp = (db: Db, portIds: string[], dhcpGeneration: number) =>
  port.update(db, { id: portIds }, { dhcpGeneration })

export async function raiseRouter(db: Db, id: string): Promise<void> {
  await db.sql
    .updateTable('router')
    .set((e) => ({ generation: e('generation', '+', 1) }))
    .where('id', '=', id)
    .execute()
}

/** How many other ports of the network are on the host. */
export async function othersOnHost(db: Db, networkId: string, host: string, except: string): Promise<number> {
  const row = await db.sql
    .selectFrom('port')
    .select((e) => e.fn.countAll().as('n'))
    .where('network_id', '=', networkId)
    .where('host_id', '=', host)
    .where('id', '!=', except)
    .executeTakeFirstOrThrow()
  return Number(row.n)
}

/** Which hosts hold ports of each network. */
export async function hostsOfNetworks(db: Db, networkIds: string[]): Promise<Map<string, string[]>> {
  const hosts = new Map<string, string[]>()
  if (networkIds.length === 0) return hosts
  const rows = await db.sql
    .selectFrom('port')
    .select(['network_id', 'host_id'])
    .distinct()
    .where('network_id', 'in', networkIds)
    .where('host_id', '!=', '')
    .execute()
  for (const row of rows) {
    const list = hosts.get(String(row.network_id))
    if (list) list.push(String(row.host_id))
    else hosts.set(String(row.network_id), [String(row.host_id)])
  }
  return hosts
}
