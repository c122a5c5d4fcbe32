// Ranges of addresses as sets: allocation pools, what a subnet has free, what an option needs split.
// Both ends are included. A list of ranges is a set; `tidyRanges` gives its one ordered form.
import { CloudError } from '../errors/cloud-error.ts'
import { address, formatAddress, type IpAddress, type IpVersion } from './address.ts'
import { type Cidr, hostRange } from './cidr.ts'

export type IpRange = { readonly version: IpVersion; readonly first: bigint; readonly last: bigint }

/** Throws 'badRequest' on a bad address or two versions; an end before its start holds none (see rangeIsValid). */
export function range(start: string, end: string): IpRange {
  const first = address(start)
  const last = address(end)
  if (first.version !== last.version)
    throw new CloudError('badRequest', `${start} and ${end} are of different IP versions`)
  return { version: first.version, first: first.value, last: last.value }
}

export function rangeIsValid(given: IpRange): boolean {
  return given.first <= given.last
}

export function formatRange(given: IpRange): { start: string; end: string } {
  return {
    start: formatAddress({ version: given.version, value: given.first }),
    end: formatAddress({ version: given.version, value: given.last }),
  }
}

export function rangeHas(given: IpRange, ip: IpAddress): boolean {
  return given.version === ip.version && given.first <= ip.value && ip.value <= given.last
}

export function rangesOverlap(a: IpRange, b: IpRange): boolean {
  return a.version === b.version && a.first <= b.last && b.first <= a.last
}

export function rangeCovers(outer: IpRange, inner: IpRange): boolean {
  return outer.version === inner.version && outer.first <= inner.first && inner.last <= outer.last
}

function rangeSize(given: IpRange): bigint {
  return given.last < given.first ? 0n : given.last - given.first + 1n
}

/** Ordered, without overlaps, neighbours joined, empty ones dropped. */
export function tidyRanges(given: readonly IpRange[]): IpRange[] {
  const ordered = given
    .filter((one) => one.first <= one.last)
    .sort((a, b) => a.version - b.version || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))
  const tidy: IpRange[] = []
  for (const next of ordered) {
    const before = tidy.at(-1)
    if (before && before.version === next.version && next.first <= before.last + 1n) {
      if (next.last > before.last) tidy[tidy.length - 1] = { ...before, last: next.last }
    } else tidy.push(next)
  }
  return tidy
}

/** What is in `from` and not in `taken`. */
export function subtractRanges(from: readonly IpRange[], taken: readonly IpRange[]): IpRange[] {
  let left = tidyRanges(from)
  for (const hole of tidyRanges(taken)) {
    left = left.flatMap((one) => {
      if (!rangesOverlap(one, hole)) return [one]
      const before = { ...one, last: hole.first - 1n }
      const after = { ...one, first: hole.last + 1n }
      return [before, after].filter((part) => part.first <= part.last)
    })
  }
  return left
}

export function countAddresses(given: readonly IpRange[]): bigint {
  return tidyRanges(given).reduce((sum, one) => sum + rangeSize(one), 0n)
}

/** The n-th address of the set, from 0; undefined past its end. Lets a caller pick at random without a list. */
export function addressAt(given: readonly IpRange[], n: bigint): IpAddress | undefined {
  let left = n
  for (const one of tidyRanges(given)) {
    if (left < rangeSize(one)) return { version: one.version, value: one.first + left }
    left -= rangeSize(one)
  }
  return undefined
}

export function rangesOfAddresses(ips: readonly IpAddress[]): IpRange[] {
  return tidyRanges(ips.map((ip) => ({ version: ip.version, first: ip.value, last: ip.value })))
}

/** What a subnet allocates from when nobody says: every host address but the gateway. */
export function defaultPools(net: Cidr, gateway: IpAddress | undefined): IpRange[] {
  return subtractRanges([hostRange(net)], gateway ? rangesOfAddresses([gateway]) : [])
}
