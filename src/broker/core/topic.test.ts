// Topic patterns against a slow reference, and against patterns made to take for ever.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TopicTrie } from './topic.ts'

/** Straight from the definition: '*' is one word, '#' any number of them. */
function matches(pattern: string[], words: string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return words.length === 0
  if (first === '#') return matches(rest, words) || (words.length > 0 && matches(pattern, words.slice(1)))
  return words.length > 0 && (first === '*' || first === words[0]) && matches(rest, words.slice(1))
}

const patterns = fc.array(fc.array(fc.constantFrom('a', 'b', '*', '#'), { minLength: 1, maxLength: 6 }), {
  maxLength: 8,
})
const words = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 7 })

test('find what the definition says, also after some were removed', () => {
  fc.assert(
    fc.property(patterns, words, fc.nat(8), (given, key, removed) => {
      const trie = new TopicTrie<number>()
      for (const [index, pattern] of given.entries()) trie.add(pattern.join('.'), index)
      for (const [index, pattern] of given.slice(0, removed).entries()) trie.remove(pattern.join('.'), index)
      const found = new Set<number>()
      trie.match(key.join('.'), (index) => void found.add(index))
      const expected = given.flatMap((pattern, index) =>
        index >= removed && matches(pattern, key) ? [index] : [],
      )
      expect([...found].sort()).toEqual(expected.sort())
    }),
    { numRuns: 2000 },
  )
})

test('a pattern of many wildcards and a key of many words take no time', () => {
  const trie = new TopicTrie<string>()
  const hostile = Array.from({ length: 60 }, () => '#.a').join('.')
  trie.add(hostile, 'hostile')
  trie.add(`${hostile}.b`, 'other')
  const found: string[] = []
  trie.match(Array.from({ length: 120 }, () => 'a').join('.'), (value) => void found.push(value))
  expect(new Set(found)).toEqual(new Set(['hostile']))
})
