// Every file says what it is for, and leaves nothing for later.
import { describe, expect, it } from 'vitest'
import { checkProse } from './prose.ts'
import { readSources } from './source.ts'

describe('the source tree', () => {
  it('reads well', () => expect(checkProse(readSources('src', 'test', 'bench'))).toEqual([]))
})

describe('the check', () => {
  const check = (text: string, path = 'src/kit/x.ts') => checkProse([{ path, text }])
  const word = (...letters: string[]) => letters.join('')

  it('wants an opening', () => {
    expect(check('// What it is for.\nconst a = 1')).toEqual([])
    expect(check('#!/usr/bin/env node\n// What it is for.')).toEqual([])
    expect(check("import a from './a.ts'")).toEqual(['src/kit/x.ts:1: opens without saying what it is for'])
    expect(check('//\nconst a = 1')).toHaveLength(1)
    expect(check('')).toHaveLength(1)
  })

  it('sees what is left for later', () => {
    for (const mark of [word('TO', 'DO'), word('FIX', 'ME')])
      expect(check(`// An opening.\n// ${mark}: finish`)).toEqual([
        'src/kit/x.ts:2: leaves something for later',
      ])
    expect(check('// An opening.\nconst TODOS = 1')).toEqual([])
  })

  it('sees tests that are left out', () => {
    for (const call of ['it.only', 'describe.skip', 'test.todo', 'it.each.only', 'describe.skip.each'])
      expect(check(`// An opening.\n${call}('x', () => {})`)).toEqual(['src/kit/x.ts:2: leaves tests out'])
    expect(
      check("// An opening.\nit.skipIf(noRoot)('x', () => {})\nreader.skip(4)\nconst a = 'it.only'"),
    ).toEqual([])
  })

  it('wants names that tell', () => {
    expect(check('// An opening.', 'src/kit/fooBar.ts')).toEqual(['src/kit/fooBar.ts: is not in kebab-case'])
    expect(check('// An opening.', 'src/kit/server-util.ts')).toHaveLength(1)
    expect(check('// An opening.', 'src/kit/database.ts')).toEqual([])
  })
})
