// A written file gains keys and loses nothing that somebody wrote.
import { expect, it } from 'vitest'
import { completeYaml, parseYaml } from './yaml.ts'

const lacking = { cloud: { hosts: 3, port_base: 20_000 } }

it.each([
  ['an empty file', '', { cloud: { hosts: 3, port_base: 20_000 } }],
  ['a section that is named and empty', 'cloud:\n', { cloud: { hosts: 3, port_base: 20_000 } }],
  [
    'a section on one line',
    'cloud: { region: Here }\n',
    { cloud: { region: 'Here', hosts: 3, port_base: 20_000 } },
  ],
  ['a key that is there', 'cloud:\n  hosts: 7\n', { cloud: { hosts: 7, port_base: 20_000 } }],
  [
    'another section',
    'image:\n  cache: true\n',
    { image: { cache: true }, cloud: { hosts: 3, port_base: 20_000 } },
  ],
])('completes %s', (_what, text, expected) => {
  expect(parseYaml(completeYaml(text, 'nimbo.yaml', lacking), 'nimbo.yaml').value).toEqual(expected)
})

it('keeps comments and the order of what is there', () => {
  const text = '# of the cellar\ncloud:\n  region: Here # by the sea\nimage:\n  cache: true\n'
  const lines = completeYaml(text, 'nimbo.yaml', lacking).split('\n')
  expect(lines.filter((line) => !/hosts|port_base/.test(line)).join('\n')).toBe(text)
})

it.each([
  ['a section that is a list', 'cloud: [1]\n', "nimbo.yaml: 'cloud' must be a map"],
  ['what cannot be read', 'cloud: {\n', /nimbo\.yaml:2:1/],
])('refuses %s', (_what, text, reason) => {
  expect(() => completeYaml(text, 'nimbo.yaml', lacking)).toThrow(reason)
})
