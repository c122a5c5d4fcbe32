import { describe, expect, test } from 'vitest'
import { openUniverse, type Universe } from './universe.ts'

/** Two processes that talk, write and wait, with everything that happens by chance. */
async function ping(seed: number): Promise<{ hash: string; said: string[] }> {
  const universe = openUniverse({ seed })
  const said: string[] = []
  const server = universe.machine('a').start('server').world
  const clients = ['b', 'c', 'd'].map((name) => universe.machine(name).start('client').world)
  const work = async () => {
    await server.sockets.listen({ host: '0.0.0.0', port: 5 }, (far) => {
      far.on('data', (chunk) => {
        said.push(String(chunk))
        far.write(chunk)
      })
    })
    await Promise.all(
      clients.map(async ({ sockets, files, host, timers }) => {
        const near = await sockets.connect({ host: 'a', port: 5 })
        for (let i = 0; i < 5; i++) {
          await files.append('/log', `${i}`)
          await timers.sleep(1)
          near.write(`${host.name}${i}`)
        }
      }),
    )
    await server.timers.sleep(100)
  }
  await universe.until(work())
  universe.close()
  return { hash: universe.hash, said }
}

describe('a universe', () => {
  test('is the same for the same seed, event by event, and another for another', async () => {
    const [first, again, other] = [await ping(7), await ping(7), await ping(8)]
    expect(again).toEqual(first)
    expect(other.hash).not.toBe(first.hash)
    expect(other.said).not.toEqual(first.said)
    expect(first.said.join('')).toHaveLength(30)
  })

  test('gives independent streams of chance', () => {
    const drawn = (moreInOne: number) => {
      const universe = openUniverse({ seed: 1 })
      for (let i = 0; i < moreInOne; i++) universe.random('one').int(0, 100)
      return universe.random('other').uuid()
    }
    expect(drawn(3)).toBe(drawn(0))
  })

  test('a skewed clock jumps and what is measured with it does not', async () => {
    const universe = openUniverse({ seed: 1, now: 5000 })
    const machine = universe.machine('a')
    const { clock } = machine.start('x').world
    await universe.advance(10)
    machine.skew(3_600_000)
    expect([clock.now(), clock.monotonic(), universe.clock.now()]).toEqual([3_605_010, 10, 5010])
  })
})

describe('a killed process', () => {
  let universe: Universe
  const begin = () => {
    universe = openUniverse({ seed: 3 })
    const machine = universe.machine('a')
    return { machine, process: machine.start('x') }
  }

  test('does nothing any more, and its name is free again', async () => {
    const { machine, process } = begin()
    const done: string[] = []
    process.world.timers.after(10, () => done.push('timer'))
    void process.world.files.write('/f', 'x').then(() => done.push('file'))
    process.kill()
    await universe.advance(1000)
    expect(done).toEqual([])
    expect(process.alive).toBe(false)
    expect(machine.start('x').alive).toBe(true)
  })

  test('is heard of at the other end of its connections, and refused to who comes after', async () => {
    const { process } = begin()
    const { sockets } = universe.machine('b').start('client').world
    await universe.until(process.world.sockets.listen({ host: '0.0.0.0', port: 5 }, () => {}))
    const near = await universe.until(sockets.connect({ host: 'a', port: 5 }))
    const broken = new Promise<Error>((resolve) => near.once('error', resolve))
    process.kill()
    expect(await universe.until(broken)).toMatchObject({ code: 'ECONNRESET' })
    await expect(universe.until(sockets.connect({ host: 'a', port: 5 }))).rejects.toMatchObject({
      kind: 'unavailable',
    })
  })

  test('leaves its files as written and its open transaction undone', async () => {
    const { machine, process } = begin()
    const { files, sqlite } = process.world
    await universe.until(files.write('/f.db', ''))
    await universe.until(files.write('/f', 'not synced'))
    const database = sqlite.open('/f.db')
    database.exec('create table t (x); insert into t values (1); begin immediate; insert into t values (2)')
    process.kill()
    expect(String(machine.disk.read('/f'))).toBe('not synced')
    expect(machine.databases.query('/f.db', 'select x from t')).toEqual([{ x: 1 }])
    universe.close()
  })
})

test('without power only what was synced is there, and whoever waits for an answer gets none', async () => {
  const universe = openUniverse({ seed: 5 })
  const machine = universe.machine('a')
  const { files, sockets } = machine.start('x').world
  const client = universe.machine('b').start('client').world
  await universe.until(files.makeFolder('/d'))
  await universe.until(files.syncFolder('/'))
  for (let i = 0; i < 20; i++) await universe.until(files.writeAtomic(`/d/kept${i}`, 'safe'))
  for (let i = 0; i < 20; i++) await universe.until(files.write(`/d/lost${i}`, 'unsafe'))
  await universe.until(sockets.listen({ host: '0.0.0.0', port: 5 }, () => {}))
  const near = await universe.until(client.sockets.connect({ host: 'a', port: 5 }))
  const heard: string[] = []
  near.on('error', () => heard.push('error'))
  near.on('close', () => heard.push('close'))
  machine.powerOff()
  const paths = machine.disk.paths('/d')
  expect(paths.filter((path) => path.includes('kept'))).toHaveLength(20)
  expect(paths.filter((path) => path.includes('lost')).length).toBeLessThan(20)
  near.write('anyone?')
  await universe.advance(60_000)
  expect(heard).toEqual([])
  const failed = client.sockets.connect({ host: 'a', port: 5 }, { timeoutMs: 3000 })
  await expect(universe.until(failed)).rejects.toMatchObject({ kind: 'unavailable' })
})
