// Which requests an application credential with access rules is good for.
import { expect, it } from 'vitest'
import { type AccessRule, checkAccess } from './access-rule.ts'

const may = (rules: AccessRule[] | undefined, method: string, path: string, types = ['compute']) => {
  try {
    checkAccess(rules, types, { method, path })
    return true
  } catch {
    return false
  }
}
const rule = (path: string, method = 'GET', service = 'compute') => [{ service, method, path }]

it.each([
  ['without rules', undefined, 'DELETE', '/v2.1/servers/a', true],
  ['with an empty list', [], 'GET', '/v2.1/servers', false],
  ['by the exact path', rule('/v2.1/servers'), 'GET', '/v2.1/servers', true],
  ['never below it', rule('/v2.1/servers'), 'GET', '/v2.1/servers/a', false],
  ['never by a prefix', rule('/v2.1/servers'), 'GET', '/x/v2.1/servers', false],
  ['with another method', rule('/v2.1/servers'), 'POST', '/v2.1/servers', false],
  ['to look without the body', rule('/v2.1/servers'), 'HEAD', '/v2.1/servers', true],
  ['with a part of any name', rule('/v2.1/servers/{id}'), 'GET', '/v2.1/servers/a-b', true],
  ['with a star for one part', rule('/v2.1/*/a'), 'GET', '/v2.1/servers/a', true],
  ['with a star for no more than one', rule('/v2.1/*'), 'GET', '/v2.1/servers/a', false],
  ['with two stars for all', rule('/v2.1/**'), 'GET', '/v2.1/servers/a/b', true],
  ['with two stars in the middle', rule('/v2.1/**/tags/*'), 'GET', '/v2.1/servers/a/tags/b', true],
  ['with stars that need a letter', rule('/v2.1/servers/*'), 'GET', '/v2.1/servers/', false],
  ['with a star beside letters', rule('/v2.1/s*s'), 'GET', '/v2.1/servers', true],
  ['with a lonely brace', rule('/v2.1/{'), 'GET', '/v2.1/{', true],
  ['with dots that are only dots', rule('/v2.1/servers'), 'GET', '/v2x1/servers', false],
  ['of another service', rule('/v2.1/servers', 'GET', 'image'), 'GET', '/v2.1/servers', false],
] as const)('%s', (_, rules, method, path, expected) => {
  expect(may(rules as AccessRule[] | undefined, method, path)).toBe(expected)
})

it('refuses them at a service without a name', () => {
  expect(may(rule('/v2.1/servers'), 'GET', '/v2.1/servers', [])).toBe(false)
})

it('takes no time over a pattern that was made to take it', () => {
  const pattern = `/${'**a'.repeat(70)}b`
  expect(may(rule(pattern), 'GET', `/${'a'.repeat(4000)}`)).toBe(false)
})
