// SQL of ports.
import type { Db } from '#kit/db/database.ts'
import { network } from '../resources/network.ts'
import { type Port, port, type WholePort } from '../resources/port.ts'
import { portSecurityGroup } from '../resources/security-group.ts'
import { type Allocation, allocation } from '../resources/subnet.ts'

export const findPort = (db: Db, id: string) => port.get(db, id)
export const findPorts = (db: Db, ids: string[]) => port.find(db, { id: ids })
export const insertPort = (db: Db, row: Port) => port.insert(db, row)
export const updatePort = (db: Db, id: string | string[], change: Partial<Port>) =>
  port.update(db, { id }, change)
export const countPorts = (db: Db, projectId: string) => port.count(db, { projectId })
export const portsOfHost = (db: Db, hostId: string) => port.find(db, { hostId })
export const portsOnHosts = (db: Db, networkId: string[], hostId: string[]) =>
  port.find(db, { networkId, hostId })
export const portsOfNetwork = (db: Db, networkId: string) => port.find(db, { networkId })
export const ownedPorts = (db: Db, networkId: string | string[], deviceOwner: string | string[]) =>
  port.find(db, { networkId, deviceOwner })
export const macTaken = async (db: Db, networkId: string, macAddress: string) =>
  (await port.count(db, { networkId, macAddress })) > 0

export async function deletePort(db: Db, id: string): Promise<void> {
  await allocation.delete(db, { portId: id })
  await portSecurityGroup.delete(db, { portId: id })
  await port.delete(db, { id })
}

export async function withSides(db: Db, rows: readonly Port[]): Promise<WholePort[]> {
  if (rows.length === 0) return []
  const ids = rows.map((row) => row.id)
  const whole = new Map<string, WholePort>(
    rows.map((row) => [row.id, { ...row, fixedIps: [], securityGroupIds: [] }]),
  )
  for (const row of inOrder(await allocation.find(db, { portId: ids })))
    whole.get(row.portId)!.fixedIps.push({ subnetId: row.subnetId, ipAddress: row.ipAddress })
  for (const row of await portSecurityGroup.find(db, { portId: ids }))
    whole.get(row.portId)!.securityGroupIds.push(row.securityGroupId)
  return [...whole.values()]
}

/** Version 4 before version 6; otherwise as the database gives them. */
function inOrder(rows: Allocation[]): Allocation[] {
  return rows.sort((a, b) => Number(a.ipAddress.includes(':')) - Number(b.ipAddress.includes(':')))
}

/** Ids of the ports that have the address, or an address in the subnet. */
export async function portIdsByAddress(
  db: Db,
  where: { ipAddress?: string[]; subnetId?: string[] },
): Promise<string[]> {
  const rows = await allocation.find(db, where)
  return [...new Set(rows.map((row) => row.portId))]
}
export async function portIdsByGroup(db: Db, securityGroupId: string[]): Promise<string[]> {
  return (await portSecurityGroup.find(db, { securityGroupId })).map((row) => row.portId)
}

/** Ports of other projects on the network, those of the network service itself not counted. */
export async function otherProjectsOn(db: Db, networkId: string, projectId: string): Promise<number> {
  const row = await db.sql
    .selectFrom('port')
    .select((e) => e.fn.countAll().as('n'))
    .where('network_id', '=', networkId)
    .where('project_id', '!=', projectId)
    .where('device_owner', 'not in', [
      'network:dhcp',
      'network:router_gateway',
      'network:floatingip',
      'network:router_interface',
    ])
    .executeTakeFirstOrThrow()
  return Number(row.n)
}

export const waitingPorts = (db: Db, networkId: string) =>
  port.find(db, { networkId, wired: true, status: ['DOWN', 'BUILD'] })
export const setDhcpReady = (db: Db, networkId: string, dhcpReadyGeneration: number) =>
  network.update(db, { id: networkId }, { dhcpReadyGeneration })

/** Networks on which the router has an interface. */
export async function routedNetworks(db: Db, routerId: string): Promise<string[]> {
  const rows = await port.find(db, { deviceId: routerId, deviceOwner: 'network:router_interface' })
  return [...new Set(rows.map((row) => row.networkId))]
}
export async function portsAt(db: Db, networkId: string[], ipAddress: string): Promise<Port[]> {
  const found = await allocation.find(db, { networkId, ipAddress })
  return found.length === 0 ? [] : port.find(db, { id: found.map((each) => each.portId) })
}
