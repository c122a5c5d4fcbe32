// What other services ask of images. Agents that need the bytes themselves read GET /v2/images/:id/file.
import { restClient } from '#kit/http/client.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { Platform } from '#kit/service/platform.ts'

/** Sizes: `size` in bytes, `minRam` in MiB, `minDisk` in GiB. */
export type ImageFacts = {
  id: string
  name: string | null
  status: string
  size: number | null
  minRam: number
  minDisk: number
  diskFormat: string | null
  containerFormat: string | null
  visibility: string
  owner: string | null
  tags: string[]
  /** All that is no attribute of images' own: architecture, hw_disk_bus, os_type, ... */
  properties: Record<string, string>
}

const own = new Set(
  (
    'id name status size virtual_size min_ram min_disk disk_format container_format visibility owner tags checksum ' +
    'os_hash_algo os_hash_value os_hidden protected created_at updated_at self file schema stores direct_url locations'
  ).split(' '),
)

export type ImageClient = ReturnType<typeof imageClient>

export function imageClient({ platform, journal }: { platform: Platform; journal: Journal }) {
  const rest = restClient({
    http: platform.http,
    journal,
    baseUrl: () => platform.endpoint('image'),
    peer: 'glance-api',
  })
  return {
    /** Throws 'notFound' where the token's project may not see it. */
    async getImage(trace: Trace, token: string, id: string, subject?: string): Promise<ImageFacts> {
      const { body } = await rest.request<Record<string, unknown>>(trace, token, 'GET', '/v2/images/:id', {
        params: { id },
        subject,
      })
      return imageFacts(body)
    },
  }
}

function imageFacts(body: Record<string, unknown>): ImageFacts {
  const text = (value: unknown) => (typeof value === 'string' ? value : null)
  const number = (value: unknown) => (typeof value === 'number' ? value : null)
  return {
    id: String(body.id),
    name: text(body.name),
    status: String(body.status),
    size: number(body.size),
    minRam: number(body.min_ram) ?? 0,
    minDisk: number(body.min_disk) ?? 0,
    diskFormat: text(body.disk_format),
    containerFormat: text(body.container_format),
    visibility: String(body.visibility),
    owner: text(body.owner),
    tags: Array.isArray(body.tags) ? body.tags.map(String) : [],
    properties: Object.fromEntries(
      Object.entries(body).flatMap(([name, value]) =>
        own.has(name) || typeof value !== 'string' ? [] : [[name, value]],
      ),
    ),
  }
}
