// No test waits for something else while a promise of which it expects a refusal has nobody who takes it.
import { describe, expect, it } from 'vitest'
import { checkRejections } from './rejection.ts'
import { readSources } from './source.ts'

describe('the source tree', () => {
  it('awaits refusals in time', () => expect(checkRejections(readSources('src', 'test'))).toEqual([]))
})

describe('the check', () => {
  const check = (...lines: string[]) =>
    checkRejections([{ path: 'src/kit/x.test.ts', text: lines.join('\n') }]).length

  it('sees what is awaited between', () => {
    expect(check('  const a = ask()', '  await other()', '  await expect(a).rejects.toThrow()')).toBe(1)
    expect(
      check('  const a = ask()', '  const b = await other()', '  await expect(a).rejects.toThrow()'),
    ).toBe(1)
    expect(check('  const a = ask()', '  hangUp()', '  await expect(a).rejects.toThrow()')).toBe(0)
  })

  it('leaves alone what is awaited inside of what was started, and what is taken from the start', () => {
    const inside = ['  const a = ask(async () => {', '    await other()', '  })']
    expect(check(...inside, '  await expect(a).rejects.toThrow()')).toBe(0)
    expect(check('  const a = expect(ask()).rejects.toThrow()', '  await other()', '  await a')).toBe(0)
    expect(check('  await expect(ask()).rejects.toThrow()', '  await expect(ask()).rejects.toThrow()')).toBe(
      0,
    )
  })

  it('knows one name in two blocks for two', () => {
    const other = ['  {', '    const a = ask()', '    await other()', '  }', '  const { a } = await all()']
    expect(check(...other, '  await expect(a).rejects.toThrow()')).toBe(0)
  })

  it('sees several that were started at once', () => {
    const body = '    await expect(each).rejects.toThrow()'
    expect(check('  for (const each of [ask(1), ask(2)])', body)).toBe(1)
    expect(check('  for (const each of [one, other])', body)).toBe(0)
  })
})
