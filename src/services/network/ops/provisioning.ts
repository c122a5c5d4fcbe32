// When a port becomes ACTIVE: its host has wired it, and the DHCP agent that serves it knows it. Compute is told.
import { isComputePort, type Port, type PortStatus } from '../resources/port.ts'
import * as agents from '../store/agent.ts'
import { findNetwork } from '../store/network.ts'
import * as ports from '../store/port.ts'
import { isAlive } from './alive.ts'
import { rebindWired } from './binding.ts'
import type { Work } from './change.ts'

/** False where the port is gone, bound elsewhere, or wired as it was before its newest change. */
export async function markWired(
  work: Work,
  given: { host: string; portId: string; generation: number },
): Promise<boolean> {
  const row = await ports.findPort(work.tx, given.portId)
  if (!row || row.hostId !== given.host || row.wiringGeneration !== given.generation) return false
  if (!row.wired) await ports.updatePort(work.tx, row.id, { wired: true })
  await rebindWired(work, row)
  await activateWhenReady(work, { ...row, wired: true })
  return true
}

export async function markUnwired(work: Work, given: { host: string; portId: string }): Promise<boolean> {
  const row = await ports.findPort(work.tx, given.portId)
  if (!row || row.hostId !== given.host) return false
  await ports.updatePort(work.tx, row.id, { wired: false })
  await setStatus(work, row, 'DOWN')
  return true
}

/** The agent has all hosts of this generation in its files: those that waited for it go on. */
export async function markDhcpReady(
  work: Work,
  given: { host: string; networkId: string; generation: number },
): Promise<void> {
  const { tx } = work
  const network = await findNetwork(tx, given.networkId)
  if (!network || (await agents.dhcpHostOf(tx, network.id)) !== given.host) return
  const known = Math.min(given.generation, network.dhcpGeneration)
  if (known <= network.dhcpReadyGeneration) return
  await ports.setDhcpReady(tx, network.id, known)
  await activateWaiting(work, network.id)
}

/** Ports that are wired but not ACTIVE: what they waited for may be there, or will never come. */
export async function activateWaiting(work: Work, networkId: string): Promise<void> {
  for (const row of await ports.waitingPorts(work.tx, networkId)) await activateWhenReady(work, row)
}

async function activateWhenReady(work: Work, row: Port): Promise<void> {
  if (row.status === 'ACTIVE' || !row.adminStateUp || !row.wired) return
  await setStatus(work, row, (await waitsForDhcp(work, row)) ? 'BUILD' : 'ACTIVE')
}

/** Nobody waits for an agent that isn't there. */
async function waitsForDhcp({ app, tx }: Work, row: Port): Promise<boolean> {
  if (row.dhcpGeneration === 0) return false
  const network = await findNetwork(tx, row.networkId)
  if (!network || row.dhcpGeneration <= network.dhcpReadyGeneration) return false
  const agent = await agents.dhcpAgentOf(tx, row.networkId)
  return agent !== undefined && isAlive(app, agent)
}

async function setStatus(work: Work, row: Port, status: PortStatus): Promise<void> {
  if (row.status === status) return
  const { app, tx, changes } = work
  await ports.updatePort(tx, row.id, {
    status,
    revision: row.revision + 1,
    updatedAt: app.world.clock.now(),
  })
  noteStatus(changes, row, row.status, status)
}

export function noteStatus(
  changes: Work['changes'],
  row: Pick<Port, 'id' | 'deviceId' | 'deviceOwner'>,
  before: PortStatus,
  after: PortStatus,
): void {
  if (!isComputePort(row) || before === after) return
  const event = { serverId: row.deviceId, portId: row.id }
  if (after === 'ACTIVE') changes.events.push({ ...event, name: 'network-vif-plugged' })
  else if (before === 'ACTIVE') changes.events.push({ ...event, name: 'network-vif-unplugged' })
}
