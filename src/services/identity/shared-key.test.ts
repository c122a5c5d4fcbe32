// Keys that several controllers share through their database, each with connections of its own.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Database } from '#kit/db/database.ts'
import { migrate } from '#kit/db/migrate.ts'
import { openDatabase } from '#kit/db/open.ts'
import { testServers } from '#kit/db/test-database.ts'
import { open, seal } from '#kit/fernet/fernet.ts'
import {
  dropOldKeys,
  fernetKeys,
  listKeys,
  openKeyRepository,
  rotateKeys,
} from '#kit/fernet/key-repository.ts'
import { keyFolder } from '#kit/fernet/key-shelf.ts'
import { realWorld } from '#kit/world/real.ts'
import { checkAllSharedKeys, openSharedKeys } from './ops/shared-key.ts'
import { migrations } from './store/schema.ts'

const world = realWorld()
const secret = 'what-both-have-in-secrets'
const kind = 'token-keys'

describe.each(testServers())('two controllers on one $name', ({ name, fresh }) => {
  let folder: string
  let databases: [Database, Database]
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nimbo-keys-'))
    const made = await fresh()
    const other = name === 'SQLite' ? undefined : await openDatabase(world, made.url)
    databases = [made.db, other ?? made.db]
    await migrate(world, made.db, migrations)
    onTestFinished(async () => {
      await other?.close()
      await made.drop()
      rmSync(folder, { recursive: true })
    })
  })
  const shelf = (of: 0 | 1) => openSharedKeys(world, databases[of], { folder, kind, secret })
  const repository = async (of: 0 | 1) => openKeyRepository(world, await shelf(of), fernetKeys)
  const sealed = (keys: Awaited<ReturnType<typeof repository>>) =>
    seal(keys.primary, Buffer.from('a token'), world.clock.now(), world.random.bytes(16))

  it('begin with the same keys, also when they start at once', async () => {
    const [one, other] = await Promise.all([repository(0), repository(1)])
    expect(open(other.keys, sealed(one))?.plaintext.toString()).toBe('a token')
    expect((await listKeys(world, await shelf(1))).map(({ number, state }) => `${number} ${state}`)).toEqual([
      '1 primary',
      '0 staged',
    ])
  })

  it('read what the other made after a turn, at once and when they look again', async () => {
    const [one, other] = [await repository(0), await repository(1)]
    const early = sealed(other)
    await rotateKeys(world, await shelf(0), fernetKeys, { maxActiveKeys: 9 })
    expect(await one.refresh()).toBe(true)
    // Its new key was the staged one, which the other has known for long.
    expect(open(other.keys, sealed(one))).toBeDefined()
    await rotateKeys(world, await shelf(0), fernetKeys, { maxActiveKeys: 9 })
    await one.refresh()
    const late = sealed(one)
    expect(open(other.keys, late)).toBeUndefined()
    expect(await other.refresh()).toBe(true)
    expect(open(other.keys, late)).toBeDefined()
    expect(await other.refresh()).toBe(false)
    expect(open(one.keys, early)).toBeDefined()
    await dropOldKeys(world, await shelf(1))
    await one.reload()
    expect(open(one.keys, early)).toBeUndefined()
    expect(open(other.keys, sealed(one))).toBeDefined()
  })

  it('lose no key when both turn them at once', async () => {
    const [one, other] = [await repository(0), await repository(1)]
    const before = sealed(one)
    const turns = await Promise.allSettled([
      rotateKeys(world, await shelf(0), fernetKeys, { maxActiveKeys: 9 }),
      rotateKeys(world, await shelf(1), fernetKeys, { maxActiveKeys: 9 }),
    ])
    for (const turn of turns) if (turn.status === 'rejected') expect(turn.reason.kind).toBe('conflict')
    await Promise.all([one.reload(), other.reload()])
    for (const keys of [one, other]) {
      expect(open(keys.keys, before)).toBeDefined()
      expect(open(other.keys, sealed(keys))).toBeDefined()
    }
  })

  it('are told when their secrets differ, and nothing of the keys is to be read in the database', async () => {
    const file = keyFolder(world, `${folder}/${kind}`)
    await openKeyRepository(world, file, fernetKeys)
    await repository(0)
    const texts = await Promise.all((await file.numbers()).map((number) => file.read(number)))
    const rows = JSON.stringify((await databases[0].execute('select * from shared_key', [])).rows)
    expect(texts).toHaveLength(2)
    for (const text of texts) expect(rows).not.toContain(text!.slice(0, 40))
    const foreign = "This controller's secrets.json isn't that of the cloud"
    await expect(
      openSharedKeys(world, databases[1], { folder, kind, secret: 'made-by-itself' }),
    ).rejects.toThrow(foreign)
    await openSharedKeys(world, databases[0], { folder, kind: 'credential-keys', secret })
    await checkAllSharedKeys(world, databases[1], secret)
    await expect(checkAllSharedKeys(world, databases[1], 'made-by-itself')).rejects.toThrow(foreign)
  })

  it('take the keys along that lay in the folder of the first', async () => {
    const before = sealed(await openKeyRepository(world, `${folder}/${kind}`, fernetKeys))
    expect(open((await repository(0)).keys, before)).toBeDefined()
    expect(open((await repository(1)).keys, before)).toBeDefined()
  })

  it('take all of them along or none: a start that failed half-way is made good by the next', async () => {
    const before = sealed(await openKeyRepository(world, `${folder}/${kind}`, fernetKeys))
    chmodSync(join(folder, kind, '1'), 0o644)
    await expect(repository(0)).rejects.toThrow('chmod 600')
    chmodSync(join(folder, kind, '1'), 0o600)
    expect(open((await repository(0)).keys, before)).toBeDefined()
  })
})
