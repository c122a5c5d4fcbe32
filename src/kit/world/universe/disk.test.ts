// Faults of a machine's disk and of the databases on it, and what a power cut leaves of both.
import { describe, expect, test } from 'vitest'
import { openDatabase } from '../../db/open.ts'
// Loaded now: a universe does not wait for the test runner, which loads what is imported later.
import '../../db/sqlite.ts'
import { openUniverse } from './universe.ts'

function begin(seed = 1) {
  const universe = openUniverse({ seed })
  const machine = universe.machine('a')
  const process = machine.start('x')
  return { universe, machine, process, files: process.world.files }
}

describe('a disk', () => {
  test('is full until it has room again, for files and for databases', async () => {
    const { universe, machine, files, process } = begin()
    await universe.until(files.write('/f', 'before'))
    await universe.until(files.write('/db', ''))
    const database = process.world.sqlite.open('/db')
    database.exec('create table t (x)')
    const end = machine.disk.fill()
    await expect(universe.until(files.append('/f', 'x'))).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(await universe.until(files.readText('/f'))).toBe('before')
    expect((await universe.until(files.space('/'))).freeBytes).toBe(0)
    expect(() => database.exec('insert into t values (1)')).toThrow('full')
    expect(database.prepare('select * from t').all()).toEqual([])
    end()
    await universe.until(files.append('/f', ' and after'))
    database.exec('insert into t values (1)')
    expect(await universe.until(files.readText('/f'))).toBe('before and after')
    universe.close()
  })

  test('counts what is on it', async () => {
    const universe = openUniverse({ seed: 1 })
    const { files } = universe.machine('small', { totalBytes: 1000 }).start('x').world
    await universe.until(files.write('/a', Buffer.alloc(900)))
    await expect(universe.until(files.write('/b', Buffer.alloc(200)))).rejects.toMatchObject({
      code: 'ENOSPC',
    })
    await universe.until(files.remove('/a'))
    await universe.until(files.write('/b', Buffer.alloc(1000)))
    expect((await universe.until(files.space('/'))).freeBytes).toBe(0)
  })

  test('fails at the n-th operation of a kind, and once', async () => {
    const { universe, machine, files } = begin()
    machine.disk.fail('write', 2)
    await universe.until(files.write('/a', 'a'))
    await expect(universe.until(files.write('/b', 'b'))).rejects.toMatchObject({ code: 'EIO' })
    await universe.until(files.write('/b', 'b'))
    expect(machine.disk.paths()).toEqual(['/a', '/b'])
  })

  test('can be slow', async () => {
    const { universe, machine, files } = begin()
    machine.disk.slow(5000)
    const before = universe.clock.now()
    await universe.until(files.write('/a', 'a'))
    expect(universe.clock.now() - before).toBeGreaterThan(4999)
  })
})

describe('a database', () => {
  test('is locked between connections as a file is, and by a fault for a while', async () => {
    const { universe, machine, process } = begin()
    await universe.until(process.world.files.write('/db', ''))
    const [one, other] = [process.world.sqlite.open('/db'), process.world.sqlite.open('/db')]
    one.exec('create table t (x); begin immediate; insert into t values (1)')
    expect(() => other.exec('begin immediate')).toThrow('locked')
    one.exec('commit')
    expect(other.prepare('select x from t').all()).toEqual([{ x: 1 }])
    const end = machine.databases.lock('/db')
    expect(() => one.exec('begin immediate')).toThrow('locked')
    end()
    one.exec('begin immediate; rollback')
    machine.databases.failStatement(2)
    one.prepare('select * from t').all()
    expect(() => one.prepare('select * from t').all()).toThrow('I/O')
    universe.close()
  })

  test('waits off the event loop for a lock that goes away', async () => {
    const { universe, machine, process } = begin()
    const db = await universe.until(openDatabase(process.world, 'sqlite:/data/x.db'))
    const end = machine.databases.lock('/data/x.db')
    universe.after(1000, end)
    const before = universe.clock.now()
    await universe.until(db.transaction((tx) => tx.execute('create table t (x)', [])))
    expect(universe.clock.now() - before).toBeGreaterThanOrEqual(1000)
    universe.close()
  })

  /** Rows that are there after the power was lost right after a hundred commits. */
  async function survivors(seed: number, mode: 'FULL' | 'NORMAL', waitMs = 0): Promise<number[]> {
    const { universe, machine, process } = begin(seed)
    const url = `sqlite:/data/x.db?synchronous=${mode}`
    const db = await universe.until(openDatabase(process.world, url))
    await universe.until(db.execute('create table t (x integer)', []))
    await universe.advance(60_000)
    for (let x = 0; x < 100; x++)
      await universe.until(
        db.transaction(async (tx) => {
          await tx.execute('insert into t values (?)', [x])
          await tx.execute('insert into t values (?)', [x])
        }),
      )
    await universe.advance(waitMs)
    machine.powerOff()
    const rows = machine.databases.query('/data/x.db', 'select x from t order by rowid')
    // It can be opened and written again.
    const again = await universe.until(openDatabase(machine.start('x').world, url))
    await universe.until(again.execute('insert into t values (1000)', []))
    universe.close()
    return rows.map(({ x }) => Number(x))
  }

  test('that flushes each commit loses none with the power', async () => {
    expect(await survivors(1, 'FULL')).toHaveLength(200)
  })

  test('that does not loses the newest, whole transactions, of the last half minute', async () => {
    const counts = new Set<number>()
    for (let seed = 1; seed <= 10; seed++) {
      const rows = await survivors(seed, 'NORMAL')
      expect(rows).toEqual(Array.from({ length: rows.length }, (_, at) => Math.floor(at / 2)))
      expect(rows.length % 2).toBe(0)
      counts.add(rows.length)
    }
    expect(counts.size).toBeGreaterThan(3)
    expect(await survivors(1, 'NORMAL', 31_000)).toHaveLength(200)
  })
})

describe('a trap', () => {
  test.each(['statement', 'file', 'send'] as const)('kills before or after the n-th %s', async (step) => {
    const outcomes = new Set<number>()
    for (let seed = 1; seed <= 12; seed++) {
      const { universe, machine, process, files } = begin(seed)
      const heard: string[] = []
      await universe.until(files.write('/db', ''))
      const listener = universe.machine('b').start('listener').world
      const accept = (far: NodeJS.ReadableStream) => {
        far.on('data', (chunk) => heard.push(...String(chunk)))
        far.on('error', () => {})
      }
      await universe.until(listener.sockets.listen({ host: 'b', port: 1 }, accept as never))
      const near = await universe.until(process.world.sockets.connect({ host: 'b', port: 1 }))
      const database = process.world.sqlite.open('/db')
      database.exec('create table t (x)')
      process.trap(step, 3, () => process.kill())
      const done: number[] = []
      const work = async () => {
        for (let i = 1; i <= 5; i++) {
          if (step === 'statement') database.prepare('insert into t values (1)').run()
          if (step === 'file') await files.append('/f', '1')
          if (step === 'send') near.write('1')
          if (step === 'send') await process.world.timers.sleep(10)
          done.push(i)
        }
      }
      const failed = work().catch(() => 'failed')
      await universe.advance(10_000)
      if (step === 'statement') await failed
      expect(process.alive).toBe(false)
      expect(done.length).toBeLessThan(4)
      outcomes.add(
        step === 'statement'
          ? machine.databases.query('/db', 'select * from t').length
          : step === 'file'
            ? machine.disk.read('/f')!.length
            : heard.length,
      )
      universe.close()
    }
    // What a reset overtakes may be lost as well.
    expect([...outcomes].sort()).toEqual([2, 3])
  })
})
