// SQL of networks and their segments.
import type { Db } from '#kit/db/database.ts'
import { agent, networkDhcpAgent } from '../resources/agent.ts'
import { type Network, network, segment, type WholeNetwork } from '../resources/network.ts'

export const findNetwork = (db: Db, id: string) => network.get(db, id)
export const findNetworks = (db: Db, ids: string[]) => network.find(db, { id: ids })
export const insertNetwork = (db: Db, row: Network) => network.insert(db, row)
export const updateNetwork = (db: Db, id: string, change: Partial<Network>) =>
  network.update(db, { id }, change)
export const countNetworks = (db: Db, projectId: string) => network.count(db, { projectId })
export const sharedNetworkIds = async (db: Db): Promise<string[]> =>
  (await network.find(db, { shared: true })).map((row) => row.id)
export const externalDefault = (db: Db) => network.first(db, { isDefault: true })

export async function deleteNetwork(db: Db, id: string): Promise<void> {
  await segment.delete(db, { networkId: id })
  await networkDhcpAgent.delete(db, { networkId: id })
  await network.delete(db, { id })
}

export async function withSubnets(
  db: Db,
  rows: readonly Network[],
  defaultZone: string,
): Promise<WholeNetwork[]> {
  if (rows.length === 0) return []
  const ids = rows.map((row) => row.id)
  const whole = new Map<string, WholeNetwork>(
    rows.map((row) => [row.id, { ...row, subnetIds: [], availabilityZones: [] }]),
  )
  const subnets = await db.sql
    .selectFrom('subnet')
    .select(['id', 'network_id'])
    .where('network_id', 'in', ids)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  for (const row of subnets) whole.get(String(row.network_id))!.subnetIds.push(String(row.id))
  const zones = await db.sql
    .selectFrom(networkDhcpAgent.name)
    .innerJoin(agent.name, 'agent.id', 'network_dhcp_agent.agent_id')
    .select(['network_dhcp_agent.network_id as network_id', 'agent.availability_zone as zone'])
    .where('network_dhcp_agent.network_id', 'in', ids)
    .execute()
  for (const row of zones)
    whole.get(String(row.network_id))!.availabilityZones.push(String(row.zone ?? defaultZone))
  return [...whole.values()]
}

/** False where the segment is taken. */
export const takeSegment = (db: Db, row: typeof segment.Row) => segment.insertIfAbsent(db, row)
export const releaseSegments = (db: Db, networkId: string) => segment.delete(db, { networkId })
export async function takenSegments(
  db: Db,
  networkType: typeof segment.Row.networkType,
  physicalNetwork: string,
): Promise<Set<number>> {
  const rows = await segment.find(db, { networkType, physicalNetwork })
  return new Set(rows.map((row) => row.segmentationId))
}
