// What a simulated cloud holds in its services, as lines to compare: the same before and after means no leak.
import type { Session } from '#cli/openstack.ts'
import { patiently } from './patience.ts'

/** Of the services: servers, their ports, claims and volumes. */
export async function heldByServices(admin: Session): Promise<string[]> {
  const list = <T>(type: string, path: string, key: string) =>
    patiently(async () => (await admin.call<Record<string, T[]>>(type, { path }))[key]!)
  const servers = await list<{ id: string }>('compute', '/servers?all_tenants=1', 'servers')
  const ports = await list<{ id: string; device_owner: string }>('network', '/v2.0/ports', 'ports')
  const volumes = await list<{ id: string; status: string }>(
    'block-storage',
    '/volumes/detail?all_tenants=1',
    'volumes',
  )
  const providers = await list<{ uuid: string }>('placement', '/resource_providers', 'resource_providers')
  const claims: string[] = []
  for (const { uuid } of providers) {
    const path = `/resource_providers/${uuid}/allocations`
    const { allocations } = await patiently(() =>
      admin.call<{ allocations: Record<string, unknown> }>('placement', { path }),
    )
    claims.push(...Object.keys(allocations))
  }
  return [
    ...servers.map(({ id }) => `server ${id}`),
    ...ports.map(({ id, device_owner: owner }) => `port ${id} of ${owner}`),
    ...volumes.map(({ id, status }) => `volume ${id} ${status}`),
    ...claims.map((consumer) => `claim of ${consumer}`),
  ].sort()
}
