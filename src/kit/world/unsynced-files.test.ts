import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { realWorld } from './real.ts'
import { unsyncedFiles } from './unsynced-files.ts'

const world = realWorld()
let folder: string
/** What was asked of the disk itself. */
let synced: string[]
const files = () =>
  unsyncedFiles(
    {
      ...world.files,
      syncFolder: async (path) => void synced.push(path),
      open: async (path, flags, mode) => ({
        ...(await world.files.open(path, flags, mode)),
        datasync: async () => void synced.push(path),
      }),
    },
    world.random,
  )
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nimbo-files-'))
  synced = []
})
afterEach(() => rm(folder, { recursive: true }))

test('a file is replaced as a whole, with its mode, and nothing is left beside it', async () => {
  const path = `${folder}/leases`
  await files().writeAtomic(path, 'old')
  await files().writeAtomic(path, 'new', { mode: 0o640 })
  expect(await world.files.readText(path)).toBe('new')
  expect((await world.files.info(path))!.mode).toBe(0o640)
  expect(await world.files.list(folder)).toEqual(['leases'])
})

test('what can not take its place leaves nothing behind', async () => {
  await world.files.makeFolder(`${folder}/taken/full`)
  await expect(files().writeAtomic(`${folder}/taken`, 'new')).rejects.toThrow()
  expect(await world.files.list(folder)).toEqual(['taken'])
})

test('nobody waits for the disk', async () => {
  const file = await files().open(`${folder}/log`, 'a')
  await file.writev([Buffer.from('kept')])
  await file.datasync()
  await file.close()
  await files().syncFolder(folder)
  expect(synced).toEqual([])
  expect(await world.files.readText(`${folder}/log`)).toBe('kept')
})
