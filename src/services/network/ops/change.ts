// One change of the network's state: a transaction, and at its end, inside it, everything that follows from the change:
// generations of ports, hosts, networks and routers rise, compute's events are noted; after the commit agents are nudged.
import type { Transaction } from '#kit/db/database.ts'
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Trace } from '#kit/journal/journal.ts'
import type { NetworkApp } from '../app.ts'
import type { EventName } from '../resources/event.ts'
import * as agents from '../store/agent.ts'
import { insertEvents } from '../store/event.ts'
import { routersOfPorts } from '../store/router.ts'
import * as groups from '../store/security-group.ts'
import * as wiring from '../store/wiring.ts'

/** Ids of ports by the id of what they belong to. */
export type PortsOf = Map<string, Set<string>>

export type Changes = {
  /** Ports whose wiring changed. */
  readonly ports: Set<string>
  /** Hosts that have a port less, or other facts beside their ports. */
  readonly hosts: Set<string>
  /** By group, ports that joined it, left it or changed their addresses there: hosts with rules that name it look again. */
  readonly members: PortsOf
  /** Groups whose rules changed. */
  readonly groupRules: Set<string>
  /** By tunnelled network, ports that came to a host, left one or changed their addresses: the others send elsewhere. */
  readonly located: PortsOf
  /** Networks of which the DHCP agent should learn, with the ports that wait for it. */
  readonly dhcp: PortsOf
  readonly routers: Set<string>
  readonly events: { name: EventName; serverId: string; portId: string }[]
}

export type Work = {
  readonly app: NetworkApp
  readonly tx: Transaction
  readonly trace: Trace
  readonly changes: Changes
}

export function perform<T>(
  at: { app: NetworkApp; trace: Trace },
  work: (work: Work) => Promise<T>,
): Promise<T> {
  const { app, trace } = at
  return app.db.transaction(async (tx) => {
    const changes: Changes = {
      ports: new Set(),
      hosts: new Set(),
      members: new Map(),
      groupRules: new Set(),
      located: new Map(),
      dhcp: new Map(),
      routers: new Set(),
      events: [],
    }
    const held = { app, tx, trace, changes }
    const result = await work(held)
    await settle(held)
    return result
  })
}

export function notePort(of: PortsOf, id: string, portId: string): void {
  const ports = of.get(id)
  if (ports) ports.add(portId)
  else of.set(id, new Set([portId]))
}

/** The DHCP agent of the network should look again; `portId` waits until it has. */
export function noteDhcp(changes: Changes, networkId: string, portId?: string): void {
  const ports = changes.dhcp.get(networkId) ?? new Set()
  if (portId) ports.add(portId)
  changes.dhcp.set(networkId, ports)
}

async function settle(work: Work): Promise<void> {
  const { tx, changes } = work
  if (changes.groupRules.size > 0)
    for (const id of await groups.portsOfGroups(tx, [...changes.groupRules])) changes.ports.add(id)
  if (changes.ports.size > 0)
    for (const host of await wiring.raisePorts(tx, [...changes.ports])) changes.hosts.add(host)
  if (changes.ports.size > 0)
    for (const id of await routersOfPorts(tx, [...changes.ports])) changes.routers.add(id)
  for (const routerId of changes.routers) changes.hosts.add((await agents.routerHostOf(tx, routerId)) ?? '')
  changes.hosts.delete('')
  // In one order for everybody, so that two transactions never wait for each other's rows.
  for (const host of [...changes.hosts].sort()) await settleHost(work, host)
  await settleSets(work)
  for (const [networkId, portIds] of [...changes.dhcp].sort()) await settleDhcp(work, networkId, portIds)
  for (const routerId of [...changes.routers].sort()) await settleRouter(work, routerId)
  await settleEvents(work)
}

async function settleHost(work: Work, host: string): Promise<void> {
  const { app, trace } = work
  const generation = await wiring.raiseHost(work.tx, host, app.world.clock.now())
  nudge(work, host, () => app.l2Agents.wiringChanged({ generation }, { host, trace }))
}

/** Hosts that serve a network answer its new guests' first questions: they don't wait until it is their turn to be told. */
async function settleSets(work: Work): Promise<void> {
  const { app, tx, trace, changes } = work
  const { located, members } = changes
  if (located.size + members.size === 0) return
  const now = app.world.clock.now()
  for (const [networkId, portIds] of [...located].sort(byId))
    app.recent.note(networkId, await wiring.raiseLocated(tx, networkId, now), portIds)
  for (const [groupId, portIds] of [...members].sort(byId))
    app.recent.note(groupId, await wiring.raiseMembers(tx, groupId, now), portIds)
  const told = new Set(changes.hosts)
  for (const host of await wiring.hostsServing(tx, [...located.keys()])) {
    if (told.has(host)) continue
    told.add(host)
    nudge(work, host, () => app.l2Agents.wiringChanged({ generation: 0 }, { host, trace }))
  }
  tx.afterCommit(() => app.spread({ networkIds: located.keys(), groupIds: members.keys(), told }))
}

const byId = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1)

/** The answers to DHCP and L3 agents carry the host's generation, too; its wiring need not be looked at for that. */
async function raiseQuietly({ app, tx, changes }: Work, host: string): Promise<void> {
  if (!changes.hosts.has(host)) await wiring.raiseHost(tx, host, app.world.clock.now())
}

async function settleDhcp(work: Work, networkId: string, portIds: Set<string>): Promise<void> {
  const { app, trace } = work
  const generation = await wiring.raiseDhcp(work.tx, networkId)
  if (generation === undefined) return
  if (portIds.size > 0) await wiring.waitForDhcp(work.tx, [...portIds], generation)
  const host = await agents.dhcpHostOf(work.tx, networkId)
  if (host === undefined) return
  await raiseQuietly(work, host)
  const subject = `network:${networkId}`
  nudge(work, host, () => app.dhcpAgents.networkChanged({ networkId }, { host, trace, subject }))
}

async function settleRouter(work: Work, routerId: string): Promise<void> {
  const { app, trace } = work
  await wiring.raiseRouter(work.tx, routerId)
  const host = await agents.routerHostOf(work.tx, routerId)
  if (host === undefined) return
  await raiseQuietly(work, host)
  const subject = `router:${routerId}`
  nudge(work, host, () => app.l3Agents.routerChanged({ routerId }, { host, trace, subject }))
}

async function settleEvents({ app, tx, trace, changes }: Work): Promise<void> {
  if (changes.events.length === 0) return
  await insertEvents(tx, changes.events, app.world.clock.now(), trace)
  tx.afterCommit(app.nudgeEvents)
}

/** Lost nudges only delay: agents look by themselves from time to time. */
export function nudge({ app, tx }: Work, host: string, send: () => Promise<unknown>): void {
  tx.afterCommit(() => {
    void app.world.activity
      .track(send())
      .catch((error) => app.log.debug({ host, error: fullMessage(error) }, 'an agent could not be nudged'))
  })
}
