// The image of the demo: uploaded once, finished when an earlier run was cut off in the middle.
import type { Readable } from 'node:stream'
import { findNamed } from './ensure.ts'
import type { Session } from './openstack.ts'

export type ImageSource = {
  name: string
  format: string
  minRamMegabytes: number
  sizeBytes: number
  open(): Readable
}

type Image = { id: string; name: string; status: string }

/** Returns the image's id. */
export async function ensureImage(
  admin: Session,
  prepare: () => Promise<ImageSource>,
  name: string,
): Promise<string> {
  const found = await findNamed<Image>(admin, 'image', '/v2/images', name)
  if (found?.status === 'active') return found.id
  // Cut off while its bytes came: half an image helps nobody.
  if (found) await admin.call('image', { method: 'DELETE', path: `/v2/images/${found.id}` })
  const source = await prepare()
  const image = await admin.call<Image>('image', {
    method: 'POST',
    path: '/v2/images',
    body: {
      name: source.name,
      disk_format: source.format,
      container_format: 'bare',
      visibility: 'public',
      min_ram: source.minRamMegabytes,
    },
  })
  await admin.call('image', {
    method: 'PUT',
    path: `/v2/images/${image.id}/file`,
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(source.sizeBytes) },
    body: source.open(),
    timeoutMs: 300_000,
  })
  return image.id
}
