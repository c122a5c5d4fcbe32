// SQL of what hosts wire: generations of ports, hosts, networks and routers.
import { agentTypes, type LocatedPort } from '#contracts/network-agent.ts'
import type { Db } from '#kit/db/database.ts'
import { hostWiring } from '../resources/agent.ts'
import { network } from '../resources/network.ts'
import { port } from '../resources/port.ts'
import { securityGroup } from '../resources/security-group.ts'

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

/**
 * Versions and generations of hosts are times where they can be: a database that has lost its last changes in a power cut
 * never gives another meaning to a number that a host has seen.
 */
const next = (before: number, now: number) => Math.max(before + 1, now)

export async function raiseHost(db: Db, host: string, now: number): Promise<number> {
  if (await hostWiring.insertIfAbsent(db, { host, generation: now })) return now
  const generation = next(await hostGeneration(db, host), now)
  await hostWiring.update(db, { host }, { generation })
  return generation
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

export type Raised = { from: number; to: number }

/** Undefined where the network is gone. */
export async function raiseLocated(db: Db, id: string, now: number): Promise<Raised | undefined> {
  const row = await network.get(db, id)
  if (!row) return undefined
  const raised = { from: row.locatedVersion, to: next(row.locatedVersion, now) }
  await network.update(db, { id }, { locatedVersion: raised.to })
  return raised
}

/** Undefined where the group is gone. */
export async function raiseMembers(db: Db, id: string, now: number): Promise<Raised | undefined> {
  const row = await securityGroup.get(db, id)
  if (!row) return undefined
  const raised = { from: row.membersVersion, to: next(row.membersVersion, now) }
  await securityGroup.update(db, { id }, { membersVersion: raised.to })
  return raised
}

/** Of tunnelled networks alone. */
export async function locatedVersions(db: Db, ids: string[]): Promise<Map<string, number>> {
  const rows = await network.find(db, { id: ids, networkType: ['vxlan', 'gre'] })
  return new Map(rows.map((row) => [row.id, row.locatedVersion]))
}

export async function membersVersions(db: Db, ids: string[]): Promise<Map<string, number>> {
  const rows = await securityGroup.find(db, { id: ids })
  return new Map(rows.map((row) => [row.id, row.membersVersion]))
}

/** Hosts on which the network service itself has ports of the networks: DHCP, routers. */
export async function hostsServing(db: Db, networkIds: string[]): Promise<string[]> {
  if (networkIds.length === 0) return []
  const rows = await port.find(db, { networkId: networkIds, deviceOwner: serving })
  return [...new Set(rows.map((row) => row.hostId))].filter((host) => host !== '').sort()
}

const serving = ['network:dhcp', 'network:router_interface', 'network:router_gateway']

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

/** The network's ports on hosts that have a tunnel address; of `portIds` alone where given. */
export async function locatedPorts(db: Db, networkId: string, portIds?: string[]): Promise<LocatedPort[]> {
  const rows = await db.sql
    .selectFrom('port')
    .innerJoin('agent', 'agent.host', 'port.host_id')
    .select(['port.id', 'port.mac_address', 'port.host_id', 'agent.tunnel_ip'])
    .where('port.network_id', '=', networkId)
    // No other agent has one; with its type the host's is found by the index.
    .where('agent.agent_type', '=', agentTypes.l2.agentType)
    .where('agent.tunnel_ip', 'is not', null)
    .$if(portIds !== undefined, (query) => query.where('port.id', 'in', portIds!))
    .execute()
  const addresses = await db.sql
    .selectFrom('ipallocations')
    .select(['port_id', 'ip_address'])
    .where('network_id', '=', networkId)
    .$if(portIds !== undefined, (query) => query.where('port_id', 'in', portIds!))
    .execute()
  const located = new Map<string, LocatedPort>()
  for (const row of rows)
    located.set(String(row.id), {
      portId: String(row.id),
      mac: String(row.mac_address),
      ipAddresses: [],
      host: String(row.host_id),
      peer: String(row.tunnel_ip),
    })
  for (const row of addresses) located.get(String(row.port_id))?.ipAddresses.push(String(row.ip_address))
  return [...located.values()]
}
