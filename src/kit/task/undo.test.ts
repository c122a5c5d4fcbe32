// Tasks that are undone: in reverse, until it is done, whatever comes in between.
import { describe, expect, it } from 'vitest'
import { CloudError } from '../errors/cloud-error.ts'
import { task } from './task.ts'
import { type App, begin, rowOf, simple, stage, subject } from './test-stage.ts'

/** Fails at once; what undoing it means is said beside it. */
const asker = {
  name: 'asker',
  start: 'begin',
  deadlineMs: 600_000,
  steps: {
    begin: async (t: { undo(name: string): Promise<void> }): Promise<never> => {
      await t.undo('ask')
      throw new CloudError('conflict', 'no')
    },
  },
} as const

describe('a task being undone', () => {
  it('undoes in reverse what was begun, then says that it failed', async () => {
    const builder = task<App, { made: string[] }>()({
      name: 'builder',
      start: 'a',
      deadlineMs: 600_000,
      attempts: 1,
      steps: {
        a: async (t) => {
          t.set({ made: ['a'] })
          await t.undo('a')
          return { go: 'b' }
        },
        b: async (t) => {
          t.set({ made: [...t.state.made, 'b'] })
          await t.undo('b')
          await t.undo('b')
          throw new CloudError('conflict', 'b is taken')
        },
      },
      undo: {
        a: async (t) => void t.app.done.push(`undo a of ${t.state.made}`),
        b: async (t) => {
          t.app.done.push(`undo b of ${t.state.made}, attempt ${t.attempt}`)
          if (t.attempt < 7) throw new CloudError('notFound', 'no host answers')
        },
      },
      failed: async (t, why) => void t.app.done.push(`${why.step}: ${why.message}`),
    })
    const on = await stage([builder])
    const id = await begin(on, builder, { made: [] })
    await on.world.settle()
    expect(on.app.done).toEqual([
      ...Array.from({ length: 8 }, (_, i) => `undo b of a,b, attempt ${i}`),
      'undo a of a,b',
      'b: b is taken',
    ])
    expect(await rowOf(on, id)).toMatchObject({ status: 'failed', undo: [], failure: 'b is taken' })
    expect(on.events.at(-1)?.name).toBe('builder.failed')
  })

  it('runs an undo step again when that asks for it, and at once when a signal comes', async () => {
    const asking = task<App, { asked?: number }>()({
      ...asker,
      undo: {
        ask: async (t) => {
          if (t.signal('gone') !== undefined) return undefined
          const asked = (t.state.asked ?? 0) + 1
          t.set({ asked })
          t.app.done.push(`asked ${asked} times at ${on.world.clock.now() - start} ms`)
          return { again: 30_000 }
        },
      },
      failed: async (t) => void t.app.done.push(`failed at ${on.world.clock.now() - start} ms`),
    })
    const on = await stage([asking])
    const start = on.world.clock.now()
    await begin(on, asking, {})
    await on.world.advance(35_000)
    expect(on.app.done).toEqual(['asked 1 times at 0 ms', 'asked 2 times at 30000 ms'])
    await on.tasks.signal(subject, 'asker', 'gone')
    await on.world.settle()
    expect(on.app.done.at(-1)).toBe('failed at 35000 ms')
  })

  it('does not miss a signal that comes while an undo step runs', async () => {
    const asking = task<App, object>()({
      ...asker,
      undo: {
        ask: async (t) => {
          t.app.done.push(t.signal('gone') === undefined ? 'asked' : 'answered')
          if (t.signal('gone') !== undefined) return undefined
          await on.tasks.signal(subject, 'asker', 'gone')
          return { again: 30_000 }
        },
      },
    })
    const on = await stage([asking])
    await begin(on, asking, {})
    await on.world.advance(1)
    expect(on.app.done).toEqual(['asked', 'answered'])
  })

  it('gives up at its deadline, naming what it waited for', async () => {
    const on = await stage([simple])
    await begin(on, simple, {})
    await on.world.settle()
    await on.world.advance(599_000)
    expect(on.app.done).toHaveLength(2)
    await on.world.advance(3000)
    const why = 'It was not done within 600 seconds; it was waiting for built.'
    expect(on.app.done.slice(2)).toEqual([`release h1 for ${why}`, `failed in build: ${why}`])
  })

  it('turns back when it is cancelled while it waits', async () => {
    const on = await stage([simple])
    await begin(on, simple, {})
    await on.world.settle()
    expect(await on.tasks.cancel(subject, 'create', 'The server was deleted.')).toBe(true)
    await on.world.settle()
    expect(on.app.done.at(-2)).toBe('release h1 for The server was deleted.')
    expect(await on.tasks.running(subject)).toEqual([])
    expect(await on.tasks.cancel(subject, 'create', 'again')).toBe(false)
  })

  it('lets a running step end when it is cancelled, and undoes that too', async () => {
    const inStep = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const long = task<App, { made?: boolean }>()({
      name: 'long',
      start: 'make',
      deadlineMs: 600_000,
      steps: {
        make: async (t) => {
          await t.undo('unmake')
          inStep.resolve()
          await goOn.promise
          t.set({ made: true })
          return { done: true }
        },
      },
      undo: { unmake: async (t) => void t.app.done.push(`unmake ${t.state.made}`) },
    })
    const on = await stage([long])
    const id = await begin(on, long, {})
    await inStep.promise
    expect(await on.tasks.cancel(subject, 'long', 'enough')).toBe(true)
    goOn.resolve()
    await on.world.settle()
    expect(on.app.done).toEqual(['unmake true'])
    expect((await rowOf(on, id)).status).toBe('failed')
  })
})
