// What an administrator sees of each resource: making, finding, changing, deleting, and what is refused.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Answered,
  inProject,
  origin,
  passwordAuth,
  type TestIdentity,
  testIdentity,
} from './test-identity.ts'

let identity: TestIdentity
let admin: string
beforeAll(async () => {
  identity = await testIdentity()
  admin = await identity.admin()
})
afterAll(() => identity.close())

const ask = (method: string, path: string, body?: unknown) => identity.ask(admin, method, `/v3${path}`, body)
async function made(kind: string, body: Record<string, unknown>, collection = `${kind}s`) {
  const answer = await ask('POST', `/${collection}`, { [kind]: body })
  expect([kind, answer.status, answer.text.slice(0, 200)]).toEqual([kind, 201, answer.text.slice(0, 200)])
  return answer.body[kind]
}
const namesOf = (answer: Answered, collection: string) =>
  answer.body[collection].map((each: { name: string }) => each.name)
const status = async (answer: Promise<Answered>) => (await answer).status

type Assigned = { user: { id: string }; role: { id: string }; links: { membership: string } }

let count = 0
const fresh = (stem: string) => `${stem}-${count++}`

describe.each([
  ['domain', 'domains', { enabled: false }, 64],
  ['project', 'projects', {}, 64],
  ['user', 'users', {}, 255],
  ['group', 'groups', {}, 255],
  ['role', 'roles', {}, 255],
])('a %s', (kind, collection, rest, longest) => {
  it('is made, shown, listed by name, changed and deleted', async () => {
    const name = fresh(kind)
    const row = await made(kind, { name, ...rest, colour: 'blue' })
    expect(row.id).toMatch(/^[0-9a-f]{32}$/)
    expect(row.links.self).toBe(`${origin}/v3/${collection}/${row.id}`)
    expect(row.colour).toBe('blue')
    expect((await ask('GET', `/${collection}/${row.id}`)).body[kind]).toEqual(row)
    const listed = await ask('GET', `/${collection}?name=${name}`)
    expect(listed.body[collection]).toEqual([row])
    expect(listed.body.links).toEqual({
      next: null,
      previous: null,
      self: `${origin}/v3/${collection}?name=${name}`,
    })
    const renamed = fresh(kind)
    const changed = await ask('PATCH', `/${collection}/${row.id}`, {
      [kind]: { name: renamed, colour: 'red' },
    })
    expect(changed.body[kind]).toEqual({ ...row, name: renamed, colour: 'red' })
    expect(await status(ask('DELETE', `/${collection}/${row.id}`))).toBe(204)
    expect(await status(ask('GET', `/${collection}/${row.id}`))).toBe(404)
    expect(await status(ask('DELETE', `/${collection}/${row.id}`))).toBe(404)
    expect(await status(ask('PATCH', `/${collection}/${row.id}`, { [kind]: { name } }))).toBe(404)
  })

  it('has one name, of bounded length', async () => {
    const name = fresh(kind)
    const first = await made(kind, { name, ...rest })
    const second = await made(kind, { name: fresh(kind), ...rest })
    expect(await status(ask('POST', `/${collection}`, { [kind]: { name, ...rest } }))).toBe(409)
    expect(await status(ask('PATCH', `/${collection}/${second.id}`, { [kind]: { name } }))).toBe(409)
    expect(await status(ask('PATCH', `/${collection}/${first.id}`, { [kind]: { name } }))).toBe(200)
    await made(kind, { name: name.padEnd(longest, 'x'), ...rest })
    for (const wrong of [name.padEnd(longest + 1, 'x'), '', '   ', 7, null])
      expect(await status(ask('POST', `/${collection}`, { [kind]: { name: wrong } }))).toBe(400)
  })

  it('is found by part of its name', async () => {
    const name = fresh('Needle')
    await made(kind, { name, ...rest })
    const by = async (comparison: string, text: string) =>
      namesOf(await ask('GET', `/${collection}?name__${comparison}=${text}`), collection)
    expect(await by('contains', 'eedle-')).toContain(name)
    expect(await by('contains', 'EEDLE-')).toEqual([])
    expect(await by('icontains', 'EEDLE-')).toContain(name)
    expect(await by('startswith', 'Needle')).toContain(name)
    expect(await by('startswith', 'eedle')).toEqual([])
    expect(await by('endswith', name.slice(-3))).toContain(name)
  })
})

describe('a project', () => {
  it('stands in a tree, whose parents and subtree it shows', async () => {
    const top = await made('project', { name: fresh('top') })
    const middle = await made('project', { name: fresh('middle'), parent_id: top.id })
    const leaf = await made('project', { name: fresh('leaf'), parent_id: middle.id })
    expect(top.parent_id).toBe('default')
    expect(leaf).toMatchObject({ domain_id: 'default', parent_id: middle.id })
    const parents = await ask('GET', `/projects/${leaf.id}?parents_as_ids`)
    expect(parents.body.project.parents).toEqual({ [middle.id]: { [top.id]: null } })
    const below = await ask('GET', `/projects/${top.id}?subtree_as_ids`)
    expect(below.body.project.subtree).toEqual({ [middle.id]: { [leaf.id]: null } })
    expect(await status(ask('DELETE', `/projects/${top.id}`))).toBe(403)
    expect(await status(ask('PATCH', `/projects/${top.id}`, { project: { enabled: false } }))).toBe(403)
    expect(await status(ask('PATCH', `/projects/${leaf.id}`, { project: { parent_id: top.id } }))).toBe(403)
    expect(await status(ask('PATCH', `/projects/${leaf.id}`, { project: { domain_id: 'other' } }))).toBe(400)
    expect(namesOf(await ask('GET', `/projects?parent_id=${top.id}`), 'projects')).toEqual([middle.name])
  })

  it('stands no deeper than configured, and not below what is disabled', async () => {
    let parent = await made('project', { name: fresh('level') })
    for (let level = 2; level <= 5; level++)
      parent = await made('project', { name: fresh('level'), parent_id: parent.id })
    const deeper = { project: { name: fresh('level'), parent_id: parent.id } }
    expect(await status(ask('POST', '/projects', deeper))).toBe(403)
    const off = await made('project', { name: fresh('off'), enabled: false })
    expect(await status(ask('POST', '/projects', { project: { name: fresh('x'), parent_id: off.id } }))).toBe(
      403,
    )
    expect(
      await status(ask('POST', '/projects', { project: { name: fresh('x'), parent_id: 'nowhere' } })),
    ).toBe(404)
  })

  it('has tags, by which it is found', async () => {
    const { id, name } = await made('project', { name: fresh('tagged'), tags: ['red', 'blue'] })
    const by = async (query: string) => namesOf(await ask('GET', `/projects?${query}`), 'projects')
    expect(await by('tags=red,blue')).toEqual([name])
    expect(await by('tags=red,green')).toEqual([])
    expect(await by('tags-any=red,green')).toEqual([name])
    expect(await by('not-tags=red,blue')).not.toContain(name)
    expect(await by('not-tags-any=green')).toContain(name)
    expect(await status(ask('PUT', `/projects/${id}/tags/green`))).toBe(201)
    expect(await status(ask('HEAD', `/projects/${id}/tags/green`))).toBe(204)
    expect((await ask('GET', `/projects/${id}/tags`)).body.tags).toEqual(['red', 'blue', 'green'])
    expect(await status(ask('DELETE', `/projects/${id}/tags/red`))).toBe(204)
    expect(await status(ask('GET', `/projects/${id}/tags/red`))).toBe(404)
    expect((await ask('PUT', `/projects/${id}/tags`, { tags: ['one'] })).body.tags).toEqual(['one'])
    expect(await status(ask('PUT', `/projects/${id}/tags`, { tags: ['a,b'] }))).toBe(400)
    expect(await status(ask('PUT', `/projects/${id}/tags/a,b`))).toBe(400)
    expect(await status(ask('DELETE', `/projects/${id}/tags`))).toBe(204)
    expect((await ask('GET', `/projects/${id}/tags`)).body.tags).toEqual([])
  })

  it('may be immutable, and only that can be changed then', async () => {
    const { id } = await made('project', { name: fresh('firm'), options: { immutable: true } })
    expect(await status(ask('PATCH', `/projects/${id}`, { project: { name: 'other' } }))).toBe(403)
    expect(await status(ask('DELETE', `/projects/${id}`))).toBe(403)
    const lifted = await ask('PATCH', `/projects/${id}`, { project: { options: { immutable: null } } })
    expect(lifted.body.project.options).toEqual({})
    expect(await status(ask('DELETE', `/projects/${id}`))).toBe(204)
  })

  it('keeps attributes of the caller apart from its own', async () => {
    const sly = {
      name: fresh('sly'),
      isDomain: true,
      domainId: 'x',
      extra: 1,
      links: 'y',
      id: 'z',
      __proto__: null,
    }
    const row = await made('project', sly)
    expect(row).toMatchObject({ is_domain: false, domain_id: 'default', isDomain: true, extra: 1 })
    expect(row.id).not.toBe('z')
  })
})

describe('a domain', () => {
  it('goes, once disabled, with all that is in it', async () => {
    const { id } = await made('domain', { name: fresh('doomed') })
    const user = await made('user', { name: 'u', domain_id: id, password: 'pw' })
    const group = await made('group', { name: 'g', domain_id: id })
    const project = await made('project', { name: 'p', domain_id: id })
    const role = await made('role', { name: 'r', domain_id: id })
    expect(await status(ask('DELETE', `/domains/${id}`))).toBe(403)
    await ask('PATCH', `/domains/${id}`, { domain: { enabled: false } })
    expect(await status(ask('DELETE', `/domains/${id}`))).toBe(204)
    for (const path of [
      `/users/${user.id}`,
      `/groups/${group.id}`,
      `/projects/${project.id}`,
      `/roles/${role.id}`,
    ])
      expect([path, await status(ask('GET', path))]).toEqual([path, 404])
  })

  it('is a project too, and not among the others', async () => {
    expect((await ask('GET', '/projects/default')).body.project).toMatchObject({
      is_domain: true,
      domain_id: null,
    })
    expect(namesOf(await ask('GET', '/projects?is_domain=true'), 'projects')).toContain('Default')
    expect(namesOf(await ask('GET', '/projects'), 'projects')).not.toContain('Default')
    expect(await status(ask('GET', `/domains/${(await made('project', { name: fresh('p') })).id}`))).toBe(404)
  })
})

describe('roles', () => {
  const roleId = async (name: string) => (await ask('GET', `/roles?name=${name}`)).body.roles[0].id as string

  it('of the first cloud are there, and cannot be lost', async () => {
    const names = namesOf(await ask('GET', '/roles'), 'roles')
    expect(names).toEqual(
      expect.arrayContaining(['admin', 'manager', 'member', 'reader', 'service', '_member_']),
    )
    expect(await status(ask('POST', '/roles', { role: { name: '_member_' } }))).toBe(409)
    expect(await status(ask('DELETE', `/roles/${await roleId('admin')}`))).toBe(403)
  })

  it('imply others, never around in a circle and never admin', async () => {
    const [one, two] = [
      await made('role', { name: fresh('one') }),
      await made('role', { name: fresh('two') }),
    ]
    const path = `/roles/${one.id}/implies/${two.id}`
    expect((await ask('PUT', path)).body.role_inference).toMatchObject({
      prior_role: { id: one.id },
      implies: { id: two.id },
    })
    expect(await status(ask('HEAD', path))).toBe(204)
    expect(await status(ask('PUT', `/roles/${two.id}/implies/${one.id}`))).toBe(400)
    expect(await status(ask('PUT', `/roles/${two.id}/implies/${await roleId('admin')}`))).toBe(403)
    const rules = (await ask('GET', '/role_inferences')).body.role_inferences
    expect(
      rules.find((each: { prior_role: { id: string } }) => each.prior_role.id === one.id).implies[0].name,
    ).toBe(two.name)
    expect(await status(ask('DELETE', path))).toBe(204)
    expect(await status(ask('GET', path))).toBe(404)
  })

  const places: [string, (ids: Record<string, string>) => string][] = [
    ['a project', (ids) => `/projects/${ids.project}/users/${ids.user}/roles`],
    ['a domain', (ids) => `/domains/default/users/${ids.user}/roles`],
    ['the system', (ids) => `/system/users/${ids.user}/roles`],
    ['a project by group', (ids) => `/projects/${ids.project}/groups/${ids.group}/roles`],
    ['the system by group', (ids) => `/system/groups/${ids.group}/roles`],
  ]
  it.each(places)('are given and taken on %s', async (_, pathOf) => {
    const ids = {
      user: (await made('user', { name: fresh('u') })).id,
      group: (await made('group', { name: fresh('g') })).id,
      project: (await made('project', { name: fresh('p') })).id,
    }
    const path = pathOf(ids)
    const one = `${path}/${await roleId('reader')}`
    expect(await status(ask('HEAD', one))).toBe(404)
    expect(await status(ask('PUT', one))).toBe(204)
    expect(await status(ask('PUT', one))).toBe(204)
    expect(await status(ask('HEAD', one))).toBe(204)
    expect(namesOf(await ask('GET', path), 'roles')).toEqual(['reader'])
    expect(await status(ask('DELETE', one))).toBe(204)
    expect(await status(ask('DELETE', one))).toBe(404)
    expect(await status(ask('PUT', `${path}/nothing`))).toBe(404)
    expect(await status(ask('PUT', one.replace(ids.user, 'nobody').replace(ids.group, 'nobody')))).toBe(404)
  })

  it('are inherited by the projects below and not by the place itself', async () => {
    const user = await made('user', { name: fresh('heir'), password: 'pw' })
    const top = await made('project', { name: fresh('top') })
    const leaf = await made('project', { name: fresh('leaf'), parent_id: top.id })
    const reader = await roleId('reader')
    const path = `/OS-INHERIT/projects/${top.id}/users/${user.id}/roles/${reader}/inherited_to_projects`
    expect(await status(ask('PUT', path))).toBe(204)
    expect(await status(ask('HEAD', path))).toBe(204)
    const login = (name: string) => identity.auth(passwordAuth(user.name, 'pw', inProject(name)))
    expect((await login(leaf.name)).status).toBe(201)
    expect((await login(top.name)).status).toBe(401)
    const effective = await ask('GET', `/role_assignments?effective&user.id=${user.id}&include_names`)
    expect(effective.body.role_assignments).toHaveLength(1)
    expect(effective.body.role_assignments[0]).toMatchObject({
      role: { name: 'reader' },
      scope: { project: { id: leaf.id, name: leaf.name }, 'OS-INHERIT:inherited_to': 'projects' },
      links: { assignment: `${origin}/v3${path}` },
    })
    const listed = (await ask('GET', `/users/${user.id}/projects`)).body.projects
    expect(listed.map((each: { id: string }) => each.id)).toEqual([leaf.id])
  })

  it('are listed as given and as they take effect', async () => {
    const user = await made('user', { name: fresh('u') })
    const group = await made('group', { name: fresh('g') })
    const project = await made('project', { name: fresh('p') })
    await ask('PUT', `/groups/${group.id}/users/${user.id}`)
    await ask('PUT', `/projects/${project.id}/groups/${group.id}/roles/${await roleId('member')}`)
    const list = async (query: string) =>
      (await ask('GET', `/role_assignments?${query}`)).body.role_assignments as Assigned[]
    expect(await list(`user.id=${user.id}`)).toEqual([])
    expect(await list(`group.id=${group.id}`)).toHaveLength(1)
    const effective = await list(`effective&scope.project.id=${project.id}`)
    expect(effective.map((each) => [each.user.id, each.role.id])).toEqual([
      [user.id, await roleId('member')],
      [user.id, await roleId('reader')],
    ])
    expect(effective[0]!.links.membership).toBe(`${origin}/v3/groups/${group.id}/users/${user.id}`)
    for (const wrong of [
      `user.id=a&group.id=b`,
      'scope.project.id=a&scope.domain.id=b',
      'effective&group.id=a',
      'include_subtree',
    ])
      expect([wrong, await status(ask('GET', `/role_assignments?${wrong}`))]).toEqual([wrong, 400])
  })

  it('of one domain stay in it', async () => {
    const domain = await made('domain', { name: fresh('d') })
    const role = await made('role', { name: 'baker', domain_id: domain.id })
    expect(role.domain_id).toBe(domain.id)
    expect(namesOf(await ask('GET', '/roles'), 'roles')).not.toContain('baker')
    expect(namesOf(await ask('GET', `/roles?domain_id=${domain.id}`), 'roles')).toEqual(['baker'])
    const user = await made('user', { name: fresh('u') })
    const project = await made('project', { name: fresh('p') })
    expect(await status(ask('PUT', `/projects/${project.id}/users/${user.id}/roles/${role.id}`))).toBe(403)
  })
})

describe('the catalog', () => {
  it('shows a new endpoint in tokens at once, in a region made for it', async () => {
    const service = await made('service', { type: 'weather', name: 'rain' })
    const region = fresh('Region')
    const url = 'http://rain.test/v1/$(tenant_id)s'
    const endpoint = await made('endpoint', { service_id: service.id, interface: 'public', url, region })
    expect(endpoint).toMatchObject({ region, region_id: region, enabled: true })
    const shown = async () => {
      const { token } = (await identity.auth(passwordAuth('admin', 'admin-secret', inProject('admin')))).body
      return token.catalog.find((each: { type: string }) => each.type === 'weather')?.endpoints
    }
    expect((await shown())[0].url).toMatch(/^http:\/\/rain.test\/v1\/[0-9a-f]{32}$/)
    await ask('PATCH', `/endpoints/${endpoint.id}`, { endpoint: { enabled: false } })
    expect(await shown()).toEqual([])
    expect(await status(ask('DELETE', `/regions/${region}`))).toBe(403)
    expect(await status(ask('DELETE', `/services/${service.id}`))).toBe(204)
    expect(await status(ask('GET', `/endpoints/${endpoint.id}`))).toBe(404)
    expect(await status(ask('DELETE', `/regions/${region}`))).toBe(204)
    expect(await shown()).toBeUndefined()
  })

  it('refuses what could not be used', async () => {
    const service = await made('service', { type: 'weather' })
    const wrong = [
      { service_id: 'nothing', interface: 'public', url: 'http://a' },
      { service_id: service.id, interface: 'secret', url: 'http://a' },
      { service_id: service.id, interface: 'public', url: 'no url' },
      { service_id: service.id, interface: 'public', url: 'http://a/$(password)s' },
      { service_id: service.id, interface: 'public', url: 'http://a', region_id: 'nowhere' },
    ]
    for (const endpoint of wrong)
      expect([endpoint, await status(ask('POST', '/endpoints', { endpoint }))]).toEqual([endpoint, 400])
  })

  it('has regions in regions, but none in itself', async () => {
    const outer = await made('region', { id: fresh('outer') })
    const inner = await made('region', { parent_region_id: outer.id, description: 'inner' })
    expect(
      await status(ask('PATCH', `/regions/${outer.id}`, { region: { parent_region_id: inner.id } })),
    ).toBe(403)
    expect(await status(ask('POST', '/regions', { region: { id: outer.id } }))).toBe(409)
    expect(await status(ask('DELETE', `/regions/${outer.id}`))).toBe(403)
    const { regions } = (await ask('GET', `/regions?parent_region_id=${outer.id}`)).body
    expect(regions.map((each: { id: string }) => each.id)).toEqual([inner.id])
  })
})

describe('discovery', () => {
  it('leads from the root to v3 and its JSON-Home', async () => {
    const root = await identity.ask(undefined, 'GET', '/')
    expect([root.status, root.headers.location, root.headers.vary]).toEqual([
      300,
      `${origin}/v3/`,
      'X-Auth-Token',
    ])
    expect(root.body.versions.values[0]).toMatchObject({ id: 'v3.14', status: 'stable' })
    const v3 = await identity.ask(undefined, 'GET', '/v3/')
    expect([v3.status, v3.body.version.id]).toEqual([200, 'v3.14'])
    const home = await identity.ask(undefined, 'GET', '/v3', undefined, { accept: 'application/json-home' })
    expect(home.headers['content-type']).toContain('application/json-home')
    const { resources } = JSON.parse(home.text)
    expect(resources['https://docs.openstack.org/api/openstack-identity/3/rel/project']).toEqual({
      'href-template': '/projects/{project_id}',
      'href-vars': { project_id: 'https://docs.openstack.org/api/openstack-identity/3/param/project_id' },
    })
    expect(resources['https://docs.openstack.org/api/openstack-identity/3/rel/auth_tokens']).toEqual({
      href: '/auth/tokens',
    })
  })

  it('answers unknown paths in HTML and wrong methods by naming the right ones', async () => {
    const unknown = await ask('GET', '/nope')
    expect([unknown.status, unknown.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8'])
    const wrong = await ask('PUT', '/users')
    expect([wrong.status, wrong.headers.allow]).toEqual([405, 'OPTIONS, GET, HEAD, POST'])
  })
})

describe('a change of nothing', () => {
  it('is a mistake, for whatever it is', async () => {
    for (const kind of ['user', 'group', 'project', 'role', 'service', 'endpoint', 'region', 'policy']) {
      const many = kind === 'policy' ? 'policies' : `${kind}s`
      const answer = await identity.ask(admin, 'PATCH', `/v3/${many}/any`, { [kind]: {} })
      expect([kind, answer.status]).toEqual([kind, 400])
    }
  })
})
