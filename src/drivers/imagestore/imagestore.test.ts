// All image stores under the one suite, and what is each one's own.
import { mkdtempSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import * as http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, it } from 'vitest'
import { httpDownload } from '#kit/http/download.ts'
import { realWorld } from '#kit/world/real.ts'
import type { World } from '#kit/world/world.ts'
import { imageSourceConformance, imageStoreConformance } from './conformance.ts'
import type { ImageStore, ImageStoreOptions } from './driver.ts'
import { loadImageStore } from './load.ts'

const world = realWorld()
const openFileStore = async (inside: World, options: ImageStoreOptions) =>
  (await loadImageStore('file', inside, options)) as ImageStore

imageStoreConformance('file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-imagestore-'))
  return {
    store: await openFileStore(world, { folder }),
    reopen: () => openFileStore(world, { folder }),
    everything: async () => (await readdir(folder, { recursive: true })).sort(),
    dispose: () => rm(folder, { recursive: true }),
  }
})

imageSourceConformance('http', async () => {
  const pages = new Map<string, Buffer>()
  const server = http.createServer((request, response) => {
    const page = pages.get(request.url!)
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
    const part = range ? page?.subarray(Number(range[1]), Number(range[2]) + 1) : page
    response.writeHead(part ? (range ? 206 : 200) : 404, { 'content-length': part?.length ?? 0 })
    response.end(request.method === 'HEAD' ? undefined : part)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  const download = httpDownload(world, { hosts: ['127.0.0.1'], ports: [port], reserved: ['127.0.0.0/8'] })
  return {
    source: await loadImageStore('http', world, { folder: '', download }),
    async place(content) {
      pages.set('/image', content)
      return `http://127.0.0.1:${port}/image`
    },
    nowhere: `http://127.0.0.1:${port}/nothing`,
    dispose: () => new Promise((done) => server.close(() => done())),
  }
})

it('says that the file store is full before the disk is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nimbo-imagestore-'))
  const full: World = {
    ...world,
    files: { ...world.files, space: async () => ({ freeBytes: 1000, totalBytes: 10_000 }) },
  }
  const store = await openFileStore(full, { folder })
  const put = store.put('00000000-0000-4000-8000-000000000000', Readable.from([Buffer.alloc(10)]), {
    limitBytes: 100,
    check: async () => {},
  })
  await expect(put).rejects.toMatchObject({ kind: 'tooLarge', message: expect.stringContaining('full') })
  expect((await readdir(folder, { recursive: true })).sort()).toEqual(['images', 'incoming'])
  await rm(folder, { recursive: true })
})
