// SQL of routers: their rows, the ports that join them to subnets, and the agents that serve them.
import type { Db } from '#kit/db/database.ts'
import { agent } from '../resources/agent.ts'
import { type Port, port } from '../resources/port.ts'
import { floatingIp, type Router, router, routerL3Agent, type WholeRouter } from '../resources/router.ts'
import { allocation } from '../resources/subnet.ts'

export const interfaceOwner = 'network:router_interface'
export const gatewayOwner = 'network:router_gateway'

export const findRouter = (db: Db, id: string) => router.get(db, id)
export const findRouters = (db: Db, ids: string[]) => router.find(db, { id: ids })
export const insertRouter = (db: Db, row: Router) => router.insert(db, row)
export const updateRouter = (db: Db, id: string, change: Partial<Router>) => router.update(db, { id }, change)
export const countRouters = (db: Db, projectId: string) => router.count(db, { projectId })
export const countFloatingIps = (db: Db, projectId: string) => floatingIp.count(db, { projectId })
/** Routers that have their gateway on the network. */
export const routersOnNetwork = (db: Db, gatewayNetworkId: string) => router.count(db, { gatewayNetworkId })

export async function deleteRouter(db: Db, id: string): Promise<void> {
  await routerL3Agent.delete(db, { routerId: id })
  await router.delete(db, { id })
}

export const routerPorts = (db: Db, routerId: string | string[]): Promise<Port[]> =>
  port.find(
    db,
    { deviceId: routerId, deviceOwner: [interfaceOwner, gatewayOwner] },
    {
      orderBy: [
        ['createdAt', 'asc'],
        ['id', 'asc'],
      ],
    },
  )

/** Routers whose host can't wire one of their networks. */
export async function unboundRouters(db: Db): Promise<string[]> {
  const rows = await db.sql
    .selectFrom('port')
    .select('device_id')
    .distinct()
    .where('vif_type', '=', 'binding_failed')
    .where('device_owner', 'in', [interfaceOwner, gatewayOwner])
    .execute()
  return rows.map((row) => String(row.device_id))
}

/** Routers that one of the ports belongs to: what changes of a port changes its router. */
export async function routersOfPorts(db: Db, portIds: string[]): Promise<string[]> {
  const rows = await db.sql
    .selectFrom('port')
    .select('device_id')
    .distinct()
    .where('id', 'in', portIds)
    .where('device_owner', 'in', [interfaceOwner, gatewayOwner])
    .execute()
  return rows.map((row) => String(row.device_id))
}

/** A subnet that some router has an address in, and that address. */
export type RouterSubnet = {
  portId: string
  deviceOwner: string
  networkId: string
  subnetId: string
  ipAddress: string
  cidr: string
  gatewayIp: string | null
}

export async function routerSubnets(db: Db, routerId: string): Promise<RouterSubnet[]> {
  const rows = await db.sql
    .selectFrom('port')
    .innerJoin('ipallocations', 'ipallocations.port_id', 'port.id')
    .innerJoin('subnet', 'subnet.id', 'ipallocations.subnet_id')
    .select([
      'port.id as port_id',
      'port.device_owner as device_owner',
      'port.network_id as network_id',
      'subnet.id as subnet_id',
      'ipallocations.ip_address as ip_address',
      'subnet.cidr as cidr',
      'subnet.gateway_ip as gateway_ip',
    ])
    .where('port.device_id', '=', routerId)
    .where('port.device_owner', 'in', [interfaceOwner, gatewayOwner])
    .orderBy('port.created_at')
    .orderBy('port.id')
    .execute()
  return rows.map((row) => ({
    portId: String(row.port_id),
    deviceOwner: String(row.device_owner),
    networkId: String(row.network_id),
    subnetId: String(row.subnet_id),
    ipAddress: String(row.ip_address),
    cidr: String(row.cidr),
    gatewayIp: row.gateway_ip === null ? null : String(row.gateway_ip),
  }))
}

/** Routers with an interface on the subnet and their gateway on the external network, and their address there. */
export async function routersBetween(
  db: Db,
  subnetId: string,
  externalNetworkId: string,
): Promise<{ routerId: string; ipAddress: string }[]> {
  const rows = await db.sql
    .selectFrom('ipallocations')
    .innerJoin('port', 'port.id', 'ipallocations.port_id')
    .innerJoin('router', 'router.id', 'port.device_id')
    .select(['router.id as router_id', 'ipallocations.ip_address as ip_address'])
    .where('ipallocations.subnet_id', '=', subnetId)
    .where('port.device_owner', '=', interfaceOwner)
    .where('router.gateway_network_id', '=', externalNetworkId)
    .orderBy('router.created_at')
    .orderBy('router.id')
    .execute()
  return rows.map((row) => ({ routerId: String(row.router_id), ipAddress: String(row.ip_address) }))
}

/** With the addresses of their gateways and the zones of their agents: two queries, however many routers. */
export async function wholeRouters(
  db: Db,
  rows: readonly Router[],
  defaultZone: string,
): Promise<WholeRouter[]> {
  if (rows.length === 0) return []
  const whole = new Map<string, WholeRouter>(
    rows.map((row) => [row.id, { ...row, gatewayIps: [], availabilityZones: [] }]),
  )
  const byPort = new Map(rows.flatMap((row) => (row.gatewayPortId ? [[row.gatewayPortId, row.id]] : [])))
  if (byPort.size > 0)
    for (const each of await allocation.find(db, { portId: [...byPort.keys()] }))
      whole
        .get(byPort.get(each.portId)!)!
        .gatewayIps.push({ subnetId: each.subnetId, ipAddress: each.ipAddress })
  const zones = await db.sql
    .selectFrom(routerL3Agent.name)
    .innerJoin(agent.name, 'agent.id', 'router_l3_agent.agent_id')
    .select(['router_l3_agent.router_id as router_id', 'agent.availability_zone as zone'])
    .where('router_l3_agent.router_id', 'in', [...whole.keys()])
    .execute()
  for (const row of zones)
    whole.get(String(row.router_id))!.availabilityZones.push(String(row.zone ?? defaultZone))
  return [...whole.values()]
}
