// Patterns written for PCRE mean the same here, or are refused.
import { expect, test } from 'vitest'
import { Pattern } from './pattern.ts'
import { TopicPattern } from './user.ts'

test.each([
  ['', ['']],
  ['.*', ['', 'a', 'amq.default']],
  ['^a', ['a', 'abc']],
  ['b', ['b', 'abc']],
  ['^(nova|cinder)\\.node1$', ['nova.node1', 'cinder.node1']],
  ['^amq\\.gen\\-', ['amq.gen-x']],
  ['\\Aq\\z', ['q']],
  ['(?i)^QUEUE$', ['queue', 'Queue']],
  ['(?i)^\\d\\W[A-F]\\S$', ['1-aB', '1-Fx']],
  ['(?i)^[[:upper:]]$', ['a', 'A']],
  ['^[[:alpha:]]+$', ['abc', 'ABC']],
  ['^[]a]$', [']', 'a']],
  ['^a{2}$', ['aa']],
  ['^{x}$', ['{x}']],
  ['^a]$', ['a]']],
  ['^\\d+_\\w$', ['12_a']],
  ['^ключ', ['ключ1']],
  ['^\\😀\\-.$', ['😀-a']],
])('%s matches what it does in RabbitMQ', (text, names) => {
  const pattern = new Pattern(text)
  for (const name of names) expect(pattern.matches(name), name).toBe(true)
  expect(pattern.matches('!other!')).toBe(text === '.*')
})

test('an empty pattern matches no name', () => {
  expect(new Pattern('').matches('a')).toBe(false)
})

test.each(['[', '(', '*', 'a**', '[[:nonsense:]]', 'a++', '(?>a)', '\\', '(?<x', '\\p{Lu}', 'a{2}{3}'])(
  'refuses %s, which is wrong or means something else here',
  (text) => {
    expect(() => new Pattern(text)).toThrow(SyntaxError)
  },
)

test('a name in a topic pattern stands for itself', () => {
  const pattern = new TopicPattern('^{username}\\.{vhost}$', 'a.*', '/v')
  expect(pattern.matches('a.*./v')).toBe(true)
  expect(pattern.matches('axx./v')).toBe(false)
})

test.each(['^(a+)+b$', '^(a|a)*b$', '(x*)*y$', '(?i)^(A+)+B$'])(
  '%s says no to a name of a few hundred characters without going through all ways',
  (text) => {
    const pattern = new Pattern(text)
    for (let length = 200; length < 255; length++) expect(pattern.matches('a'.repeat(length))).toBe(false)
    expect(pattern.matches(`${'a'.repeat(200)}${text.includes('y') ? 'xy' : 'b'}`)).toBe(true)
  },
)
