// Volumes and images: made, made larger, uploaded, deleted.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Stage } from '../stage.ts'
import type { OperationKind, Row } from './operation.ts'

async function volumeNamed(
  stage: Stage,
  name: string,
): Promise<(Row & { status: string; size: number }) | undefined> {
  const path = `/volumes/detail?name=${name}`
  const { volumes } = await stage.ask<{ volumes: (Row & { status: string; size: number })[] }>(
    'block-storage',
    { path },
  )
  if (volumes.length > 1) throw new Error(`${name} was made ${volumes.length} times`)
  return volumes[0]
}
const makeVolume = (stage: Stage, name: string) =>
  stage.admin.call<{ volume: Row }>('block-storage', {
    method: 'POST',
    path: '/volumes',
    body: { volume: { name, size: 1 } },
  })
const madeVolume = async (stage: Stage, name: string): Promise<string> => {
  const { volume } = await makeVolume(stage, name)
  await stage.until(
    'the volume is there',
    async () => (await volumeNamed(stage, name))?.status === 'available',
  )
  return volume.id
}
export const volumeCreate: OperationKind = {
  spanMs: 250,
  events: ['schedule', 'order', 'settle'].map((step) => `volume-create.${step}`),
  async open(stage, name) {
    let id: string | undefined
    return {
      subject: () => id && `volume:${id}`,
      async begin() {
        id = (await makeVolume(stage, name)).volume.id
      },
      async ended() {
        const volume = await volumeNamed(stage, name)
        if (!volume || volume.status === 'error') return 'undone'
        return volume.status === 'available' ? 'done' : undefined
      },
    }
  },
}
export const volumeDelete: OperationKind = {
  spanMs: 250,
  events: ['order', 'await', 'forget'].map((step) => `volume-delete.${step}`),
  async open(stage, name) {
    const id = await madeVolume(stage, name)
    return {
      subject: () => `volume:${id}`,
      begin: async () =>
        void (await stage.admin.call('block-storage', { method: 'DELETE', path: `/volumes/${id}` })),
      async ended() {
        const volume = await volumeNamed(stage, name)
        if (!volume) return 'done'
        return ['available', 'error_deleting'].includes(volume.status) ? 'undone' : undefined
      },
    }
  },
}
export const volumeExtend: OperationKind = {
  spanMs: 250,
  events: ['order', 'settle'].map((step) => `volume-extend.${step}`),
  async open(stage, name) {
    const id = await madeVolume(stage, name)
    return {
      subject: () => `volume:${id}`,
      begin: async () =>
        void (await stage.admin.call('block-storage', {
          method: 'POST',
          path: `/volumes/${id}/action`,
          body: { 'os-extend': { new_size: 2 } },
        })),
      async ended() {
        const volume = await volumeNamed(stage, name)
        if (!volume || !['available', 'error_extending', 'error'].includes(volume.status)) return undefined
        return volume.size === 2 ? 'done' : 'undone'
      },
    }
  },
}

const imageNamed = async (stage: Stage, name: string) =>
  (await stage.ask<{ images: (Row & { status: string })[] }>('image', { path: `/v2/images?name=${name}` }))
    .images[0]
const makeImage = async (stage: Stage, name: string, content: Buffer): Promise<string> => {
  const body = { name, disk_format: 'raw', container_format: 'bare' }
  const { id } = await stage.admin.call<Row>('image', { method: 'POST', path: '/v2/images', body })
  await stage.admin.call('image', {
    method: 'PUT',
    path: `/v2/images/${id}/file`,
    headers: { 'content-type': 'application/octet-stream' },
    body: Readable.from(slices(content)),
  })
  return id
}
function* slices(content: Buffer) {
  for (let at = 0; at < content.length; at += 2 ** 18) yield content.subarray(at, at + 2 ** 18)
}
export const imageUpload: OperationKind = {
  spanMs: 400,
  events: [],
  async open(stage, name) {
    const content = Buffer.alloc(24 * 2 ** 20, createHash('sha256').update(name).digest())
    return {
      subject: () => undefined,
      begin: async () => void (await makeImage(stage, name, content)),
      async ended() {
        const image = await imageNamed(stage, name)
        if (!image || image.status === 'queued') return 'undone'
        return image.status === 'active' ? 'done' : undefined
      },
      async works() {
        const { id, os_hash_value: hash } = (await imageNamed(stage, name))!
        const wanted = createHash('sha512').update(content).digest('hex')
        const kept = await stage.fileHash(`image/images/${id}`)
        return hash === wanted && (kept === undefined || kept === wanted)
      },
    }
  },
}
export const imageDelete: OperationKind = {
  spanMs: 60,
  events: [],
  async open(stage, name) {
    const id = await makeImage(stage, name, Buffer.alloc(2 ** 20, 1))
    return {
      subject: () => undefined,
      begin: async () =>
        void (await stage.admin.call('image', { method: 'DELETE', path: `/v2/images/${id}` })),
      ended: async () => ((await imageNamed(stage, name)) ? 'undone' : 'done'),
    }
  },
}
