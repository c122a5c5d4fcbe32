// What each bench needs of its project before it measures: no limits, and an image that weighs nothing.
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
