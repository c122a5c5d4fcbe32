// Decisions about ports: who may have which address, group and host.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { cidr } from '#kit/net/cidr.ts'
import { macFrom } from '#kit/net/mac.ts'
import type { CreateOf, UpdateOf } from '../resources/attribute.ts'
import { bad } from '../resources/attribute.ts'
import type { Network } from '../resources/network.ts'
import {
  type AddressPair,
  type IpWish,
  isComputePort,
  isNetworkDevice,
  type PairWish,
  type Port,
  type PortAddress,
  type portAttributes,
  type WholePort,
} from '../resources/port.ts'
import { newStandard } from '../resources/standard.ts'
import { findNetwork } from '../store/network.ts'
import * as store from '../store/port.ts'
import { replaceGroupsOfPort } from '../store/security-group.ts'
import { subnetsOf } from '../store/subnet.ts'
import { allocateAddresses, reallocateAddresses } from './address.ts'
import { bindingFor, isTunnelled, noteMove } from './binding.ts'
import { noteDhcp, notePort, type Work } from './change.ts'
import { releaseFloatingIps } from './floating-release.ts'
import { noteStatus } from './provisioning.ts'
import { enforceQuota } from './quota.ts'
import { ensureDefaultGroup } from './security-group.ts'

export type PortCreate = CreateOf<typeof portAttributes>
export type PortUpdate = UpdateOf<typeof portAttributes>

export function portNotFound(id: string): CloudError {
  return new CloudError('notFound', `Port ${id} could not be found.`, { type: 'PortNotFound' })
}

export async function createPort(
  work: Work,
  network: Network,
  given: PortCreate,
  options: { quota: boolean } = { quota: true },
): Promise<WholePort> {
  const { app, tx, trace, changes } = work
  if (options.quota) await enforceQuota(work, given.projectId, 'port')
  const standard = newStandard(app.world, given)
  const macAddress = await chooseMac(work, network.id, given.macAddress ?? undefined)
  const own = isNetworkDevice(given.deviceOwner)
  const portSecurityEnabled = given.portSecurityEnabled ?? (own ? false : network.portSecurityEnabled)
  const hostId = given.hostId ?? ''
  const fixedIps = await allocateAddresses(
    work,
    { id: standard.id, networkId: network.id, macAddress, deviceOwner: given.deviceOwner },
    given.fixedIps,
  )
  const securityGroupIds = await chooseGroups(work, {
    wished: given.securityGroups,
    projectId: given.projectId,
    portSecurityEnabled,
    own,
  })
  const row: Port = {
    ...standard,
    networkId: network.id,
    name: given.name,
    adminStateUp: given.adminStateUp,
    status: 'DOWN',
    macAddress,
    deviceId: given.deviceId,
    deviceOwner: given.deviceOwner,
    hostId,
    ...(await bindingFor(work, network, hostId)),
    vnicType: given.vnicType,
    profile: given.profile ?? {},
    portSecurityEnabled,
    allowedAddressPairs: choosePairs(work, given.allowedAddressPairs ?? [], {
      macAddress,
      fixedIps,
      portSecurityEnabled,
    }),
    extraDhcpOpts: mergeOptions([], given.extraDhcpOpts ?? []),
    dnsName: given.dnsName,
    wiringGeneration: 1,
    wired: false,
    dhcpGeneration: 0,
  }
  await store.insertPort(tx, row)
  if (securityGroupIds.length > 0) await replaceGroupsOfPort(tx, row.id, securityGroupIds)
  if (hostId !== '') noteMove(work, network, row.id, '', hostId)
  for (const id of securityGroupIds) if (fixedIps.length > 0) notePort(changes.members, id, row.id)
  await noteForDhcp(work, row, fixedIps)
  app.journal.record(trace, {
    kind: 'db',
    name: 'port.insert',
    subject: `port:${row.id}`,
    data: { networkId: network.id, host: hostId, fixedIps: fixedIps.map((each) => each.ipAddress) },
  })
  return { ...row, fixedIps, securityGroupIds }
}

export async function updatePort(work: Work, row: WholePort, given: PortUpdate): Promise<WholePort> {
  const { app, tx, trace, changes } = work
  const network = (await findNetwork(tx, row.networkId))!
  const {
    fixedIps: wishedIps,
    securityGroups,
    macAddress: wishedMac,
    allowedAddressPairs,
    extraDhcpOpts,
    ...plain
  } = given
  const macAddress = await changedMac(work, row, wishedMac)
  const hostId = given.hostId ?? row.hostId
  const moved = hostId !== row.hostId
  const portSecurityEnabled = given.portSecurityEnabled ?? row.portSecurityEnabled
  const fixedIps = wishedIps ? await changeAddresses(work, { ...row, macAddress }, wishedIps) : row.fixedIps
  const securityGroupIds = await changedGroups(work, row, securityGroups, portSecurityEnabled)
  const pairs = choosePairs(work, allowedAddressPairs ?? row.allowedAddressPairs, {
    macAddress,
    fixedIps,
    portSecurityEnabled,
  })
  const binding =
    moved || row.vifType === 'binding_failed' ? await bindingFor(work, network, hostId) : undefined
  const adminStateUp = given.adminStateUp ?? row.adminStateUp
  const status = moved || !adminStateUp ? 'DOWN' : row.status
  const { portSecurityEnabled: _, ...rest } = plain
  const change: Partial<Port> = {
    ...rest,
    ...binding,
    hostId,
    macAddress,
    portSecurityEnabled,
    allowedAddressPairs: pairs,
    ...(extraDhcpOpts && { extraDhcpOpts: mergeOptions(row.extraDhcpOpts, extraDhcpOpts) }),
    status,
    ...((moved || (adminStateUp && !row.adminStateUp)) && { wired: false }),
    revision: row.revision + 1,
    updatedAt: app.world.clock.now(),
  }
  await store.updatePort(tx, row.id, change)
  const after: WholePort = { ...row, ...change, fixedIps, securityGroupIds }
  noteStatus(changes, after, row.status, status)
  if (moved) noteMove(work, network, row.id, row.hostId, hostId)
  if (wiringDiffers(row, after)) changes.ports.add(row.id)
  if (addressesDiffer(row, after) && isTunnelled(network)) notePort(changes.located, network.id, row.id)
  if (membersDiffer(row, after))
    for (const id of [...row.securityGroupIds, ...securityGroupIds]) notePort(changes.members, id, row.id)
  if (dhcpDiffers(row, after)) await noteForDhcp(work, after, fixedIps)
  // Compute shows the addresses of its servers.
  if (wishedIps && isComputePort(after) && JSON.stringify(fixedIps) !== JSON.stringify(row.fixedIps))
    changes.events.push({ name: 'network-changed', serverId: after.deviceId, portId: row.id })
  app.journal.record(trace, {
    kind: 'db',
    name: 'port.update',
    subject: `port:${row.id}`,
    data: { host: hostId, status },
  })
  return after
}

/** Ports with an address of a DHCP subnet wait for its agent; the agent looks in any case. */
async function noteForDhcp(work: Work, row: Port, fixedIps: readonly PortAddress[]): Promise<void> {
  const served = (await subnetsOf(work.tx, row.networkId)).filter((each) => each.enableDhcp)
  if (served.length === 0) return
  const waits =
    row.deviceOwner !== 'network:dhcp' &&
    fixedIps.some((ip) => served.some((each) => each.id === ip.subnetId))
  noteDhcp(work.changes, row.networkId, waits ? row.id : undefined)
}

function wiringDiffers(before: WholePort, after: WholePort): boolean {
  const facts = (row: WholePort) =>
    JSON.stringify([
      row.hostId,
      row.vifType,
      row.macAddress,
      row.adminStateUp,
      row.deviceId,
      row.deviceOwner,
      row.portSecurityEnabled,
      row.allowedAddressPairs,
      row.fixedIps,
      [...row.securityGroupIds].sort(),
    ])
  return facts(before) !== facts(after)
}

function addressesDiffer(before: WholePort, after: WholePort): boolean {
  const facts = (row: WholePort) => JSON.stringify([row.macAddress, row.fixedIps])
  return facts(before) !== facts(after)
}

function membersDiffer(before: WholePort, after: WholePort): boolean {
  const facts = (row: WholePort) =>
    JSON.stringify([row.fixedIps, row.allowedAddressPairs, [...row.securityGroupIds].sort()])
  return facts(before) !== facts(after)
}

function dhcpDiffers(before: WholePort, after: WholePort): boolean {
  const facts = (row: WholePort) =>
    JSON.stringify([row.fixedIps, row.macAddress, row.extraDhcpOpts, row.dnsName, row.deviceOwner])
  return facts(before) !== facts(after)
}

async function chooseMac(work: Work, networkId: string, wished: string | undefined): Promise<string> {
  const { app, tx } = work
  if (wished !== undefined) {
    if (await store.macTaken(tx, networkId, wished)) throw macInUse(networkId, wished)
    return wished
  }
  for (let tries = 0; tries < 16; tries++) {
    const macAddress = macFrom(app.config.baseMac, app.world.random.bytes(6))
    if (!(await store.macTaken(tx, networkId, macAddress))) return macAddress
  }
  throw new CloudError('unavailable', `Unable to generate unique mac on network ${networkId}.`, {
    type: 'MacAddressGenerationFailure',
  })
}

function macInUse(networkId: string, macAddress: string): CloudError {
  return new CloudError(
    'conflict',
    `Unable to complete operation for network ${networkId}. The mac address ${macAddress} is in use.`,
    { type: 'MacAddressInUse' },
  )
}

async function changedMac(work: Work, row: Port, wished: string | null | undefined): Promise<string> {
  if (wished === undefined || wished === row.macAddress) return row.macAddress
  if (row.hostId !== '')
    throw new CloudError(
      'conflict',
      `Unable to complete operation on port ${row.id}, port is already bound, port type: ${row.vifType}, old_mac ${row.macAddress}, new_mac ${wished}.`,
      { type: 'PortBound' },
    )
  return chooseMac(work, row.networkId, wished ?? undefined)
}

async function changeAddresses(
  work: Work,
  row: WholePort,
  wishes: readonly IpWish[],
): Promise<PortAddress[]> {
  const fixedIps = await reallocateAddresses(work, row, row.fixedIps, wishes)
  const gone = row.fixedIps
    .map((each) => each.ipAddress)
    .filter((address) => !fixedIps.some((each) => each.ipAddress === address))
  if (gone.length > 0) await releaseFloatingIps(work, row.id, gone)
  return fixedIps
}

async function chooseGroups(
  work: Work,
  given: {
    wished: readonly string[] | undefined
    projectId: string
    portSecurityEnabled: boolean
    own: boolean
  },
): Promise<string[]> {
  const { wished } = given
  if (!given.portSecurityEnabled) {
    if (wished && wished.length > 0)
      throw new CloudError(
        'conflict',
        'Port security must be enabled and port must have an IP address in order to use security groups.',
        { type: 'PortSecurityAndIPRequiredForSecurityGroups' },
      )
    return []
  }
  if (wished !== undefined) return [...wished]
  return given.own ? [] : [await ensureDefaultGroup(work, given.projectId)]
}

async function changedGroups(
  work: Work,
  row: WholePort,
  wished: readonly string[] | undefined,
  portSecurityEnabled: boolean,
): Promise<string[]> {
  if (
    !portSecurityEnabled &&
    row.portSecurityEnabled &&
    row.securityGroupIds.length > 0 &&
    wished?.length !== 0
  )
    throw new CloudError(
      'conflict',
      'Port has security group associated. Cannot disable port security or ip address until security group is removed.',
      { type: 'PortSecurityPortHasSecurityGroup' },
    )
  if (wished === undefined) return row.securityGroupIds
  const groups = await chooseGroups(work, {
    wished,
    projectId: row.projectId,
    portSecurityEnabled,
    own: isNetworkDevice(row.deviceOwner),
  })
  await replaceGroupsOfPort(work.tx, row.id, groups)
  return groups
}

function choosePairs(
  { app }: Work,
  wished: readonly PairWish[],
  port: { macAddress: string; fixedIps: readonly PortAddress[]; portSecurityEnabled: boolean },
): AddressPair[] {
  if (wished.length === 0) return []
  if (!port.portSecurityEnabled)
    throw new CloudError(
      'conflict',
      'Port Security must be enabled in order to have allowed address pairs on a port.',
      {
        type: 'AddressPairAndPortSecurityRequired',
      },
    )
  if (wished.length > app.config.maxAddressPairs)
    throw new CloudError(
      'badRequest',
      `The number of allowed address pair exceeds the maximum ${app.config.maxAddressPairs}.`,
      { type: 'AllowedAddressPairExhausted' },
    )
  for (const each of wished)
    if (each.ip_address.includes('/') && cidr(each.ip_address).prefix === 0)
      throw bad(`Invalid input for allowed_address_pairs. Reason: '${each.ip_address}' is any address.`)
  return wished.map((each) => ({
    ip_address: each.ip_address,
    mac_address: each.mac_address ?? port.macAddress,
  }))
}

/** An option is replaced by one of the same name and version; a null value takes it away. */
function mergeOptions(
  old: readonly Port['extraDhcpOpts'][number][],
  given: readonly Port['extraDhcpOpts'][number][],
): Port['extraDhcpOpts'] {
  const key = (each: { opt_name: string; ip_version: number }) => `${each.opt_name}/${each.ip_version}`
  const merged = new Map(old.map((each) => [key(each), each]))
  for (const each of given) {
    if (each.opt_value === null) merged.delete(key(each))
    else merged.set(key(each), each)
  }
  return [...merged.values()]
}
