import { expect, test } from 'vitest'
import { openUniverse } from '../world/universe/universe.ts'
import { openDatabase } from './open.ts'

/** How many of twenty commits that were answered outlive a power cut right after. */
async function leftOf(synchronous: string, seed: number): Promise<number> {
  const universe = openUniverse({ seed })
  try {
    const machine = universe.machine('controller')
    const work = async (world: (typeof first)['world']) => {
      const db = await openDatabase(world, `sqlite:/data/test.db?synchronous=${synchronous}`)
      await db.execute('create table if not exists note (id integer)', [])
      return db
    }
    const first = machine.start('writer')
    const db = await universe.until(work(first.world))
    const write = async () => {
      for (let id = 0; id < 10; id++) {
        await db.transaction(async (tx) => tx.execute('insert into note values (?)', [id]))
        await db.execute('insert into note values (?)', [100 + id])
      }
    }
    await universe.until(write())
    machine.powerOff()
    const after = await universe.until(work(machine.start('reader').world))
    const { rows } = await universe.until(after.execute('select id from note', []))
    return rows.length
  } finally {
    universe.close()
  }
}

test.each(['FULL', 'GROUP'])('%s loses nothing that was answered when power fails', async (synchronous) => {
  for (let seed = 1; seed <= 20; seed++) expect(await leftOf(synchronous, seed)).toBe(20)
})

test('NORMAL may lose the newest commits', async () => {
  const left = []
  for (let seed = 1; seed <= 20; seed++) left.push(await leftOf('NORMAL', seed))
  expect(Math.min(...left)).toBeLessThan(20)
})

test.each(['busy', 'io'] as const)("a rollback that fails (%s) is in nobody else's way", async (trouble) => {
  const universe = openUniverse({ seed: 1 })
  try {
    const machine = universe.machine('controller')
    const process = machine.start('writer')
    const work = async () => {
      const db = await openDatabase(process.world, 'sqlite:/data/test.db')
      await db.execute('create table note (id integer)', [])
      const failing = db.transaction(async (tx) => {
        await tx.execute('insert into note values (?)', [1])
        // The next statement is the rollback.
        machine.databases.failStatement(1, trouble)
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
      await db.transaction(async (tx) => tx.execute('insert into note values (?)', [2]))
      return (await db.execute('select id from note', [])).rows
    }
    expect(await universe.until(work())).toEqual([{ id: 2 }])
  } finally {
    universe.close()
  }
})
