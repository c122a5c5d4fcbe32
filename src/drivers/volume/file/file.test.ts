import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { realWorld } from '#kit/world/real.ts'
import { rawSource, volumeConformance } from '../conformance.ts'
import type { VolumeDriver } from '../driver.ts'
import { openFileVolumes } from './file.ts'

function look(path: string) {
  const first = Buffer.alloc(64)
  readSync(openSync(path, 'r'), first, 0, 64, 0)
  return { size: statSync(path).size, first }
}

volumeConformance('file', async () => {
  const root = mkdtempSync(join(tmpdir(), 'nimbo-volume-file-'))
  const folder = join(root, 'volumes')
  return {
    driver: await openFileVolumes(realWorld(), { folder }),
    reopen: () => openFileVolumes(realWorld(), { folder }),
    look: async (path) => look(path),
    dispose: async () => rmSync(root, { recursive: true, force: true }),
  }
})

describe('volumes as files', () => {
  const id = 'aaaaaaaa-0000-4000-8000-000000000001'
  let root: string
  let folder: string
  let driver: VolumeDriver
  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'nimbo-volume-file-'))
    folder = join(root, 'volumes')
    driver = await openFileVolumes(realWorld(), { folder })
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  it('take no room until they are written, and are for their owner alone', async () => {
    await driver.create(id, 10)
    const { size, blocks, mode } = statSync(join(folder, `volume-${id}`))
    expect(size).toBe(10 * 2 ** 30)
    expect(blocks * 512).toBeLessThan(2 ** 20)
    expect(mode & 0o777).toBe(0o600)
  })

  it('are filled from an image in another format', async () => {
    const raw = join(root, 'image.raw')
    const image = join(root, 'image.qcow2')
    writeFileSync(raw, Buffer.alloc(2 ** 20, 'nimbo'))
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, image])
    await driver.create(id, 1, rawSource(readFileSync(image), 'qcow2'))
    const seen = look(join(folder, `volume-${id}`))
    expect(seen.size).toBe(2 ** 30)
    expect(seen.first.toString()).toMatch(/^nimbonimbo/)
  })

  it('refuse an image that is larger inside than the volume, or points at files of the host', async () => {
    const large = join(root, 'large.qcow2')
    execFileSync('qemu-img', ['create', '-f', 'qcow2', large, '2G'])
    await expect(driver.create(id, 1, rawSource(readFileSync(large), 'qcow2'))).rejects.toMatchObject({
      kind: 'tooLarge',
    })
    const pointing = join(root, 'pointing.qcow2')
    execFileSync('qemu-img', ['create', '-f', 'qcow2', '-b', large, '-F', 'qcow2', pointing])
    await expect(driver.create(id, 9, rawSource(readFileSync(pointing), 'qcow2'))).rejects.toThrow()
    expect(await driver.list()).toEqual([])
  })

  it('are never looked for outside their folder', async () => {
    await expect(driver.create('../../etc/passwd', 1)).rejects.toMatchObject({ kind: 'badRequest' })
  })

  it('that were half made when the agent stopped are cleared away at its start', async () => {
    mkdirSync(join(folder, 'incoming'), { recursive: true })
    writeFileSync(join(folder, 'incoming', `${id}.half`), 'half')
    driver = await openFileVolumes(realWorld(), { folder })
    expect(await driver.list()).toEqual([])
    expect(await realWorld().files.list(join(folder, 'incoming'))).toEqual([])
  })
})
