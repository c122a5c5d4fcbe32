// Turning keys on disk: old tokens stay readable for as long as promised, files belong to the owner alone.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { jwsKeys } from '../jws/jws.ts'
import { virtualWorld } from '../world/virtual.ts'
import type { World } from '../world/world.ts'
import { open, seal } from './fernet.ts'
import {
  fernetKeys,
  type KeyKind,
  listKeys,
  openKeyRepository as openRepository,
  rotateKeys as rotate,
  type TurnOptions,
} from './key-repository.ts'

let parent: string
let folder: string
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'nimbo-keys-'))
  folder = join(parent, 'fernet')
})
afterEach(() => rmSync(parent, { recursive: true }))

const openKeyRepository = (world: World, at: string) => openRepository(world, at, fernetKeys)
const rotateKeys = (world: World, at: string, options?: TurnOptions) => rotate(world, at, fernetKeys, options)
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

  it('names what cannot be read', async () => {
    await openKeyRepository(virtualWorld(), folder)
    rmSync(join(folder, '1'))
    mkdirSync(join(folder, '1'), { mode: 0o700 })
    const opened = openKeyRepository(virtualWorld(), folder)
    await expect(opened).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('/1'),
    })
  })

  it('does without an old key that goes while it looks at it', async () => {
    const world = virtualWorld()
    for (let turns = 0; turns < 2; turns++) {
      await openKeyRepository(world, folder)
      await rotateKeys(world, folder, { maxActiveKeys: 4 })
    }
    expect(names()).toEqual(['0', '1', '2', '3'])
    const info: typeof world.files.info = async (path) => {
      const found = await world.files.info(path)
      if (path.endsWith('/1')) rmSync(path, { force: true })
      return found
    }
    const { keys } = await openKeyRepository({ ...world, files: { ...world.files, info } }, folder)
    expect(keys).toHaveLength(3)
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

  it('tells a process that reads the keys only what has changed since', async () => {
    const world = virtualWorld()
    const repository = await openKeyRepository(world, folder)
    expect(await repository.refresh()).toBe(false)
    const before = repository.primary
    await rotateKeys(world, folder)
    expect(await repository.refresh()).toBe(true)
    expect(repository.primary).not.toBe(before)
    expect(await repository.refresh()).toBe(false)
  })

  const kinds: [string, KeyKind<unknown>][] = [
    ['fernet', fernetKeys],
    ['jws', jwsKeys],
  ]
  it.each(kinds)(
    'stopped after any of its steps has lost no key, and is finished by the next turn: %s',
    async (_, kind) => {
      for (let steps = 0; ; steps++) {
        const world = virtualWorld()
        const at = `${folder}-${steps}`
        await openRepository(world, at, kind)
        const texts = () =>
          readdirSync(at)
            .filter((name) => /^\d+$/.test(name))
            .map((name) => readFileSync(join(at, name), 'utf8'))
        const [staged, primary] = ['0', '1'].map((name) => readFileSync(join(at, name), 'utf8')) as [
          string,
          string,
        ]
        const whole = await rotate(stoppedAfter(world, steps), at, kind).then(
          () => true,
          (error) => {
            expect(String(error)).toContain('stopped')
            return false
          },
        )
        // Tokens sealed before are readable, and so is what another controller seals with the key that was staged.
        expect(texts()).toEqual(expect.arrayContaining([staged, primary]))
        const { keys } = await openRepository(world, at, kind)
        expect(keys.length).toBeGreaterThanOrEqual(2)
        if (whole) break
        await rotate(world, at, kind)
        const files = await listKeys(world, at)
        expect(files.map((file) => file.state)).toEqual(['primary', 'old', 'staged'])
        expect(new Set(texts()).size).toBe(3)
        expect(readFileSync(join(at, '2'), 'utf8')).toBe(staged)
      }
    },
  )

  it('run by several at once turns once or one after the other, and overwrites no key', async () => {
    const world = virtualWorld()
    await openKeyRepository(world, folder)
    const before = names().map((name) => readFileSync(join(folder, name), 'utf8'))
    const turns = await Promise.allSettled(
      [1, 2, 3, 4].map(() => rotateKeys(world, folder, { maxActiveKeys: 10 })),
    )
    expect(turns.some((turn) => turn.status === 'fulfilled')).toBe(true)
    for (const turn of turns) if (turn.status === 'rejected') expect(turn.reason.kind).toBe('conflict')
    const after = names().map((name) => readFileSync(join(folder, name), 'utf8'))
    expect(after).toEqual(expect.arrayContaining(before))
    expect(after.length).toBeGreaterThan(2)
  })
})

/** Its files can be written to so many times, and not once more: what a kill leaves. */
function stoppedAfter(world: World, steps: number): World {
  let left = steps
  const stopping =
    <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> => {
      if (left-- <= 0) return Promise.reject(new Error('stopped'))
      return work(...args)
    }
  const { link, syncFolder, writeAtomic, remove } = world.files
  return {
    ...world,
    files: {
      ...world.files,
      link: stopping(link),
      syncFolder: stopping(syncFolder),
      writeAtomic: stopping(writeAtomic),
      remove: stopping(remove),
    },
  }
}
