import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { realWorld } from '../world/real.ts'
import type { Database } from './database.ts'
import { openDatabase } from './open.ts'
import { c, table } from './table.ts'
import { type FreshDatabase, testServers } from './test-database.ts'

const account = table('account', { id: c.id(), balance: c.int() })

describe.each(testServers())('a transaction on $name', ({ fresh }) => {
  let made: FreshDatabase
  let db: Database
  beforeAll(async () => {
    made = await fresh(undefined, { tables: [account] })
    db = made.db
  })
  afterAll(() => made.drop())
  beforeEach(async () => {
    await account.delete(db, {})
    await account.insert(db, [
      { id: 'a', balance: 10 },
      { id: 'b', balance: 0 },
    ])
  })
  const balances = async () =>
    (await account.find(db, {}, { orderBy: [['id', 'asc']] })).map((each) => each.balance)

  it('commits what it did, and rolls back when it throws', async () => {
    const result = await db.transaction(async (tx) => {
      await account.update(tx, { id: 'a' }, { balance: 9 })
      await account.update(tx, { id: 'b' }, { balance: 1 })
      return 'moved'
    })
    expect(result).toBe('moved')
    const failed = db.transaction(async (tx) => {
      await account.delete(tx, {})
      throw new Error('no')
    })
    await expect(failed).rejects.toThrow('no')
    expect(await balances()).toEqual([9, 1])
  })

  it('is not disturbed by another that reads and writes the same rows', async () => {
    const take = () =>
      db.transaction(async (tx) => {
        const { balance } = (await account.get(tx, 'a'))!
        await account.update(tx, { id: 'a' }, { balance: balance - 1 })
      })
    await Promise.all([take(), take(), take()])
    expect(await balances()).toEqual([7, 0])
  })

  it('ends, though a hundred at once read and write the same rows', async () => {
    const add = (id: string) =>
      db.transaction(async (tx) => {
        const [{ balance }, count] = [(await account.get(tx, 'a'))!, await account.count(tx)]
        await account.update(tx, { id: 'a' }, { balance: balance + 1 })
        await account.insert(tx, { id, balance: count })
      })
    await Promise.all(Array.from({ length: 100 }, (_, n) => add(`n${n}`)))
    expect((await account.get(db, 'a'))?.balance).toBe(110)
    const counts = (await account.find(db)).map((each) => each.balance).filter((each) => each !== 110)
    expect(new Set(counts).size).toBe(101)
  })

  it('keeps a rule over rows that two transactions read and neither writes', async () => {
    const addUpToThree = (id: string) =>
      db.transaction(async (tx) => {
        if ((await account.count(tx)) >= 3) return false
        await account.insert(tx, { id, balance: 0 })
        return true
      })
    const added = await Promise.all([addUpToThree('c'), addUpToThree('d')])
    expect(added.filter(Boolean)).toHaveLength(1)
    expect(await account.count(db)).toBe(3)
  })

  it('keeps statements of others out until it has ended', async () => {
    const started = Promise.withResolvers<void>()
    const inside = expect(
      db.transaction(async (tx) => {
        await account.insert(tx, { id: 'c', balance: 1 })
        started.resolve()
        await new Promise(setImmediate)
        throw new Error('rolled back')
      }),
    ).rejects.toThrow('rolled back')
    await started.promise
    const outside = account.count(db)
    await inside
    expect(await outside).toBe(2)
  })

  it('runs what was left for after the commit, and only then', async () => {
    const order: string[] = []
    await db.transaction(async (tx) => {
      tx.afterCommit(() => order.push('after'))
      await account.update(tx, { id: 'a' }, { balance: 1 })
      order.push('work')
    })
    const failed = db.transaction(async (tx) => {
      tx.afterCommit(() => order.push('never'))
      throw new Error('no')
    })
    await expect(failed).rejects.toThrow('no')
    expect(order).toEqual(['work', 'after'])
  })

  it('is doomed by its first failed statement, though the error be caught', async () => {
    const swallowing = db.transaction(async (tx) => {
      await account.update(tx, { id: 'a' }, { balance: 1 })
      await account.insert(tx, { id: 'a', balance: 5 }).catch(() => {})
    })
    await expect(swallowing).rejects.toMatchObject({ type: 'db.unique' })
    expect(await balances()).toEqual([10, 0])
  })

  it('refuses its own database inside, and its handle afterwards', async () => {
    await expect(db.transaction(() => account.count(db))).rejects.toThrow('use the transaction')
    await expect(db.transaction(() => db.transaction(async () => {}))).rejects.toThrow('use the transaction')
    const kept = await db.transaction(async (tx) => tx)
    await expect(account.count(kept)).rejects.toThrow('has ended')
    expect(await balances()).toEqual([10, 0])
  })

  it('is run again where the database asks for that, but not for ever', async () => {
    let goes = 0
    const busy = Object.assign(
      new Error('busy'),
      made.url.startsWith('sqlite') ? { errcode: 5 } : { code: '40001', errno: 1213 },
    )
    const { translate } = await import('./connection.ts')
    const work = (times: number) =>
      db.transaction(async (tx) => {
        await account.update(tx, { id: 'a' }, { balance: 100 + goes })
        if (++goes <= times) throw translate(db.dialect, busy)
      })
    await work(2)
    expect(goes).toBe(3)
    expect(await balances()).toEqual([102, 0])
    goes = 0
    await expect(work(99)).rejects.toMatchObject({ kind: 'unavailable', type: 'db.again' })
    expect(goes).toBeLessThan(30)
  })
})

describe('SQLite in a file', () => {
  const file = () => {
    const folder = mkdtempSync(join(tmpdir(), 'nimbo-db-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    return `sqlite:${folder}/test.db`
  }

  it('survives being closed, and keeps foreign keys', async () => {
    const url = file()
    const once = await openDatabase(realWorld(), url, { tables: [account] })
    await account.insert(once, { id: 'a', balance: 1 })
    expect((await once.execute('pragma foreign_keys', [])).rows).toMatchObject([{ foreign_keys: 1 }])
    expect((await once.execute('pragma synchronous', [])).rows).toMatchObject([{ synchronous: 2 }])
    await once.close()
    const again = await openDatabase(realWorld(), `${url}?synchronous=normal`)
    expect(await account.find(again)).toEqual([{ id: 'a', balance: 1 }])
    expect((await again.execute('pragma synchronous', [])).rows).toMatchObject([{ synchronous: 1 }])
    await again.close()
  })

  it('is for its owner alone, with its journals', async () => {
    const url = file().replace('/test.db', '/deep/test.db')
    const db = await openDatabase(realWorld(), url, { tables: [account] })
    const path = url.slice('sqlite:'.length)
    expect(['', '-wal', '-shm'].map((suffix) => (statSync(path + suffix).mode & 0o777).toString(8))).toEqual([
      '600',
      '600',
      '600',
    ])
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700)
    await db.close()
  })

  it('says that its disk is full, and goes on when there is room again', async () => {
    const db = await openDatabase(realWorld(), file(), { tables: [account] })
    const pages = (await db.execute('pragma page_count', [])).rows as [{ page_count: number }]
    await db.execute(`pragma max_page_count = ${pages[0].page_count}`, [])
    const rows = Array.from({ length: 500 }, (_, index) => ({ id: `account ${index}`, balance: index }))
    const fill = () =>
      db.transaction(async (tx) => {
        for (const row of rows) await account.insert(tx, row)
      })
    await expect(fill()).rejects.toMatchObject({ kind: 'unavailable', type: 'db.storage' })
    expect(await account.count(db)).toBe(0)
    await db.execute('pragma max_page_count = 1000', [])
    await fill()
    expect(await account.count(db)).toBe(500)
    await db.close()
  })

  it('waits for another process that is writing', async () => {
    const url = file()
    const one = await openDatabase(realWorld(), url, { tables: [account] })
    const other = await openDatabase(realWorld(), url)
    const writing = Promise.withResolvers<void>()
    const mayEnd = Promise.withResolvers<void>()
    const long = one.transaction(async (tx) => {
      await account.insert(tx, { id: 'a', balance: 1 })
      writing.resolve()
      await mayEnd.promise
    })
    await writing.promise
    const waiting = account.insert(other, { id: 'b', balance: 2 })
    mayEnd.resolve()
    await Promise.all([long, waiting])
    expect(await account.count(one)).toBe(2)
    await Promise.all([one.close(), other.close()])
  })
})

it('names a kind of database that it does not know', async () => {
  await expect(openDatabase(realWorld(), 'oracle://x')).rejects.toThrow('oracle: is no kind of database')
})
