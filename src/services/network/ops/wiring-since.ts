// What a host doesn't know yet of what it should have: its own ports where any of them changed, and of the networks and
// groups that these need the members that came, changed or went.
import type { PortWiring, WiringKnown, WiringNews } from '#contracts/network-agent.ts'
import type { Db } from '#kit/db/database.ts'
import { membersByPort } from '../store/security-group.ts'
import { hostGeneration, locatedPorts, locatedVersions, membersVersions } from '../store/wiring.ts'
import type { Recent } from './recent.ts'
import { readOwnPorts } from './wiring.ts'

/** In one transaction: what it gives is what the versions say. */
export async function readWiringSince(tx: Db, recent: Recent, known: WiringKnown): Promise<WiringNews> {
  const generation = await hostGeneration(tx, known.host)
  // A host that was never wired has generation 0, and so has a host that knows nothing.
  const same = generation === known.generation && generation !== 0
  const ports = same ? undefined : await readOwnPorts(tx, known.host)
  const needed = ports
    ? setsOf(ports)
    : { networks: Object.keys(known.networks), groups: Object.keys(known.groups) }
  const networks: WiringNews['networks'] = []
  for (const [networkId, version] of await locatedVersions(tx, needed.networks)) {
    const from = known.networks[networkId] ?? known.others?.networks[networkId] ?? 0
    if (from !== version)
      networks.push({
        networkId,
        version,
        ...(await change(recent, networkId, from, version, (portIds) =>
          locatedPorts(tx, networkId, portIds),
        )),
      })
  }
  const groups: WiringNews['groups'] = []
  for (const [groupId, version] of await membersVersions(tx, needed.groups)) {
    const from = known.groups[groupId] ?? known.others?.groups[groupId] ?? 0
    if (from !== version)
      groups.push({
        groupId,
        version,
        ...(await change(recent, groupId, from, version, (portIds) => membersByPort(tx, groupId, portIds))),
      })
  }
  return { generation, ...(ports && { ports }), networks, groups }
}

function setsOf(ports: readonly PortWiring[]): { networks: string[]; groups: string[] } {
  const groups = ports.flatMap((port) => port.securityRules.flatMap((rule) => rule.remoteGroupId ?? []))
  return { networks: [...new Set(ports.map((port) => port.networkId))], groups: [...new Set(groups)] }
}

async function change<M extends { portId: string }>(
  recent: Recent,
  id: string,
  from: number,
  to: number,
  read: (portIds?: string[]) => Promise<M[]>,
): Promise<{ whole: boolean; ports: M[]; gone: string[] }> {
  const changed = recent.since(id, from, to)
  if (changed === undefined) return { whole: true, ports: await read(), gone: [] }
  const ports = changed.length === 0 ? [] : await read(changed)
  const there = new Set(ports.map((each) => each.portId))
  return { whole: false, ports, gone: changed.filter((portId) => !there.has(portId)) }
}
