// What benches and tests need of a project before they begin: no limits, an image that weighs nothing, a network.
import type { Session } from '#cli/openstack.ts'

export async function liftQuotas(session: Session): Promise<void> {
  await session.call('compute', {
    method: 'PUT',
    path: `/os-quota-sets/${session.projectId}`,
    body: { quota_set: { instances: -1, cores: -1, ram: -1, key_pairs: -1 } },
  })
  await session.call('network', {
    method: 'PUT',
    path: `/v2.0/quotas/${session.projectId}`,
    body: { quota: { port: -1, network: -1, subnet: -1 } },
  })
}

/** Its id. */
export async function uploadBlankImage(session: Session): Promise<string> {
  const image = await session.call<{ id: string }>('image', {
    method: 'POST',
    path: '/v2/images',
    body: { name: 'blank', disk_format: 'raw', container_format: 'bare', visibility: 'public' },
  })
  await session.call('image', {
    method: 'PUT',
    path: `/v2/images/${image.id}/file`,
    body: Buffer.alloc(1024),
    headers: { 'content-type': 'application/octet-stream' },
  })
  return image.id
}

/** Its id. One subnet of IPv4; `subnet` goes into its body. */
export async function makeNetwork(
  session: Session,
  name: string,
  cidr: string,
  subnet: Record<string, unknown> = {},
): Promise<string> {
  const { network } = await session.call<{ network: { id: string } }>('network', {
    method: 'POST',
    path: '/v2.0/networks',
    body: { network: { name } },
  })
  await session.call('network', {
    method: 'POST',
    path: '/v2.0/subnets',
    body: { subnet: { network_id: network.id, ip_version: 4, cidr, ...subnet } },
  })
  return network.id
}
