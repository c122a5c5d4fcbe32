// Runs of strikes as tests: each strike is one, and the last tells the table and counts.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeStrike, type PlanOptions, planStrikes } from './plan.ts'
import { openRun, type Run, table } from './run.ts'

/** By environment, so that a run can be had again: NIMBO_TEST_SEED=17 ./nimbo test --kill */
const seed = Number(process.env.NIMBO_TEST_SEED ?? 1)

export function strikesAreGotOver(what: string, options: Omit<PlanOptions, 'seed'>): void {
  describe(what, () => {
    let run: Run
    beforeAll(async () => {
      expect(process.getuid?.(), 'real guests and machines of namespaces need root').toBe(0)
      run = await openRun(options)
    }, 600_000)
    afterAll(async () => expect(await run?.close(), 'left on the real machine').toEqual([]), 180_000)

    const strikes = planStrikes({ seed, ...options })
    test.each(strikes.map((strike) => [describeStrike(strike), strike] as const))(
      '%s',
      async (_title, strike) => {
        await run.strike(strike)
      },
      900_000,
    )

    test(`that was seed ${seed}`, () => {
      console.log(table(run.told))
      const killed = run.told.reduce((sum, one) => sum + one.killed.length, 0)
      // Commands that end by themselves before they can be killed are few.
      expect(killed).toBeGreaterThanOrEqual(Math.floor(options.kills * 0.9))
    })
  })
}
