// Files stay of a size that one can hold in mind.
import { describe, expect, it } from 'vitest'
import { checkSizes, tables } from './size.ts'
import { readSources } from './source.ts'

describe('the source tree', () => {
  const sources = readSources('src', 'test', 'bench')
  it('has no giant', () => expect(checkSizes(sources, tables)).toEqual([]))
  it('has each table that is excused', () => {
    const paths = sources.map((source) => source.path)
    expect(tables.filter((table) => !paths.includes(table))).toEqual([])
  })
})

describe('the check', () => {
  const ofLines = (lines: number) => [{ path: 'src/x.ts', text: 'a\n'.repeat(lines) }]
  it('sees the first line too many', () => {
    expect(checkSizes(ofLines(600), [])).toEqual([])
    expect(checkSizes(ofLines(601), [])).toEqual(['src/x.ts has 601 lines, more than 600: split it'])
    expect(checkSizes(ofLines(601), ['src/x.ts'])).toEqual([])
  })
})
