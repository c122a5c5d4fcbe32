// A hundred kills of the broker under load: no confirmed message is lost, none comes twice unflagged.
import { expect, test } from 'vitest'
import { killRounds } from './broker-round.ts'

test('100 kills under confirmed publishing', { timeout: 600_000 }, async () => {
  const account = await killRounds({ kills: 100, seed: Number(process.env.NIMBO_TEST_SEED ?? 1) })
  console.log(JSON.stringify(account))
  expect([account.lost, account.unflagged]).toEqual([[], []])
  expect(account.confirmed).toBeGreaterThan(10_000)
})
