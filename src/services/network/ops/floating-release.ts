// Floating IPs let go of a fixed port, or of one of its addresses.
import { isComputePort } from '../resources/port.ts'
import * as store from '../store/floating-ip.ts'
import { findPort } from '../store/port.ts'
import type { Work } from './change.ts'

/** Those of the port; with `addresses` only those that point at one of them. */
export async function releaseFloatingIps(
  work: Work,
  portId: string,
  addresses?: readonly string[],
): Promise<void> {
  const { app, tx, changes } = work
  for (const row of await store.floatingIpsOfPort(tx, portId)) {
    if (addresses && !addresses.includes(row.fixedIpAddress!)) continue
    await store.updateFloatingIp(tx, row.id, {
      fixedPortId: null,
      fixedIpAddress: null,
      routerId: null,
      status: 'DOWN',
      revision: row.revision + 1,
      updatedAt: app.world.clock.now(),
    })
    if (row.routerId) changes.routers.add(row.routerId)
    await noteServer(work, portId)
  }
}

/** Compute shows a server's floating addresses. */
export async function noteServer({ tx, changes }: Work, portId: string): Promise<void> {
  const row = await findPort(tx, portId)
  if (row && isComputePort(row))
    changes.events.push({ name: 'network-changed', serverId: row.deviceId, portId })
}
