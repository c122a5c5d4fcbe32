// What a run of tests tells at its end, and what it tells where it is cut off, with vitest played by hand.
import { expect, it } from 'vitest'
import type { TestCase, TestModule, TestSpecification } from 'vitest/node'
import { virtualWorld } from '#kit/world/virtual.ts'
import { testAccount } from './test-account.ts'

const folder = '/checkout'
const fileOf = (level: string, path: string) => {
  const at = { moduleId: `${folder}/${path}`, project: { name: level } }
  return {
    specification: at as TestSpecification,
    module: { ...at, errors: () => [] } as unknown as TestModule,
  }
}
const caseOf = (module: TestModule, fullName: string, message?: string) => {
  const result = { state: message ? 'failed' : 'passed', errors: message ? [{ message }] : [] }
  return {
    id: `${module.moduleId} ${fullName}`,
    module,
    fullName,
    result: () => result,
  } as unknown as TestCase
}

it('tells which files took longest, and where a run is cut off what it was at', async () => {
  const world = virtualWorld()
  const account = testAccount(world.clock, folder)
  const [short, long, cut, never] = [
    fileOf('unit', 'src/short.test.ts'),
    fileOf('cloud', 'test/cloud/long.test.ts'),
    fileOf('real', 'test/real/cut.test.ts'),
    fileOf('real', 'test/real/never.test.ts'),
  ]
  await account.onTestRunStart?.([short, long, cut, never].map(({ specification }) => specification))
  for (const [{ module }, ms, message] of [
    [short, 500, undefined],
    [long, 3_000, 'it broke'],
  ] as const) {
    const test = caseOf(module, 'a thing > works', message)
    await account.onTestModuleStart?.(module)
    await account.onTestCaseReady?.(test)
    await world.advance(ms)
    await account.onTestCaseResult?.(test)
    await account.onTestModuleEnd?.(module)
  }
  await account.onTestModuleStart?.(cut.module)
  await world.advance(1_000)
  await account.onTestCaseReady?.(caseOf(cut.module, 'a guest > boots'))
  await world.advance(60_000)

  expect(account.slowest()).toEqual([
    'Slowest files:',
    '    3.0 s  cloud    test/cloud/long.test.ts',
    '    0.5 s  unit     src/short.test.ts',
  ])
  expect(account.unfinished()).toEqual([
    'Ended from outside after   64.5 s. By then failed: 1',
    'test/cloud/long.test.ts > a thing > works: it broke',
    'Under way:',
    '   60.0 s  test/real/cut.test.ts > a guest > boots (its file for   61.0 s)',
    '   61.0 s  real     test/real/cut.test.ts',
    'Not begun: 1 files',
    '           real     test/real/never.test.ts',
    'Ended, where it took 2 s or more:',
    '    3.0 s  cloud    test/cloud/long.test.ts',
  ])
})
