// The language: what binds closer, what is refused, and that a check is written as it was read.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Check, formatCheck, parseAlternatives, parseCheck } from './check.ts'

const shape = (text: string) => formatCheck(parseCheck(text))

describe('parseCheck', () => {
  it('binds not closer than and, and closer than or', () => {
    expect(shape('role:a or role:b and not role:c')).toBe('role:a or (role:b and not role:c)')
    expect(shape('role:a and role:b or role:c and role:d')).toBe('(role:a and role:b) or (role:c and role:d)')
    expect(shape('not (role:a or role:b)')).toBe('not (role:a or role:b)')
    expect(shape('((role:a))')).toBe('role:a')
    expect(shape('not not role:a')).toBe('not not role:a')
  })

  it('takes operators in any case and any white space', () => {
    expect(shape('role:a\n  OR\trole:b AND NOT role:c')).toBe('role:a or (role:b and not role:c)')
  })

  it('keeps the parentheses of attribute names', () => {
    expect(shape('(project_id:%(project_id)s)')).toBe('project_id:%(project_id)s')
    expect(shape('(user_id:%(target.user.id)s and (role:a))')).toBe('user_id:%(target.user.id)s and role:a')
  })

  it('lets everybody in where nothing is asked', () => {
    expect(parseCheck('')).toEqual({ kind: 'always' })
    expect(parseCheck('  ')).toEqual({ kind: 'always' })
    expect(parseCheck('@')).toEqual({ kind: 'always' })
    expect(parseCheck('!')).toEqual({ kind: 'never' })
  })

  it('splits a check at its first colon only', () => {
    expect(parseCheck('role:key-manager:service-admin')).toEqual({
      kind: 'role',
      role: ['key-manager:service-admin'],
    })
    expect(parseCheck('rule:volume:create')).toEqual({ kind: 'rule', name: 'volume:create' })
  })

  it.each([
    ['role:a and', 'it ends where a check is expected'],
    ['(role:a', 'a closing parenthesis is missing'],
    ['role:a)', '")" is not expected here'],
    ['role:a role:b', '"role:b" is not expected here'],
    ['or role:a', '"or" is no check'],
    ['admin', 'needs the form kind:value'],
    [':x', 'needs the form kind:value'],
    ['http://x.example/check', 'remote server'],
    ['project_id:%(project_id)', 'starts no %(name)s'],
    ['field:networks', 'resource:attribute=value'],
    ['field:port:device_owner=~(', 'nvalid regular expression'],
  ])('refuses %s', (text, reason) => {
    expect(() => parseCheck(text)).toThrow(SyntaxError)
    expect(() => parseCheck(text)).toThrow(reason)
  })

  it('reads what it writes', () => {
    const word = fc.stringMatching(/^[a-z]{1,6}$/)
    const single: fc.Arbitrary<Check> = fc.oneof(
      fc.constantFrom<Check>({ kind: 'always' }, { kind: 'never' }),
      word.map((name): Check => ({ kind: 'rule', name })),
      word.map((role): Check => ({ kind: 'role', role: [role] })),
      word.map(
        (name): Check => ({ kind: 'credential', attribute: `${name}_id`, wanted: [{ attribute: name }] }),
      ),
      word.map((name): Check => ({ kind: 'literal', literal: name, wanted: [{ attribute: name }] })),
      word.map((name): Check => ({ kind: 'field', resource: 'x', attribute: name, wanted: 'True' })),
    )
    const { check } = fc.letrec<{ check: Check }>((tie) => ({
      check: fc.oneof(
        { maxDepth: 3 },
        single,
        tie('check').map((part): Check => ({ kind: 'not', part })),
        fc
          .tuple(
            fc.constantFrom('and' as const, 'or' as const),
            fc.array(tie('check'), { minLength: 2, maxLength: 3 }),
          )
          .map(([kind, parts]): Check => ({ kind, parts })),
      ),
    }))
    fc.assert(
      fc.property(check, (given) => {
        expect(parseCheck(formatCheck(given))).toEqual(given)
      }),
    )
  })
})

describe('parseAlternatives', () => {
  it('reads the older lists of lists', () => {
    expect(formatCheck(parseAlternatives([['role:a', 'role:b'], 'role:c']))).toBe(
      '(role:a and role:b) or (role:c)',
    )
    expect(parseAlternatives([])).toEqual({ kind: 'always' })
  })
})
