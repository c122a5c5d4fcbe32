// The end of a port, with all that hangs on it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { isComputePort, type Port } from '../resources/port.ts'
import { findNetwork } from '../store/network.ts'
import * as ports from '../store/port.ts'
import { groupsOfPorts } from '../store/security-group.ts'
import { noteMove } from './binding.ts'
import { noteDhcp, notePort, type Work } from './change.ts'
import { releaseFloatingIps } from './floating-release.ts'

/** Ports that belong to a router or a floating IP go with it and not by themselves. */
const owned = ['network:router_interface', 'network:router_gateway', 'network:floatingip']

export function refuseServicePort(row: Port): void {
  if (!owned.includes(row.deviceOwner) || row.deviceId === '') return
  throw new CloudError(
    'conflict',
    `Port ${row.id} cannot be deleted directly via the port API: has device owner ${row.deviceOwner}.`,
    { type: 'ServicePortInUse' },
  )
}

export async function removePort(work: Work, row: Port): Promise<void> {
  const { app, tx, trace, changes } = work
  const network = await findNetwork(tx, row.networkId)
  await releaseFloatingIps(work, row.id)
  for (const each of await groupsOfPorts(tx, [row.id]))
    notePort(changes.members, each.securityGroupId, row.id)
  if (network) noteMove(work, network, row.id, row.hostId, '')
  await ports.deletePort(tx, row.id)
  noteDhcp(changes, row.networkId)
  if (isComputePort(row))
    changes.events.push({ name: 'network-vif-deleted', serverId: row.deviceId, portId: row.id })
  app.journal.record(trace, { kind: 'db', name: 'port.delete', subject: `port:${row.id}` })
}
