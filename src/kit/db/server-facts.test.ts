// What is said of servers that no test can start, and of grants in all their forms.
import { expect, test } from 'vitest'
import { versionProblem } from './server-facts.ts'
import { lackingRights } from './server-grant.ts'

test('versions that do, and those that are too old or were never tried', () => {
  for (const good of [
    'PostgreSQL 13.0',
    'PostgreSQL 15.18',
    'PostgreSQL 18beta1',
    'MariaDB 10.6.0',
    'MariaDB 11.4.2',
  ])
    expect(versionProblem(good), good).toBeUndefined()
  expect(versionProblem('PostgreSQL 12.22')).toBe(
    'PostgreSQL 12.22 is too old: PostgreSQL 13 is the oldest that does',
  )
  expect(versionProblem('MariaDB 10.5.29')).toBe(
    'MariaDB 10.5.29 is too old: MariaDB 10.6 is the oldest that does',
  )
  expect(versionProblem('MySQL 8.0.40')).toContain('was never tried')
})

test('grants of patterns count for the databases that they fit', () => {
  const all = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'DROP', 'ALTER', 'INDEX']
  const on = (pattern: string) => all.map((right) => ({ pattern, right }))
  for (const pattern of ['%', 'nimbo\\_%', 'nimbo_%', 'nimbo\\_image', 'n%\\_i_age'])
    expect(lackingRights(on(pattern), 'nimbo_image'), pattern).toEqual([])
  for (const pattern of ['nimbo', 'nimbo\\_', 'nimbo\\_images', 'Nimbo\\_image', 'nimbo.image', ''])
    expect(lackingRights(on(pattern), 'nimbo_image'), pattern).toHaveLength(all.length)
  expect(lackingRights(on('nimbo\\_%'), 'nimboximage')).toHaveLength(all.length)
  expect(lackingRights([...on('nimbo\\_%').slice(2), { pattern: '%', right: 'SELECT' }], 'nimbo_x')).toEqual([
    'insert',
  ])
})
