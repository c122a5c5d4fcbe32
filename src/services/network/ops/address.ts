// Which addresses a port gets: what was asked for, where it is free, or the next free one of the subnets' pools.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { address, formatAddress } from '#kit/net/address.ts'
import { cidr, cidrHas, hostRange } from '#kit/net/cidr.ts'
import { slaacAddress } from '#kit/net/mac.ts'
import { addressAt, countAddresses, type IpRange, range, rangeHas, tidyRanges } from '#kit/net/range.ts'
import { invalidInput } from '../resources/attribute.ts'
import { type IpWish, isNetworkDevice, type PortAddress } from '../resources/port.ts'
import { isAutomatic, type Subnet } from '../resources/subnet.ts'
import { portsOfNetwork } from '../store/port.ts'
import * as store from '../store/subnet.ts'
import { noteDhcp, type Work } from './change.ts'

export type AddressedPort = { id: string; networkId: string; macAddress: string; deviceOwner: string }

/** For a new port; undefined wishes mean one address of each version. */
export async function allocateAddresses(
  work: Work,
  port: AddressedPort,
  wishes: readonly IpWish[] | undefined,
): Promise<PortAddress[]> {
  const subnets = await store.subnetsOf(work.tx, port.networkId)
  if (wishes === undefined) return allocateByDefault(work, port, subnets)
  checkCount(work, wishes.length)
  const given: PortAddress[] = []
  // What is named goes first, so that a free choice never takes it.
  for (const wish of byNamed(wishes)) given.push(await allocateWish(work, port, subnets, wish))
  return given
}

/** What of the old addresses fits the wishes stays; the rest is given back. */
export async function reallocateAddresses(
  work: Work,
  port: AddressedPort,
  old: readonly PortAddress[],
  wishes: readonly IpWish[],
): Promise<PortAddress[]> {
  checkCount(work, wishes.length)
  const subnets = await store.subnetsOf(work.tx, port.networkId)
  const left = [...old]
  const kept: PortAddress[] = []
  const missing: IpWish[] = []
  for (const wish of byNamed(wishes)) {
    const place = left.findIndex(
      (each) =>
        (wish.ipAddress === undefined || each.ipAddress === wish.ipAddress) &&
        (wish.subnetId === undefined || each.subnetId === wish.subnetId),
    )
    if (place >= 0) kept.push(...left.splice(place, 1))
    else missing.push(wish)
  }
  if (left.length > 0)
    await store.releaseAddresses(
      work.tx,
      port.networkId,
      left.map((each) => each.ipAddress),
    )
  for (const wish of missing) kept.push(await allocateWish(work, port, subnets, wish))
  return kept
}

/** A new SLAAC subnet gives each port of the network its address, routers' and DHCP's own apart. */
export async function addAutomaticAddresses(work: Work, row: Subnet): Promise<void> {
  for (const port of await portsOfNetwork(work.tx, row.networkId)) {
    if (isNetworkDevice(port.deviceOwner)) continue
    await takeAutomatic(work, port, row)
    work.changes.ports.add(port.id)
    noteDhcp(work.changes, row.networkId, port.id)
  }
}

async function allocateByDefault(
  work: Work,
  port: AddressedPort,
  all: readonly Subnet[],
): Promise<PortAddress[]> {
  const subnets = suitable(all, port.deviceOwner)
  const given: PortAddress[] = []
  for (const version of [4, 6]) {
    const candidates = subnets.filter((each) => each.ipVersion === version && !isAutomatic(each))
    if (candidates.length === 0) continue
    const found = await firstFree(work, port, candidates)
    if (!found) throw exhausted(port.networkId)
    given.push(found)
  }
  for (const each of subnets.filter(isAutomatic)) given.push(await takeAutomatic(work, port, each))
  return given
}

/** Subnets kept for this kind of device come before those for all. */
function suitable(subnets: readonly Subnet[], deviceOwner: string): Subnet[] {
  const kept = subnets.filter((each) => deviceOwner !== '' && each.serviceTypes.includes(deviceOwner))
  return kept.length > 0 ? kept : subnets.filter((each) => each.serviceTypes.length === 0)
}

async function allocateWish(
  work: Work,
  port: AddressedPort,
  subnets: readonly Subnet[],
  wish: IpWish,
): Promise<PortAddress> {
  if (wish.subnetId !== undefined) {
    const row = subnets.find((each) => each.id === wish.subnetId)
    if (!row)
      throw invalidInput(
        `Failed to create port on network ${port.networkId}, because fixed_ips included invalid subnet ${wish.subnetId}`,
      )
    if (wish.ipAddress !== undefined) return takeNamed(work, port, row, wish.ipAddress)
    if (isAutomatic(row) && !isNetworkDevice(port.deviceOwner)) return takeAutomatic(work, port, row)
    const found = await firstFree(work, port, [row])
    if (!found) throw exhausted(port.networkId)
    return found
  }
  const wanted = address(wish.ipAddress!)
  const row = subnets.find((each) => cidrHas(cidr(each.cidr), wanted))
  if (!row)
    throw new CloudError(
      'badRequest',
      `IP address ${wish.ipAddress} is not a valid IP for any of the subnets on the specified network.`,
      { type: 'InvalidIpForNetwork' },
    )
  return takeNamed(work, port, row, wish.ipAddress!)
}

async function takeNamed(
  work: Work,
  port: AddressedPort,
  row: Subnet,
  ipAddress: string,
): Promise<PortAddress> {
  const net = cidr(row.cidr)
  const wanted = address(ipAddress)
  // A router may stand on the first address of an IPv6 prefix; version 4 has none to spare there.
  if (!cidrHas(net, wanted) || (net.version === 4 && !rangeHas(hostRange(net), wanted)))
    throw new CloudError(
      'badRequest',
      `IP address ${ipAddress} is not a valid IP for the specified subnet.`,
      {
        type: 'InvalidIpForSubnet',
      },
    )
  if (isAutomatic(row) && !isNetworkDevice(port.deviceOwner)) {
    if (ipAddress === formatAddress(slaacAddress(net, port.macAddress))) return takeAutomatic(work, port, row)
    throw new CloudError(
      'badRequest',
      `IPv6 address ${ipAddress} cannot be directly assigned to a port on subnet ${row.id} as the subnet is configured for automatic addresses`,
      { type: 'AllocationOnAutoAddressSubnet' },
    )
  }
  if (await take(work, port, row, ipAddress)) return { subnetId: row.id, ipAddress }
  throw new CloudError('conflict', `IP address ${ipAddress} already allocated in subnet ${row.id}.`, {
    type: 'IpAddressAlreadyAllocated',
  })
}

async function takeAutomatic(work: Work, port: AddressedPort, row: Subnet): Promise<PortAddress> {
  const ipAddress = formatAddress(slaacAddress(cidr(row.cidr), port.macAddress))
  if (await take(work, port, row, ipAddress)) return { subnetId: row.id, ipAddress }
  const holder = await store.findAddress(work.tx, row.networkId, ipAddress)
  if (holder?.portId === port.id) return { subnetId: row.id, ipAddress }
  throw new CloudError('conflict', `IP address ${ipAddress} already allocated in subnet ${row.id}.`, {
    type: 'IpAddressAlreadyAllocated',
  })
}

/** Addresses looked at in one query; more in each further one, where all before were taken. */
const window = { first: 16, growth: 4, most: 1024 }

/**
 * The next address of the pools that nobody has, going on from the one given last and round the end: an address that
 * was just given back is not given to somebody else at once. What is looked at grows with the addresses taken in a
 * row, not with the size of the pools.
 */
async function firstFree(
  work: Work,
  port: AddressedPort,
  subnets: readonly Subnet[],
): Promise<PortAddress | undefined> {
  const { nextAddress } = work.app
  const pools = await store.poolsOf(
    work.tx,
    subnets.map((each) => each.id),
  )
  for (const row of subnets) {
    const ranges = tidyRanges(pools.get(row.id)!.map(({ start, end }) => range(start, end)))
    const size = countAddresses(ranges)
    const known = nextAddress.get(row.id) ?? 0n
    const start = known < size ? known : 0n
    const found =
      (await searchFrom(work, port, row, ranges, start, size)) ??
      (await searchFrom(work, port, row, ranges, 0n, start))
    if (!found) continue
    nextAddress.set(row.id, found.place + 1n)
    return { subnetId: row.id, ipAddress: found.ipAddress }
  }
  return undefined
}

/** Places are counted through the ranges, from `first` on and before `end`. */
async function searchFrom(
  work: Work,
  port: AddressedPort,
  row: Subnet,
  ranges: readonly IpRange[],
  first: bigint,
  end: bigint,
): Promise<{ place: bigint; ipAddress: string } | undefined> {
  let length = window.first
  for (let place = first; place < end; ) {
    const candidates: { place: bigint; ipAddress: string }[] = []
    for (; place < end && candidates.length < length; place++)
      candidates.push({ place, ipAddress: formatAddress(addressAt(ranges, place)!) })
    const taken = await store.takenAmong(
      work.tx,
      row.networkId,
      candidates.map((each) => each.ipAddress),
    )
    for (const each of candidates)
      if (!taken.has(each.ipAddress) && (await take(work, port, row, each.ipAddress))) return each
    length = Math.min(length * window.growth, window.most)
  }
  return undefined
}

const take = ({ tx }: Work, port: AddressedPort, row: Subnet, ipAddress: string) =>
  store.takeAddress(tx, { portId: port.id, ipAddress, subnetId: row.id, networkId: port.networkId })

function exhausted(networkId: string): CloudError {
  return new CloudError('conflict', `No more IP addresses available on network ${networkId}.`, {
    type: 'IpAddressGenerationFailure',
  })
}

function checkCount({ app }: Work, count: number): void {
  if (count > app.config.maxFixedIps) throw invalidInput('Exceeded maximum amount of fixed ips per port.')
}

function byNamed(wishes: readonly IpWish[]): IpWish[] {
  return [...wishes].sort((a, b) => Number(b.ipAddress !== undefined) - Number(a.ipAddress !== undefined))
}
