// Lists: pages by limit and marker, the configured end, order, and comparisons.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type TestIdentity, testIdentity } from './test-identity.ts'

let identity: TestIdentity
let admin: string
/** Made at one moment, so in any order. */
let first: string[]
beforeAll(async () => {
  identity = await testIdentity({ listLimit: 4 })
  admin = await identity.admin()
  first = (await list('')).names
  for (const name of ['frodo', 'sam', 'merry', 'pippin', 'gollum']) {
    await identity.world.advance(1)
    await identity.ask(admin, 'POST', '/v3/users', { user: { name, email: `${name}@shire` } })
  }
})
afterAll(() => identity.close())

async function list(query: string) {
  const answer = await identity.ask(
    admin,
    'GET',
    query.startsWith('http') ? query.slice(query.indexOf('/v3')) : `/v3/users${query}`,
  )
  const names = answer.body.users?.map((each: { name: string }) => each.name)
  return { ...answer.body, status: answer.status, names }
}

it('gives pages by limit, each with the link to the next', async () => {
  const seen: string[] = []
  let next: string | null = '?limit=3&domain_id=default'
  while (next !== null) {
    const page = await list(next)
    expect(page.truncated).toBe(undefined)
    seen.push(...page.names)
    next = page.links.next
  }
  expect(seen).toEqual([...first, 'frodo', 'sam', 'merry', 'pippin', 'gollum'])
})

it('says so where the configured end cuts a list short', async () => {
  expect(await list('')).toMatchObject({
    names: [...first, 'frodo', 'sam'],
    truncated: true,
  })
  expect((await list('?name__contains=o')).truncated).toBe(undefined)
})

it('orders by an attribute, and compares', async () => {
  expect((await list('?sort_key=name&sort_dir=desc&limit=2')).names).toEqual(['sam', 'pippin'])
  expect((await list('?name__icontains=RR')).names).toEqual(['merry'])
  expect((await list('?name__startswith=p')).names).toEqual(['pippin'])
})

it('refuses a marker, a limit or an order that is none', async () => {
  for (const query of ['?marker=nobody', '?limit=many', '?sort_key=name&sort_dir=up'])
    expect([query, (await list(query)).status]).toEqual([query, 400])
})
