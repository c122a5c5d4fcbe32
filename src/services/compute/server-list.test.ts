// Lists of servers: whose, in which order, by which filters.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestCompute, testCompute } from './test-compute.ts'
import { ids } from './test-server.ts'

describe('lists', () => {
  let lists: TestCompute
  const made: string[] = []
  beforeAll(async () => {
    lists = await testCompute({ hosts: 2 })
    for (const name of ['alpha', 'beta', 'gamma']) {
      made.unshift((await lists.server({ name, tags: [name, 'all'], metadata: { name } })).id)
      await lists.world.advance(1000)
    }
    await lists.server({ name: 'foreign' }, 'admin')
  })
  afterAll(() => lists.stop())
  const list = (query: string, token = 'member', version = '2.93') =>
    lists.as(token, version)('GET', `/v2.1/servers/detail${query}`)

  it('show a project its own, newest first, and administrators all when asked', async () => {
    expect(ids(await list(''))).toEqual(made)
    expect(ids(await lists.call('GET', '/v2.1/servers'))).toEqual(made)
    expect((await list('?all_tenants=1', 'admin')).body.servers).toHaveLength(4)
    expect((await list('?all_tenants=1')).status).toBe(403)
    expect((await list('', 'stranger')).body.servers).toEqual([])
  })

  it('page by marker, with a link as long as there is more', async () => {
    const first = await list('?limit=2')
    expect(ids(first)).toEqual(made.slice(0, 2))
    const next = new URL(first.body.servers_links[0].href)
    const second = await lists.as('member', '2.93')('GET', next.pathname + next.search)
    expect(ids(second)).toEqual(made.slice(2))
    expect(second.body).not.toHaveProperty('servers_links')
    expect((await list('?marker=none')).status).toBe(400)
    expect((await list('?limit=-1')).status).toBe(400)
    expect((await list('?limit=0')).body).toEqual({ servers: [] })
  })

  it('sort', async () => {
    const names = async (query: string) =>
      (await list(query)).body.servers.map((each: { name: string }) => each.name)
    expect(await names('?sort_key=display_name&sort_dir=asc')).toEqual(['alpha', 'beta', 'gamma'])
    expect(await names('?sort_key=display_name&sort_dir=desc')).toEqual(['gamma', 'beta', 'alpha'])
    expect(await names('?sort_key=display_name&sort_dir=asc&limit=1')).toEqual(['alpha'])
    expect(await names(`?sort_key=display_name&sort_dir=asc&marker=${made[2]}`)).toEqual(['beta', 'gamma'])
    expect((await list('?sort_key=nothing')).status).toBe(400)
  })

  it.each([
    ['?name=eta', ['beta']],
    ['?name=^(al|ga)', ['gamma', 'alpha']],
    ['?status=ACTIVE', ['gamma', 'beta', 'alpha']],
    ['?status=active', ['gamma', 'beta', 'alpha']],
    ['?status=SHUTOFF', []],
    ['?tags=all,beta', ['beta']],
    ['?tags-any=alpha,beta', ['beta', 'alpha']],
    ['?not-tags=all', []],
    ['?not-tags-any=alpha', ['gamma', 'beta']],
    ['?locked=false', ['gamma', 'beta', 'alpha']],
    ['?changes-since=2025-01-01T00:00:00Z', ['gamma', 'beta', 'alpha']],
    ['?changes-since=2030-01-01T00:00:00Z', []],
    ['?changes-before=2025-01-01T00:00:00Z', []],
    // Not for members: ignored.
    ['?host=nowhere', ['gamma', 'beta', 'alpha']],
  ])('filter by %s', async (query, names) => {
    expect((await list(query)).body.servers.map((each: { name: string }) => each.name)).toEqual(names)
  })

  it('know what is no filter', async () => {
    expect((await list('?status=NONSENSE')).status).toBe(400)
    expect((await list('?status=NONSENSE', 'member', '2.37')).body.servers).toEqual([])
    expect((await list('?color=red')).status).toBe(400)
    expect((await list('?color=red', 'member', '2.74')).status).toBe(200)
    expect((await list('?name=[')).status).toBe(400)
    expect((await list('?changes-since=yesterday')).status).toBe(400)
  })
})
