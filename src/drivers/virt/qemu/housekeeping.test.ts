// What keeps a host's disk from filling up: console logs that are cut, base images that are removed, orphans swept.
import { appendFile, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '#kit/log/log.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { GuestSpec } from '../driver.ts'
import { openImageCache } from './cache.ts'
import { cutConsole, readConsole } from './console.ts'
import type { Host } from './host.ts'
import { openLayout } from './layout.ts'
import { updateRecord } from './record.ts'
import { sweep } from './sweep.ts'

const id = '7dcd2a0a-0b73-4a2a-b8c6-b4b1f5a1d0ad'
const image = { id: '5c242396-3c7b-4bc6-bec1-3df8eb57d53d', diskFormat: 'raw', sizeBytes: 5 }
const day = 24 * 3_600_000

describe('housekeeping', () => {
  let folder: string
  let host: Host
  let world: ReturnType<typeof virtualWorld>

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nimbo-hk-'))
    world = virtualWorld({ now: Date.now() })
    host = { world, log: silentLog, name: 'node1', layout: openLayout(folder) }
    for (const path of [host.layout.baseFolder, host.layout.lockFolder, host.layout.guest(id).folder])
      await world.files.makeFolder(path)
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('keeps the end of a console log that grew too long, while its writer writes on', async () => {
    const path = host.layout.guest(id).console
    const writer = await open(path, 'a')
    await writer.write('x'.repeat(9 * 2 ** 20))
    await writer.write('the end\n')
    await cutConsole(host, id)
    await writer.write('and on\n')
    await writer.close()
    expect((await world.files.info(path))?.size).toBeLessThan(2 ** 20 + 100)
    expect(await readConsole(host, id, 2)).toMatch(/x{1000}the end\nand on\n$/)
  })

  it('leaves a short console log alone, and shows at most 100 KiB of it', async () => {
    await appendFile(host.layout.guest(id).console, 'line\n'.repeat(40_000))
    await cutConsole(host, id)
    expect((await world.files.info(host.layout.guest(id).console))?.size).toBe(200_000)
    expect(await readConsole(host, id, undefined)).toHaveLength(102_400)
    expect(await readConsole(host, id, 2)).toBe('line\nline\n')
  })

  const fetch = (cache: ReturnType<typeof openImageCache>) =>
    cache.ensure(image, undefined, { image: { open: async () => Readable.from([Buffer.from('hello')]) } })
  const bases = () => readdir(host.layout.baseFolder)

  it('removes a base image a day after its last use, not before', async () => {
    const cache = openImageCache(host)
    await fetch(cache)
    await world.advance(day - 1000)
    await fetch(cache)
    await world.advance(2000)
    await cache.prune()
    expect(await bases()).toHaveLength(1)
    await world.advance(day)
    await cache.prune()
    expect(await bases()).toEqual([])
  })

  it('keeps a base image for as long as a guest has it', async () => {
    const cache = openImageCache(host)
    await fetch(cache)
    const spec = { id, image } as GuestSpec
    await updateRecord(host, id, () => ({ spec, hasConfigDrive: false, booted: true }))
    await world.advance(30 * day)
    await cache.prune()
    expect(await bases()).toHaveLength(1)
  })

  it('sweeps what a dead process left, and nothing of a living one or of others', async () => {
    const ours = [`_base/abc.of-node1-999999999-1`, `locks/nova-abc.of-node1-999999999-1`]
    const others = ['_base/abc.of-node2-999999999-1', '_base/mine.img']
    for (const path of [...ours, ...others]) await writeFile(join(folder, path), '')
    await writeFile(join(folder, 'locks/nova-abc'), '{"host":"node1","pid":999999999,"ticks":1}')
    await writeFile(join(folder, 'locks/nova-def'), '{"host":"node2","pid":999999999,"ticks":1}')
    await writeFile(`${host.layout.guest(id).record}.new`, '{"half')
    const foreign = join(folder, 'da0e8cfc-0000-4000-8000-000000000000')
    await world.files.makeFolder(foreign)
    await writeFile(join(foreign, 'precious'), '')
    await sweep(host)
    const left = (await readdir(folder, { recursive: true })).sort()
    expect(left).toEqual(
      [
        '_base',
        'locks',
        'locks/nova-def',
        'da0e8cfc-0000-4000-8000-000000000000',
        'da0e8cfc-0000-4000-8000-000000000000/precious',
        ...others,
      ].sort(),
    )
  })
})
