// What the hosts of one process hold in common of their wiring: the same network's thousand ports in a thousand simulated
// hosts are kept once. Nothing that was given out is ever changed.
import type { GroupMember, LocatedPort } from '#contracts/network-agent.ts'

/** Entries kept; beyond, hosts share less and nothing else changes. */
const mostEntries = 100_000

export type WiringShare = {
  /** The same object for ports that are said to be at the same place. */
  located(port: LocatedPort): LocatedPort
  member(member: GroupMember): GroupMember
  /** What `make` gave for this version of the set, here or in another host. */
  of<T>(set: string, version: number, make: () => T): T
}

export function openWiringShare(): WiringShare {
  const located = new Map<string, LocatedPort>()
  const members = new Map<string, GroupMember>()
  const sets = new Map<string, { version: number; value: unknown }>()
  return {
    located: (port) => kept(located, port.portId, port, sameLocation),
    member: (member) => kept(members, `${member.portId} ${member.addresses.join()}`, member, () => true),
    of<T>(set: string, version: number, make: () => T): T {
      const known = sets.get(set)
      if (known?.version === version) return known.value as T
      const value = make()
      if (sets.size >= mostEntries) sets.clear()
      if (known === undefined || known.version < version) sets.set(set, { version, value })
      return value
    },
  }
}

function kept<T>(all: Map<string, T>, key: string, given: T, same: (a: T, b: T) => boolean): T {
  const known = all.get(key)
  if (known !== undefined && same(known, given)) return known
  if (all.size >= mostEntries) all.clear()
  all.set(key, given)
  return given
}

const sameLocation = (a: LocatedPort, b: LocatedPort) =>
  a.mac === b.mac && a.host === b.host && a.peer === b.peer && a.ipAddresses.join() === b.ipAddresses.join()
