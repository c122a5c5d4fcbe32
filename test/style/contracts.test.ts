// Agents of the last release may be on the bus: a contract changes its shape only together with its version.
import { expect, test } from 'vitest'
import { lockProblems } from '#kit/bus/lock.ts'
import { currentLock, storedLock } from './contract-lock.ts'

test('every contract is as contracts.lock.json says (after a new version: node test/style/contract-lock.ts)', async () => {
  const current = await currentLock()
  expect(Object.keys(current)).not.toEqual([])
  expect(lockProblems(storedLock(), current)).toEqual([])
})
