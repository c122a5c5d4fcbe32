// A cloud on a Galera cluster that loses a node while fifty servers are being made, and one that is cut off from the others.
// Two nodes that are written to at a time keep to the last word of the cluster.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDatabase } from '#kit/db/open.ts'
import { c, table } from '#kit/db/table.ts'
import { type Galera, type GaleraNode, startGalera } from '#test/database/galera.ts'
import { type Load, openLoad } from '#test/database/load.ts'
import { type LiveCloud, prepareLiveCloud, succeeded, until, world } from '#test/interop/live-cloud.ts'

const account = table('account', { id: c.id(), balance: c.int() })

let cluster: Galera
const nodes = () => cluster.nodes as [GaleraNode, GaleraNode, GaleraNode]
beforeAll(async () => {
  cluster = await startGalera()
}, 300_000)
afterAll(() => cluster?.remove())

test('transactions on two nodes at once are run again where the cluster refuses one', async () => {
  const [one, other] = nodes()
  const first = await openDatabase(world, cluster.url('sums', [one]), { tables: [account] })
  await account.insert(first, { id: 'a', balance: 0 })
  const second = await openDatabase(world, cluster.url('sums', [other]))
  await until('the row is on the second', async () => (await account.count(second).catch(() => 0)) === 1)
  let goes = 0
  const add = (db: typeof first) =>
    db.transaction(async (tx) => {
      goes++
      const { balance } = (await account.get(tx, 'a'))!
      await account.update(tx, { id: 'a' }, { balance: balance + 1 })
    })
  const some = (db: typeof first) => Array.from({ length: 25 }, () => add(db))
  await Promise.all([...some(first), ...some(second)])
  expect((await account.get(first, 'a'))?.balance).toBe(50)
  expect(goes).toBeGreaterThan(50)
  await Promise.all([first.close(), second.close()])
}, 120_000)

test('a node that has lost the others is told from one that is away, and passed over', async () => {
  const [one, other] = nodes()
  await one.isolate(true)
  await until('it knows', async () => (await one.status('wsrep_ready')) === 'OFF')
  await expect(openDatabase(world, cluster.url('sums', [one]))).rejects.toThrow(
    'This MariaDB has lost its Galera cluster',
  )
  const db = await openDatabase(world, cluster.url('sums', [one, other]))
  expect(await account.count(db)).toBe(1)
  await db.close()
  await one.isolate(false)
  await cluster.together(3)
}, 120_000)

describe('a cloud on three nodes', () => {
  let cloud: LiveCloud
  let load: Load
  beforeAll(async () => {
    cloud = await prepareLiveCloud('galera', 'sim')
    const file = `${cloud.folder}/database-url`
    await world.files.write(file, cluster.url('cloud'))
    succeeded(await cloud.up('--empty', '--hosts', '3', '--database', file))
    load = await openLoad(cloud)
  }, 120_000)
  afterAll(async () => {
    load?.close()
    await cloud?.destroy()
  }, 60_000)

  test('goes on when the node that it uses is killed, and when the next one is cut off', async () => {
    const [one, other] = nodes()
    await load.ask(10)
    await one.kill()
    await load.ask(15)
    const killed = load.judge()
    await one.start()
    await cluster.together(3)
    await other.isolate(true)
    await load.ask(15)
    const isolated = load.judge()
    await other.isolate(false)
    await cluster.together(3)
    await load.ask(10)
    const answers = load.judge()
    const ended = await load.settled()
    console.log(
      `answered after the kill ${JSON.stringify(killed)}, after the cut ${JSON.stringify(isolated)}, ` +
        `in all ${JSON.stringify(answers)}, ended ${JSON.stringify(ended)}`,
    )
    expect(answers['503'] ?? 0).toBeLessThan(30)
    expect(ended.ACTIVE).toBeGreaterThan(40)
    await load.removed()
  }, 600_000)
})
