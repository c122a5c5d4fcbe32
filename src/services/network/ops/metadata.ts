// Whose address asks for metadata: exactly one port, or none (row 214).
import type { MetadataPort } from '#contracts/network-agent.ts'
import type { Db } from '#kit/db/database.ts'
import { formatAddress, parseAddress } from '#kit/net/address.ts'
import { dhcpHostOf, routerHostOf } from '../store/agent.ts'
import { portsAt, routedNetworks } from '../store/port.ts'

export async function metadataPort(
  db: Db,
  asked: { host?: string; networkId: string | null; routerId: string | null; ip: string },
): Promise<MetadataPort['port']> {
  if (asked.host !== undefined && (await servingHost(db, asked)) !== asked.host) return null
  const parsed = parseAddress(asked.ip)
  if (!parsed) return null
  const networkIds =
    asked.networkId !== null
      ? [asked.networkId]
      : asked.routerId !== null
        ? await routedNetworks(db, asked.routerId)
        : []
  if (networkIds.length === 0) return null
  const found = await portsAt(db, networkIds, formatAddress(parsed))
  const [only] = found
  if (!only || found.length > 1) return null
  return { portId: only.id, instanceId: only.deviceId, tenantId: only.projectId }
}

/** Whose haproxy a guest's question comes through. */
async function servingHost(
  db: Db,
  { networkId, routerId }: { networkId: string | null; routerId: string | null },
): Promise<string | undefined> {
  if (networkId !== null) return dhcpHostOf(db, networkId)
  return routerId === null ? undefined : routerHostOf(db, routerId)
}
