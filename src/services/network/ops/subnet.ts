// Decisions about subnets: their prefix, gateway and pools fit together, and no two of a network overlap.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { address, formatAddress, isLinkLocal, parseAddress } from '#kit/net/address.ts'
import {
  broadcastAddress,
  type Cidr,
  cidr,
  cidrHas,
  cidrsOverlap,
  formatCidr,
  hostRange,
} from '#kit/net/cidr.ts'
import {
  defaultPools,
  formatRange,
  type IpRange,
  range,
  rangeCovers,
  rangeHas,
  rangeIsValid,
  rangesOverlap,
} from '#kit/net/range.ts'
import type { CreateOf, UpdateOf } from '../resources/attribute.ts'
import { bad, invalidInput } from '../resources/attribute.ts'
import type { Network } from '../resources/network.ts'
import { newStandard } from '../resources/standard.ts'
import {
  type HostRoute,
  isAutomatic,
  type Pool,
  type Subnet,
  type subnetAttributes,
} from '../resources/subnet.ts'
import { findPorts, portsOfNetwork } from '../store/port.ts'
import * as store from '../store/subnet.ts'
import { addAutomaticAddresses } from './address.ts'
import { noteDhcp, type Work } from './change.ts'
import { scheduleDhcp } from './dhcp.ts'
import { removePort } from './port-delete.ts'
import { enforceQuota } from './quota.ts'

export type SubnetCreate = CreateOf<typeof subnetAttributes>
export type SubnetUpdate = UpdateOf<typeof subnetAttributes>

export function subnetNotFound(id: string): CloudError {
  return new CloudError('notFound', `Subnet ${id} could not be found.`, { type: 'SubnetNotFound' })
}

export async function createSubnet(work: Work, network: Network, given: SubnetCreate): Promise<Subnet> {
  const { app, tx, changes } = work
  await enforceQuota(work, given.projectId, 'subnet')
  const net = cidr(given.cidr)
  const ipVersion = given.ipVersion ?? net.version
  if (ipVersion !== net.version)
    throw invalidInput(
      `Invalid input for operation: ip_version ${ipVersion} does not match cidr ${given.cidr}`,
    )
  checkCidr(net)
  checkModes(given, net)
  await refuseOverlap(work, network.id, net)
  const gatewayIp = given.gatewayIp === undefined ? firstHost(net) : given.gatewayIp
  checkGateway(net, gatewayIp, given.ipv6RaMode)
  const pools = given.allocationPools
    ? checkPools(given.allocationPools, net)
    : defaultPools(net, gatewayIp === null ? undefined : parseAddress(gatewayIp))
  checkGatewayApart(pools, gatewayIp)
  checkLists(work, net, given)
  const row: Subnet = {
    ...newStandard(app.world, given),
    networkId: network.id,
    name: given.name,
    ipVersion,
    cidr: formatCidr(net),
    gatewayIp,
    enableDhcp: given.enableDhcp,
    dnsNameservers: [...given.dnsNameservers],
    hostRoutes: [...given.hostRoutes],
    ipv6RaMode: given.ipv6RaMode,
    ipv6AddressMode: given.ipv6AddressMode,
    serviceTypes: [...given.serviceTypes],
  }
  await store.insertSubnet(tx, row)
  await store.replacePools(tx, row.id, pools.map(formatRange), () => app.world.random.uuid())
  if (isAutomatic(row)) await addAutomaticAddresses(work, row)
  if (row.enableDhcp) await scheduleDhcp(work, network.id)
  noteDhcp(changes, network.id)
  return row
}

export async function updateSubnet(work: Work, row: Subnet, given: SubnetUpdate): Promise<Subnet> {
  const { app, tx, changes } = work
  const net = cidr(row.cidr)
  const { allocationPools, ...plain } = given
  const gatewayIp = given.gatewayIp === undefined ? row.gatewayIp : given.gatewayIp
  if (gatewayIp !== row.gatewayIp) {
    checkGateway(net, gatewayIp, row.ipv6RaMode)
    await refuseGatewayInUse(work, row)
  }
  const wished = allocationPools ? checkPools(allocationPools, net) : undefined
  const pools = wished ?? (await currentPools(work, row))
  checkGatewayApart(pools, gatewayIp)
  checkLists(work, net, { ...row, ...given })
  if (given.enableDhcp !== undefined && row.ipVersion === 6 && row.ipv6AddressMode && !given.enableDhcp)
    throw bad('Cannot disable enable_dhcp with ipv6 attributes set')
  const change = { ...plain, gatewayIp, revision: row.revision + 1, updatedAt: app.world.clock.now() }
  await store.updateSubnet(tx, row.id, change)
  if (wished) await store.replacePools(tx, row.id, wished.map(formatRange), () => app.world.random.uuid())
  if (change.enableDhcp) await scheduleDhcp(work, row.networkId)
  noteDhcp(changes, row.networkId)
  for (const each of await routersOf(work, row)) changes.routers.add(each)
  return { ...row, ...change }
}

/** Addresses that the DHCP agent and SLAAC hold go with it; any other keeps it. */
export async function deleteSubnet(work: Work, row: Subnet): Promise<void> {
  const { tx } = work
  const allocations = await store.allocationsOfSubnet(tx, row.id)
  const ports = await findPorts(tx, [...new Set(allocations.map((each) => each.portId))])
  const inUse = ports.filter(
    (each) =>
      each.deviceOwner !== 'network:dhcp' &&
      !(isAutomatic(row) && !each.deviceOwner.startsWith('network:router')),
  )
  if (inUse.length > 0)
    throw new CloudError(
      'conflict',
      `Unable to complete operation on subnet ${row.id}: One or more ports have an IP allocation from this subnet.`,
      { type: 'SubnetInUse' },
    )
  for (const each of allocations) {
    await store.releaseAddresses(tx, each.networkId, [each.ipAddress])
    work.changes.ports.add(each.portId)
  }
  await removeSubnetRow(work, row)
  const left = await store.subnetsOf(tx, row.networkId)
  if (!left.some((each) => each.enableDhcp))
    for (const each of ports) if (each.deviceOwner === 'network:dhcp') await removePort(work, each)
}

export async function removeSubnetRow(work: Work, row: Subnet): Promise<void> {
  await store.deleteSubnet(work.tx, row.id)
  work.app.nextAddress.delete(row.id)
  noteDhcp(work.changes, row.networkId)
}

function firstHost(net: Cidr): string | null {
  const hosts = hostRange(net)
  if (hosts.first === hosts.last) return null
  return formatAddress({ version: net.version, value: hosts.first })
}

function checkCidr(net: Cidr): void {
  if (net.prefix === 0) throw invalidInput('0 is not allowed as CIDR prefix length')
  const first = { version: net.version, value: net.value }
  if (isMulticast(net)) throw invalidInput(`Multicast prefix ${formatCidr(net)} is no subnet`)
  if (isLinkLocal(first) && net.version === 6) throw invalidInput(`Subnet ${formatCidr(net)} is link-local`)
}

function isMulticast(net: Cidr): boolean {
  return net.version === 4 ? net.value >> 28n === 0xen : net.value >> 120n === 0xffn
}

function checkModes(given: Pick<Subnet, 'ipv6RaMode' | 'ipv6AddressMode' | 'enableDhcp'>, net: Cidr): void {
  const { ipv6RaMode: ra, ipv6AddressMode: mode } = given
  if (ra === null && mode === null) return
  if (net.version === 4)
    throw invalidInput('ipv6_ra_mode or ipv6_address_mode cannot be set when ip_version is not 6')
  if (!given.enableDhcp)
    throw invalidInput('ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False')
  if (ra !== null && mode !== null && ra !== mode)
    throw invalidInput(
      `ipv6_ra_mode set to '${ra}' with ipv6_address_mode set to '${mode}' is not valid. If both attributes are set, they must be the same value`,
    )
  if (isAutomatic({ ipv6AddressMode: mode ?? ra }) && net.prefix !== 64)
    throw invalidInput(
      `Invalid CIDR ${formatCidr(net)} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64`,
    )
}

async function refuseOverlap({ tx }: Work, networkId: string, net: Cidr): Promise<void> {
  for (const each of await store.subnetsOf(tx, networkId))
    if (cidrsOverlap(net, cidr(each.cidr)))
      throw invalidInput(
        `Requested subnet with cidr: ${formatCidr(net)} for network: ${networkId} overlaps with another subnet`,
      )
}

function checkGateway(net: Cidr, gatewayIp: string | null, ra: string | null): void {
  if (gatewayIp === null) return
  const gateway = address(gatewayIp)
  if (gateway.version !== net.version)
    throw bad(`gateway_ip '${gatewayIp}' does not match the ip_version '${net.version}'`)
  if (net.version === 6 && isLinkLocal(gateway)) return
  const isEdge =
    net.version === 4 &&
    net.prefix < 31 &&
    (gateway.value === net.value || gateway.value === broadcastAddress(net).value)
  if (cidrHas(net, gateway) && isEdge) throw invalidInput('Gateway is not valid on subnet')
  if (!cidrHas(net, gateway) && ra !== null) throw invalidInput('Gateway is not valid on subnet')
}

/** Each inside the prefix, and none in two. */
function checkPools(wished: readonly Pool[], net: Cidr): IpRange[] {
  const hosts = hostRange(net)
  const ranges = wished.map(({ start, end }) => {
    const given = range(start, end)
    if (given.version !== net.version || !rangeIsValid(given))
      throw new CloudError('badRequest', `The allocation pool ${start}-${end} is not valid.`, {
        type: 'InvalidAllocationPool',
      })
    if (!rangeCovers(hosts, given))
      throw new CloudError(
        'badRequest',
        `The allocation pool ${start}-${end} spans beyond the subnet cidr ${formatCidr(net)}.`,
        { type: 'OutOfBoundsAllocationPool' },
      )
    return given
  })
  for (const [place, one] of ranges.entries())
    for (const other of ranges.slice(0, place))
      if (rangesOverlap(one, other)) {
        const words = [other, one].map((each) => {
          const { start, end } = formatRange(each)
          return `${start}-${end}`
        })
        throw new CloudError(
          'conflict',
          `Found overlapping allocation pools: ${words.join(', ')} for subnet ${formatCidr(net)}.`,
          { type: 'OverlappingAllocationPools' },
        )
      }
  return ranges
}

function checkGatewayApart(pools: readonly IpRange[], gatewayIp: string | null): void {
  const gateway = gatewayIp === null ? undefined : parseAddress(gatewayIp)
  const clash = gateway && pools.find((each) => rangeHas(each, gateway))
  if (!clash) return
  const { start, end } = formatRange(clash)
  throw new CloudError(
    'conflict',
    `Gateway ip ${gatewayIp} conflicts with allocation pool ${start}-${end}.`,
    { type: 'GatewayConflictWithAllocationPools' },
  )
}

function checkLists(
  { app }: Work,
  net: Cidr,
  given: { dnsNameservers: readonly string[]; hostRoutes: readonly HostRoute[] },
): void {
  const { maxDnsNameservers, maxHostRoutes } = app.config
  if (given.dnsNameservers.length > maxDnsNameservers)
    throw new CloudError(
      'badRequest',
      `Unable to complete operation: the number of DNS nameservers exceeds the limit ${maxDnsNameservers}.`,
      {
        type: 'DNSNameServersExhausted',
      },
    )
  if (given.hostRoutes.length > maxHostRoutes)
    throw new CloudError(
      'badRequest',
      `Unable to complete operation: the number of host routes exceeds the limit ${maxHostRoutes}.`,
      {
        type: 'HostRoutesExhausted',
      },
    )
  for (const { destination, nexthop } of given.hostRoutes)
    if (cidr(destination).version !== net.version || address(nexthop).version !== net.version)
      throw bad(`host_routes ${destination} via ${nexthop} does not match the ip_version '${net.version}'`)
}

async function currentPools({ tx }: Work, row: Subnet): Promise<IpRange[]> {
  return (await store.poolsOf(tx, [row.id])).get(row.id)!.map(({ start, end }) => range(start, end))
}

/** A router that stands on the old gateway address would be cut off. */
async function refuseGatewayInUse({ tx }: Work, row: Subnet): Promise<void> {
  if (row.gatewayIp === null) return
  const taken = await store.findAddress(tx, row.networkId, row.gatewayIp)
  const [holder] = taken ? await findPorts(tx, [taken.portId]) : []
  if (holder?.deviceOwner === 'network:router_interface')
    throw new CloudError(
      'conflict',
      `Current gateway ip ${row.gatewayIp} already in use by port ${holder.id}. Unable to update.`,
      { type: 'GatewayIpInUse' },
    )
}

async function routersOf({ tx }: Work, row: Subnet): Promise<string[]> {
  const ports = await portsOfNetwork(tx, row.networkId)
  return ports.filter((each) => each.deviceOwner.startsWith('network:router_')).map((each) => each.deviceId)
}
