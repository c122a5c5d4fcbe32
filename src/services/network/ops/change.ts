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

export type Changes = {
  /** Ports whose wiring changed. */
  readonly ports: Set<string>
  /** Hosts that have a port less, or other facts beside their ports. */
  readonly hosts: Set<string>
  /** Groups whose members' addresses changed: hosts with rules that name them look again. */
  readonly members: Set<string>
  /** Groups whose rules changed. */
  readonly groupRules: Set<string>
  /** Networks that reached a host or left one: who gets their floods changed. */
  readonly spread: Set<string>
  /** Tunnelled networks of which a port came to a host, left one or changed its addresses: the others send it elsewhere. */
  readonly located: Set<string>
  /** Networks of which the DHCP agent should learn, with the ports that wait for it. */
  readonly dhcp: Map<string, Set<string>>
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
      members: new Set(),
      groupRules: new Set(),
      spread: new Set(),
      located: new Set(),
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
  if (changes.spread.size > 0)
    for (const id of await wiring.boundPortsOf(tx, [...changes.spread])) changes.ports.add(id)
  if (changes.ports.size > 0)
    for (const host of await wiring.raisePorts(tx, [...changes.ports])) changes.hosts.add(host)
  if (changes.located.size > 0)
    for (const hosts of (await wiring.hostsOfNetworks(tx, [...changes.located])).values())
      for (const host of hosts) changes.hosts.add(host)
  if (changes.members.size > 0)
    for (const host of await groups.hostsNaming(tx, [...changes.members])) changes.hosts.add(host)
  if (changes.ports.size > 0)
    for (const id of await routersOfPorts(tx, [...changes.ports])) changes.routers.add(id)
  for (const routerId of changes.routers) changes.hosts.add((await agents.routerHostOf(tx, routerId)) ?? '')
  changes.hosts.delete('')
  // In one order for everybody, so that two transactions never wait for each other's rows.
  for (const host of [...changes.hosts].sort()) await settleHost(work, host)
  for (const [networkId, portIds] of [...changes.dhcp].sort()) await settleDhcp(work, networkId, portIds)
  for (const routerId of [...changes.routers].sort()) await settleRouter(work, routerId)
  await settleEvents(work)
}

async function settleHost(work: Work, host: string): Promise<void> {
  const { app, trace } = work
  const generation = await wiring.raiseHost(work.tx, host)
  nudge(work, host, () => app.l2Agents.wiringChanged({ generation }, { host, trace }))
}

/** The answers to DHCP and L3 agents carry the host's generation, too; its wiring need not be looked at for that. */
async function raiseQuietly({ tx, changes }: Work, host: string): Promise<void> {
  if (!changes.hosts.has(host)) await wiring.raiseHost(tx, host)
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
