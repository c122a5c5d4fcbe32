// SQL of floating IPs.
import type { Db } from '#kit/db/database.ts'
import { port } from '../resources/port.ts'
import {
  type FloatingIp,
  type FloatingIpPort,
  floatingIp,
  type WholeFloatingIp,
} from '../resources/router.ts'

export const findFloatingIp = (db: Db, id: string) => floatingIp.get(db, id)
export const insertFloatingIp = (db: Db, row: FloatingIp) => floatingIp.insert(db, row)
export const updateFloatingIp = (db: Db, id: string, change: Partial<FloatingIp>) =>
  floatingIp.update(db, { id }, change)
export const deleteFloatingIp = (db: Db, id: string) => floatingIp.delete(db, { id })

export const floatingIpsOfPort = (db: Db, fixedPortId: string) => floatingIp.find(db, { fixedPortId })
export const freeFloatingIpsOf = (db: Db, floatingNetworkId: string) =>
  floatingIp.find(db, { floatingNetworkId, fixedPortId: null })
export const floatingIpsOfRouters = (db: Db, routerId: string | string[]) => floatingIp.find(db, { routerId })
export const associatedWith = (
  db: Db,
  floatingNetworkId: string,
  fixedPortId: string,
  fixedIpAddress: string,
) => floatingIp.first(db, { floatingNetworkId, fixedPortId, fixedIpAddress })

/** Those of the router that lead to a port with an address in the subnet. */
export async function countOfRouterInSubnet(db: Db, routerId: string, subnetId: string): Promise<number> {
  const row = await db.sql
    .selectFrom('floatingip')
    .innerJoin('ipallocations', (on) =>
      on
        .onRef('ipallocations.port_id', '=', 'floatingip.fixed_port_id')
        .onRef('ipallocations.ip_address', '=', 'floatingip.fixed_ip_address'),
    )
    .select((e) => e.fn.countAll().as('n'))
    .where('floatingip.router_id', '=', routerId)
    .where('ipallocations.subnet_id', '=', subnetId)
    .executeTakeFirstOrThrow()
  return Number(row.n)
}

/** With the ports that they lead to: one query, however many. */
export async function wholeFloatingIps(db: Db, rows: readonly FloatingIp[]): Promise<WholeFloatingIp[]> {
  const ids = [...new Set(rows.flatMap((row) => row.fixedPortId ?? []))]
  const ports = new Map<string, FloatingIpPort>()
  if (ids.length > 0) for (const each of await port.find(db, { id: ids })) ports.set(each.id, each)
  return rows.map((row) => ({
    ...row,
    fixedPort: row.fixedPortId === null ? undefined : ports.get(row.fixedPortId),
  }))
}
