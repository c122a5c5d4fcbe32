// Turning keys on disk: old tokens stay readable for as long as promised, files belong to the owner alone.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { virtualWorld } from '../world/virtual.ts'
import { open, seal } from './fernet.ts'
import { openKeyRepository, rotateKeys } from './key-repository.ts'

let parent: string
let folder: string
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'nimbo-keys-'))
  folder = join(parent, 'fernet')
})
afterEach(() => rmSync(parent, { recursive: true }))

const names = () => readdirSync(folder).sort((a, b) => Number(a) - Number(b))

describe('openKeyRepository', () => {
  it('makes a staged and a primary key at first, and keeps them after', async () => {
    const world = virtualWorld()
    await openKeyRepository(world, folder)
    expect(names()).toEqual(['0', '1'])
    const before = names().map((name) => readFileSync(join(folder, name), 'utf8'))
    expect(before.every((text) => /^[\w-]{43}=$/.test(text))).toBe(true)
    await openKeyRepository(world, folder)
    expect(names().map((name) => readFileSync(join(folder, name), 'utf8'))).toEqual(before)
  })

  it('lets nobody but the owner at them', async () => {
    await openKeyRepository(virtualWorld(), folder)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    for (const name of names()) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
    chmodSync(join(folder, '1'), 0o644)
    await expect(openKeyRepository(virtualWorld(), folder)).rejects.toThrow('chmod 600')
  })

  it('names the file that holds no key', async () => {
    await openKeyRepository(virtualWorld(), folder)
    writeFileSync(join(folder, '1'), '')
    await expect(openKeyRepository(virtualWorld(), folder)).rejects.toThrow(`${folder}/1`)
  })
})

describe('rotateKeys', () => {
  it('makes the staged key primary and drops the oldest beyond the limit', async () => {
    const world = virtualWorld()
    const repository = await openKeyRepository(world, folder)
    const staged = readFileSync(join(folder, '0'), 'utf8')
    await rotateKeys(world, folder, { maxActiveKeys: 3 })
    expect(names()).toEqual(['0', '1', '2'])
    expect(readFileSync(join(folder, '2'), 'utf8')).toBe(staged)
    await rotateKeys(world, folder, { maxActiveKeys: 3 })
    expect(names()).toEqual(['0', '2', '3'])
    await repository.reload()
    expect(repository.keys).toHaveLength(3)
  })

  it('keeps tokens readable for one turn less than there are keys in use, also by who has not reloaded', async () => {
    const world = virtualWorld()
    const late = await openKeyRepository(world, folder)
    const early = await openKeyRepository(world, folder)
    const make = () => seal(early.primary, Buffer.from('x'), 0, world.random.bytes(16))
    const first = make()
    await rotateKeys(world, folder)
    await early.reload()
    // Signed with the key that was staged when `late` last looked.
    expect(open(late.keys, make())).toBeDefined()
    expect(open(early.keys, first)).toBeDefined()
    await rotateKeys(world, folder)
    await early.reload()
    expect(open(early.keys, first)).toBeUndefined()
  })

  it('recovers from a stop between its renames', async () => {
    const world = virtualWorld()
    await openKeyRepository(world, folder)
    rmSync(join(folder, '0'))
    await openKeyRepository(world, folder)
    expect(names()).toEqual(['0', '1'])
  })
})
