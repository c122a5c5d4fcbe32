import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { openUniverse } from './universe.ts'

const began = Date.UTC(2030, 0, 1)

/** What code sees that reaches past the World, as a library does. */
async function reach(seed: number) {
  const universe = openUniverse({ seed, now: began })
  const { timers } = universe.machine('a').start('x').world
  const seen = async () => {
    await timers.sleep(10)
    const started = performance.now()
    await new Promise((resolve) => globalThis.setTimeout(resolve, 3_600_000))
    await new Promise((resolve) => setImmediate(resolve))
    return {
      waited: Math.round(performance.now() - started),
      now: Date.now(),
      date: new Date().toISOString(),
      isDate: new Date(0) instanceof Date,
      chance: [Math.random(), randomUUID(), crypto.randomUUID()],
    }
  }
  const result = await universe.until(seen(), 7_200_000)
  return { ...result, hash: universe.hash }
}

test("the host's clock, timers and chance are the universe's while it runs", async () => {
  const seen = await reach(1)
  expect(seen).toMatchObject({ waited: 3_600_000, isDate: true, date: '2030-01-01T01:00:00.010Z' })
  expect(await reach(1)).toEqual(seen)
  expect((await reach(2)).chance).not.toEqual(seen.chance)
})

test('and the host’s again when it stands', async () => {
  const real = [Date, globalThis.setImmediate, Math.random, randomUUID, performance.now]
  await reach(1)
  expect([Date, globalThis.setImmediate, Math.random, randomUUID, performance.now]).toEqual(real)
})

test('a timer of a killed process that it set past the World never fires', async () => {
  const universe = openUniverse({ seed: 1 })
  const process = universe.machine('a').start('x')
  let fired = false
  process.world.timers.after(1, () => {
    globalThis.setTimeout(() => {
      fired = true
    }, 10)
    universe.after(5, () => process.kill())
  })
  await universe.advance(1000)
  expect(fired).toBe(false)
})
