// The broker's kill test in short: the hundred kills are in test/kill.
import { expect, test } from 'vitest'
import { killRounds } from '#test/kill/broker-round.ts'

test('killed under confirmed publishing, the broker loses nothing and repeats nothing unflagged', async () => {
  const account = await killRounds({ kills: 5, seed: 7 })
  expect([account.lost, account.unflagged]).toEqual([[], []])
  expect(account.confirmed).toBeGreaterThanOrEqual(4 * 200)
})
