import { describe, expect, test } from 'vitest'
import { virtualWorld } from './virtual.ts'

describe('virtual world', () => {
  test('timers fire in order of time, and time stands still between', async () => {
    const world = virtualWorld({ now: 1000 })
    const seen: [string, number][] = []
    world.timers.after(20, () => seen.push(['late', world.clock.now()]))
    world.timers.after(10, () => seen.push(['early', world.clock.now()]))
    await world.advance(15)
    expect(seen).toEqual([['early', 1010]])
    await world.advance(15)
    expect(seen).toEqual([
      ['early', 1010],
      ['late', 1020],
    ])
    expect(world.clock.now()).toBe(1030)
  })

  test('settle runs chains of foreground work and leaves periodic timers alone', async () => {
    const world = virtualWorld()
    let beats = 0
    const beat = () => {
      beats++
      world.timers.after(1000, beat, { background: true })
    }
    world.timers.after(1000, beat, { background: true })
    let done = false
    void world.activity.track(
      (async () => {
        await world.timers.sleep(2500)
        await world.timers.sleep(2500)
        done = true
      })(),
    )
    await world.settle()
    expect(done).toBe(true)
    expect(beats).toBe(5)
  })

  test('what never settles is named by where it was begun', async () => {
    const world = virtualWorld()
    const stopped = new AbortController()
    async function askForEver() {
      while (!stopped.signal.aborted) await world.timers.sleep(700)
    }
    const asking = world.activity.track(askForEver())
    const error = await world.settle({ limitMs: 60_000 }).catch((thrown) => thrown)
    expect(error).toMatchObject({ kind: 'timeout' })
    expect(error.message).toMatch(/timers set: 1 x askForEver \(src\/kit\/world\/virtual\.test\.ts:\d+\)/)
    expect(error.message).toMatch(/work begun: 1 x \S*virtual\.test\.ts:\d+/)
    expect(error.message).toMatch(/timers fired last: 50 x askForEver/)
    stopped.abort()
    await world.advance(700)
    await asking
  })

  test('one seed gives one sequence', () => {
    const draw = (seed: number) => {
      const { random } = virtualWorld({ seed })
      return [random.uuid(), random.hexId(), random.int(0, 1000), random.bytes(4).toString('hex')]
    }
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
    expect(draw(7)[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/)
  })

  test('sockets in memory carry bytes both ways', async () => {
    const { sockets } = virtualWorld()
    const listener = await sockets.listen({ host: '127.0.0.1', port: 0 }, (far) => {
      far.on('data', (chunk) => far.write(Buffer.concat([Buffer.from('echo '), chunk])))
    })
    const near = await sockets.connect(listener.address)
    near.write('hello')
    const answer = await new Promise((resolve) => near.once('data', (chunk) => resolve(String(chunk))))
    expect(answer).toBe('echo hello')
    await listener.close()
    await expect(sockets.connect(listener.address)).rejects.toMatchObject({ kind: 'unavailable' })
  })
})
