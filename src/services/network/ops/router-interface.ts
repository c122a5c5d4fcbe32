// Joining routers to subnets, by a subnet or by a port that is there, and taking them off again.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { NetworkContext } from '../app.ts'
import { type Port, type PortAddress, portRules, portTarget } from '../resources/port.ts'
import type { Router } from '../resources/router.ts'
import type { InterfaceWish } from '../resources/router-interface.ts'
import { type Subnet, subnetRules, subnetTarget } from '../resources/subnet.ts'
import { countOfRouterInSubnet } from '../store/floating-ip.ts'
import { findNetwork } from '../store/network.ts'
import { findPort, findPorts } from '../store/port.ts'
import { interfaceOwner, routerSubnets } from '../store/router.ts'
import { addressesOfPorts, findSubnet, findSubnets } from '../store/subnet.ts'
import { ensureVisible } from './access.ts'
import { noteDhcp, type Work } from './change.ts'
import { portNotFound } from './port.ts'
import { removePort } from './port-delete.ts'
import { applyChange } from './router.ts'
import {
  badRouter,
  interfaceInUse,
  interfaceNotFound,
  interfaceNotFoundForSubnet,
  subnetMismatch,
} from './router-fault.ts'
import { adoptRouterPort, createRouterPort, readdressRouterPort } from './router-port.ts'
import { refuseWhileRouted } from './router-route.ts'
import { checkJoin } from './router-subnet.ts'
import { subnetNotFound } from './subnet.ts'

export type InterfaceInfo = { port: Port; subnetIds: string[] }

export async function addInterface(
  context: NetworkContext,
  work: Work,
  row: Router,
  wish: InterfaceWish,
): Promise<InterfaceInfo> {
  const { subnetId, portId } = wish
  if (subnetId !== undefined && portId !== undefined)
    throw badRouter('Cannot specify both subnet-id and port-id')
  if (subnetId === undefined && portId === undefined)
    throw badRouter('Either subnet_id or port_id must be specified')
  const info =
    portId !== undefined
      ? await addByPort(context, work, row, portId)
      : await addBySubnet(context, work, row, subnetId!)
  // Guests learn from DHCP which router reaches metadata and other subnets.
  noteDhcp(work.changes, info.port.networkId)
  await applyChange(work, row, {})
  return info
}

async function addByPort(
  context: NetworkContext,
  work: Work,
  row: Router,
  portId: string,
): Promise<InterfaceInfo> {
  const { tx } = work
  const port = await visiblePort(context, work, portId)
  if (port.deviceId !== '')
    throw new CloudError(
      'conflict',
      `Unable to complete operation on port ${port.id} for network ${port.networkId}. Port already has an attached device ${port.deviceId}.`,
      { type: 'PortInUse' },
    )
  const subnetIds = (await addressesOfPorts(tx, [port.id])).map((each) => each.subnetId)
  if (subnetIds.length === 0) throw badRouter('Router port must have at least one fixed IP')
  const subnets = await findSubnets(tx, subnetIds)
  if (subnetIds.filter((id) => subnets.find((each) => each.id === id)?.ipVersion === 4).length > 1)
    throw badRouter('Cannot have multiple IPv4 subnets on router port')
  checkJoin(await routerSubnets(tx, row.id), subnets)
  return { port: await adoptRouterPort(work, row, port), subnetIds }
}

async function addBySubnet(
  context: NetworkContext,
  work: Work,
  row: Router,
  subnetId: string,
): Promise<InterfaceInfo> {
  const { tx } = work
  const subnet = await visibleSubnet(context, work, subnetId)
  if (subnet.gatewayIp === null) throw badRouter('Subnet for router interface must have a gateway IP')
  if (subnet.ipVersion === 6 && subnet.ipv6RaMode === null && subnet.ipv6AddressMode !== null)
    throw badRouter(
      `IPv6 subnet ${subnet.id} configured to receive RAs from an external router cannot be added to Neutron Router`,
    )
  const there = await routerSubnets(tx, row.id)
  checkJoin(there, [subnet])
  const fixedIps = [{ subnetId: subnet.id, ipAddress: subnet.gatewayIp }]
  const shared = subnet.ipVersion === 6 ? await ipv6PortOn(work, there, subnet.networkId) : undefined
  if (shared) {
    const own = (await addressesOfPorts(tx, [shared.id])).map(({ subnetId, ipAddress }) => ({
      subnetId,
      ipAddress,
    }))
    await readdressRouterPort(work, shared, [...own, ...fixedIps])
    return { port: shared, subnetIds: [subnet.id] }
  }
  const { networkId } = subnet
  const wish = { networkId, owner: interfaceOwner, projectId: row.projectId, fixedIps } as const
  return { port: await createRouterPort(work, row, wish), subnetIds: [subnet.id] }
}

/** IPv6 subnets of one network share the router's port: it sends one advertisement for all of them. */
async function ipv6PortOn(
  { tx }: Work,
  there: Awaited<ReturnType<typeof routerSubnets>>,
  networkId: string,
): Promise<Port | undefined> {
  const found = there.find(
    (each) => each.networkId === networkId && each.deviceOwner === interfaceOwner && each.cidr.includes(':'),
  )
  return found && findPort(tx, found.portId)
}

export async function removeInterface(
  context: NetworkContext,
  work: Work,
  row: Router,
  wish: InterfaceWish,
): Promise<InterfaceInfo> {
  const { subnetId, portId } = wish
  if (subnetId === undefined && portId === undefined)
    throw badRouter('Either subnet_id or port_id must be specified')
  const info =
    portId !== undefined
      ? await removeByPort(work, row, portId, subnetId)
      : await removeBySubnet(context, work, row, subnetId!)
  noteDhcp(work.changes, info.port.networkId)
  await applyChange(work, row, {})
  return info
}

async function removeByPort(
  work: Work,
  row: Router,
  portId: string,
  subnetId: string | undefined,
): Promise<InterfaceInfo> {
  const { tx } = work
  const port = await findPort(tx, portId)
  if (port?.deviceId !== row.id || port.deviceOwner !== interfaceOwner)
    throw interfaceNotFound(row.id, portId)
  const subnetIds = (await addressesOfPorts(tx, [portId])).map((each) => each.subnetId)
  if (subnetId !== undefined && !subnetIds.includes(subnetId)) throw subnetMismatch(portId, subnetId)
  await refuseInterfaceInUse(work, row, await findSubnets(tx, subnetIds))
  await removePort(work, port)
  return { port, subnetIds }
}

async function removeBySubnet(
  context: NetworkContext,
  work: Work,
  row: Router,
  subnetId: string,
): Promise<InterfaceInfo> {
  const { tx } = work
  const subnet = await visibleSubnet(context, work, subnetId)
  const joined = (await routerSubnets(tx, row.id)).find(
    (each) => each.subnetId === subnetId && each.deviceOwner === interfaceOwner,
  )
  const [port] = joined ? await findPorts(tx, [joined.portId]) : []
  if (!port) throw interfaceNotFoundForSubnet(row.id, subnetId)
  await refuseInterfaceInUse(work, row, [subnet])
  const rest = (await addressesOfPorts(tx, [port.id])).filter((each) => each.subnetId !== subnetId)
  if (rest.length === 0) await removePort(work, port)
  else await readdressRouterPort(work, port, rest.map(wishOf))
  return { port, subnetIds: [subnetId] }
}

const wishOf = ({ subnetId, ipAddress }: PortAddress) => ({ subnetId, ipAddress })

async function refuseInterfaceInUse({ tx }: Work, row: Router, subnets: readonly Subnet[]): Promise<void> {
  for (const { id, cidr } of subnets) {
    if ((await countOfRouterInSubnet(tx, row.id, id)) > 0) throw interfaceInUse(row.id, id)
    refuseWhileRouted(row.id, row.routes, { subnetId: id, cidr })
  }
}

async function visiblePort(context: NetworkContext, { tx }: Work, id: string): Promise<Port> {
  const port = await findPort(tx, id)
  const network = port && (await findNetwork(tx, port.networkId))
  return ensureVisible(
    context,
    portRules.get,
    port,
    (row) => portTarget(row, network),
    () => portNotFound(id),
  )
}

async function visibleSubnet(context: NetworkContext, { tx }: Work, id: string): Promise<Subnet> {
  const subnet = await findSubnet(tx, id)
  const network = subnet && (await findNetwork(tx, subnet.networkId))
  return ensureVisible(
    context,
    subnetRules.get,
    subnet,
    (row) => subnetTarget(row, network),
    () => subnetNotFound(id),
  )
}
