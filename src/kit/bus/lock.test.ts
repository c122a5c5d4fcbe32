// What counts as a change of a contract, and what the lock says of it.
import { Type } from 'typebox'
import { expect, test } from 'vitest'
import { call, cast, contract } from './contract.ts'
import { fingerprint, lockOf, lockProblems } from './lock.ts'

const build = cast(Type.Object({ serverId: Type.String(), force: Type.Boolean() }))
const first = contract('nova', 'compute', '1.0', { build })

test('the order in which a shape is written does not matter, its content does', () => {
  const reordered = cast(Type.Object({ force: Type.Boolean(), serverId: Type.String() }))
  const looser = cast(Type.Object({ serverId: Type.String(), force: Type.Optional(Type.Boolean()) }))
  expect(fingerprint(contract('nova', 'compute', '1.0', { build: reordered }))).toBe(fingerprint(first))
  expect(fingerprint(contract('nova', 'compute', '1.0', { build: looser }))).not.toBe(fingerprint(first))
  expect(fingerprint(contract('nova', 'compute', '1.0', { build, rebuild: build }))).not.toBe(
    fingerprint(first),
  )
  const asked = call(Type.Object({ serverId: Type.String() }), Type.Null())
  const answered = call(Type.Object({ serverId: Type.String() }), Type.String())
  expect(fingerprint(contract('n', 't', '1.0', { asked }))).not.toBe(
    fingerprint(contract('n', 't', '1.0', { asked: answered })),
  )
})

test('a changed shape needs another version, and then a new lock', () => {
  const locked = lockOf([first])
  const changed = { build: cast(Type.Object({ serverId: Type.String() })) }
  expect(lockProblems(locked, lockOf([first]))).toEqual([])
  expect(lockProblems(locked, lockOf([contract('nova', 'compute', '1.0', changed)]))).toEqual([
    'nova/compute changed its shape but is still version 1.0',
  ])
  expect(lockProblems(locked, lockOf([contract('nova', 'compute', '1.1', changed)]))).toEqual([
    'nova/compute is version 1.1 now; the lock has 1.0',
  ])
  expect(lockProblems(locked, {})).toEqual(['nova/compute is in the lock but there is no such contract'])
  expect(lockProblems({}, locked)).toEqual(['nova/compute is not in the lock'])
})

test('two contracts on one topic are refused', () => {
  expect(() => lockOf([first, first])).toThrow('two contracts are on nova/compute')
})
