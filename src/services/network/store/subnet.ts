// SQL of subnets, their pools and the addresses given out.
import type { Db } from '#kit/db/database.ts'
import {
  type Allocation,
  allocation,
  allocationPool,
  type Pool,
  type Subnet,
  subnet,
  type WholeSubnet,
} from '../resources/subnet.ts'

const inOrder = {
  orderBy: [
    ['createdAt', 'asc'],
    ['id', 'asc'],
  ],
} as const

export const findSubnet = (db: Db, id: string) => subnet.get(db, id)
export const findSubnets = (db: Db, ids: string[]) => subnet.find(db, { id: ids })
export const subnetsOf = (db: Db, networkId: string | string[]): Promise<Subnet[]> =>
  subnet.find(db, { networkId }, inOrder)
export const insertSubnet = (db: Db, row: Subnet) => subnet.insert(db, row)
export const updateSubnet = (db: Db, id: string, change: Partial<Subnet>) => subnet.update(db, { id }, change)
export const countSubnets = (db: Db, projectId: string) => subnet.count(db, { projectId })

export async function deleteSubnet(db: Db, id: string): Promise<void> {
  await allocationPool.delete(db, { subnetId: id })
  await subnet.delete(db, { id })
}

export async function replacePools(
  db: Db,
  subnetId: string,
  pools: readonly Pool[],
  newId: () => string,
): Promise<void> {
  await allocationPool.delete(db, { subnetId })
  if (pools.length > 0)
    await allocationPool.insert(
      db,
      pools.map(({ start, end }) => ({ id: newId(), subnetId, firstIp: start, lastIp: end })),
    )
}

export async function poolsOf(db: Db, subnetIds: string[]): Promise<Map<string, Pool[]>> {
  const pools = new Map<string, Pool[]>(subnetIds.map((id) => [id, []]))
  for (const row of await allocationPool.find(db, { subnetId: subnetIds }))
    pools.get(row.subnetId)!.push({ start: row.firstIp, end: row.lastIp })
  return pools
}

export async function withPools(db: Db, rows: readonly Subnet[]): Promise<WholeSubnet[]> {
  if (rows.length === 0) return []
  const pools = await poolsOf(
    db,
    rows.map((row) => row.id),
  )
  return rows.map((row) => ({ ...row, pools: pools.get(row.id)! }))
}

/** False where the address is taken on the network. */
export const takeAddress = (db: Db, row: Allocation) => allocation.insertIfAbsent(db, row)
export const takenAmong = async (db: Db, networkId: string, ipAddress: string[]): Promise<Set<string>> =>
  new Set((await allocation.find(db, { networkId, ipAddress })).map((row) => row.ipAddress))
export const addressesOfPorts = (db: Db, portIds: string[]): Promise<Allocation[]> =>
  allocation.find(db, { portId: portIds })
export const releaseAddresses = (db: Db, networkId: string, ipAddress: string[]) =>
  allocation.delete(db, { networkId, ipAddress })
export const allocationsOfSubnet = (db: Db, subnetId: string) => allocation.find(db, { subnetId })
export const findAddress = (db: Db, networkId: string, ipAddress: string) =>
  allocation.get(db, { networkId, ipAddress })
