// What a file says of itself: an opening, nothing left for later, a name that tells.
import { codeOf, type Source } from './source.ts'

const later = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].map((word) => new RegExp(`\\b${word}\\b`))
const emptyWords = ['manager', 'helper', 'helpers', 'util', 'utils', 'base', 'common', 'impl', 'misc']

export function checkProse(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) => {
    const problems: string[] = []
    // A test lies beside what it tests, and its first describe() says what that is.
    if (!path.endsWith('.test.ts') && !/^(#!.*\n)?(\/\/ \S|\/\*\* ?\S)/.test(text))
      problems.push(`${path}:1: opens without saying what it is for`)
    const code = codeOf(text).split('\n')
    text.split('\n').forEach((line, index) => {
      const word = later.find((pattern) => pattern.test(line))
      if (word) problems.push(`${path}:${index + 1}: leaves something for later`)
      if (/\b(it|test|describe|suite|bench)(\.\w+)*\.(only|skip|todo)\b/.test(code[index]!))
        problems.push(`${path}:${index + 1}: leaves tests out`)
    })
    const name = path.split('/').at(-1)!
    if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.config|\.d)?\.ts$/.test(name))
      problems.push(`${path}: is not in kebab-case`)
    const empty = name.split(/[-.]/).find((word) => emptyWords.includes(word))
    if (empty) problems.push(`${path}: "${empty}" in a name says nothing`)
    return problems
  })
}
