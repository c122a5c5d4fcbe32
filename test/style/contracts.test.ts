// Agents of the last release may be on the bus: a contract changes its shape only together with its version.
import { expect, test } from 'vitest'
import { contracts } from '#contracts/all.ts'
import { lockOf, lockProblems } from '#kit/bus/lock.ts'
import { currentLock, storedLock } from './contract-lock.ts'

test('every contract is as contracts.lock.json says (after a new version: node test/style/contract-lock.ts)', async () => {
  const current = await currentLock()
  expect(Object.keys(current)).not.toEqual([])
  expect(lockProblems(storedLock(), current)).toEqual([])
})

test('every contract is in contracts/all.ts, so that the bus is set up for it and hosts have their rights', async () => {
  expect(Object.keys(lockOf(contracts))).toEqual(Object.keys(await currentLock()))
})

test("a host's contract has no method that tells of an asking host, for only controllers ask", () => {
  for (const { servedBy, topic, methods } of contracts)
    if (servedBy === 'host')
      for (const [name, { params }] of Object.entries(methods))
        expect(Object.keys(params.properties), `${topic}.${name}`).not.toContain('host')
})
