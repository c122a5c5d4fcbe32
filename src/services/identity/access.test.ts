// Who may do what: every route without a token, with a stranger's, with a domain's; and bad input on every route.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject, passwordAuth, type TestIdentity, testIdentity } from './test-identity.ts'

let identity: TestIdentity
let admin: string
/** A member of a project of its own in the default domain. */
let member: string
let memberId: string
/** Manager of domain `shire`, with a token of that domain. */
let manager: string
let shire: string
beforeAll(async () => {
  identity = await testIdentity()
  admin = await identity.admin()
  const make = async (kind: string, body: Record<string, unknown>) =>
    (await identity.ask(admin, 'POST', `/v3/${kind}s`, { [kind]: body })).body[kind].id as string
  const role = async (name: string) =>
    (await identity.ask(admin, 'GET', `/v3/roles?name=${name}`)).body.roles[0].id as string
  memberId = await make('user', { name: 'frodo', password: 'ring' })
  const project = await make('project', { name: 'quest' })
  await identity.ask(admin, 'PUT', `/v3/projects/${project}/users/${memberId}/roles/${await role('member')}`)
  member = await identity.login('frodo', 'ring', inProject('quest'))
  shire = await make('domain', { name: 'shire' })
  const samwise = await make('user', { name: 'samwise', password: 'garden', domain_id: shire })
  await identity.ask(admin, 'PUT', `/v3/domains/${shire}/users/${samwise}/roles/${await role('manager')}`)
  const user = { name: 'samwise', password: 'garden', domain: { id: shire } }
  const auth = { identity: { methods: ['password'], password: { user } }, scope: { domain: { id: shire } } }
  manager = (await identity.auth(auth)).headers['x-subject-token']!
})
afterAll(() => identity.close())

/** Every route with ids of nothing in its path. */
function everyRoute(): { method: string; path: string; isPublic: boolean; root: boolean }[] {
  return identity.service.http.routes.map(({ method, path, policy, root }) => ({
    method,
    path: (root ? '' : '/v3') + path.replace(/:\w+/g, 'deadbeef'),
    isPublic: policy === 'public',
    root: root ?? false,
  }))
}

describe('every route', () => {
  it('wants a token, but for discovery, logging in and changing a password by the old one', async () => {
    const routes = everyRoute()
    expect(routes.length).toBeGreaterThan(120)
    expect(routes.filter((each) => each.isPublic).map((each) => `${each.method} ${each.path}`)).toEqual([
      'GET /',
      'GET /v3',
      'POST /v3/auth/tokens',
      'POST /v3/OS-OAUTH2/token',
      'POST /v3/users/deadbeef/password',
      'GET /v3/OS-SIMPLE-CERT/ca',
      'GET /v3/OS-SIMPLE-CERT/certificates',
    ])
    for (const { method, path } of routes.filter((each) => !each.isPublic)) {
      for (const token of [undefined, 'rubbish']) {
        const answer = await identity.ask(token, method, path)
        expect([method, path, answer.status]).toEqual([method, path, 401])
      }
    }
  })

  /** What any project member may see: the catalog's regions, itself, and lists that show nothing of others. */
  const forEverybody = [
    /^\/v3\/auth\//,
    /^\/v3\/regions/,
    /^\/v3\/credentials$/,
    /^\/v3\/registered_limits/,
    /^\/v3\/limits(\/model)?$/,
    /^\/v3\/OS-FEDERATION\/(projects|domains)$/,
  ]

  it('keeps a project member out of what is not its own', async () => {
    for (const { method, path, isPublic } of everyRoute()) {
      if (isPublic || method === 'HEAD' || (method === 'GET' && forEverybody.some((each) => each.test(path))))
        continue
      const body = bodyFor(method, path)
      const answer = await identity.ask(member, method, path, body)
      const refused =
        path.startsWith('/v3/auth/tokens') || path.includes('OS-TRUST/trusts/') ? [403, 404] : [403]
      expect([method, path, refused.includes(answer.status), answer.status]).toEqual([
        method,
        path,
        true,
        answer.status,
      ])
    }
  })

  it('answers malformed bodies with 400 and unknown ids with 404, never with 500', async () => {
    const bodies = [
      '{',
      '[]',
      '"text"',
      '1',
      'null',
      '{"a": 1}',
      '{"project": []}',
      '{"user": {"name": 7}}',
      `{"__proto__": 1}`,
    ]
    for (const { method, path, isPublic } of everyRoute()) {
      const withNul = JSON.stringify(bodyFor(method, path))?.replaceAll(/"[nt]"/g, '"a\\u0000b"')
      for (const body of ['POST', 'PUT', 'PATCH'].includes(method) ? [...bodies, withNul] : [undefined]) {
        const answer = await identity.ask(isPublic ? undefined : admin, method, path, body)
        expect([method, path, body, answer.status < 500]).toEqual([method, path, body, true])
      }
    }
  })

  it('takes ids and names of any length and letters', async () => {
    const odd = [
      'x'.repeat(65),
      'x'.repeat(3000),
      '%00',
      '%F0%9F%8D%84',
      "'; drop table user; --",
      '..%2f..',
      '%25',
    ]
    for (const { method, path, isPublic } of everyRoute()) {
      if (!path.includes('deadbeef') || method === 'POST' || method === 'PATCH') continue
      for (const id of odd) {
        const answer = await identity.ask(
          isPublic ? undefined : admin,
          method,
          path.replaceAll('deadbeef', id),
          bodyFor(method, path),
        )
        expect([method, path, id.slice(0, 80), answer.status < 500]).toEqual([
          method,
          path,
          id.slice(0, 80),
          true,
        ])
      }
    }
    for (const list of ['users', 'projects', 'domains', 'groups', 'roles', 'services', 'regions']) {
      for (const query of odd.flatMap((each) => [
        `name=${each}`,
        `name__contains=${each}`,
        `domain_id=${each}`,
      ])) {
        const answer = await identity.ask(admin, 'GET', `/v3/${list}?${query}`)
        expect([list, query, answer.status]).toEqual([list, query, 200])
      }
    }
  })
})

/** A body that passes the schema, where one is wanted. */
function bodyFor(method: string, path: string): unknown {
  if (!['POST', 'PUT', 'PATCH'].includes(method)) return undefined
  const make: Record<string, unknown> = {
    users: { user: { name: 'n' } },
    projects: { project: { name: 'n' } },
    domains: { domain: { name: 'n' } },
    groups: { group: { name: 'n' } },
    roles: { role: { name: 'n' } },
    regions: { region: {} },
    services: { service: { type: 't' } },
    endpoints: { endpoint: { interface: 'public', service_id: 'a', url: 'http://a' } },
    credentials: { credential: { blob: '', type: 't', user_id: 'a' } },
    policies: { policy: { blob: '', type: 't' } },
    application_credentials: { application_credential: { name: 'n' } },
    trusts: { trust: { trustor_user_id: 'a', trustee_user_id: 'b', impersonation: true } },
    tags: { tags: [] },
    'OS-EC2': { tenant_id: 'a' },
  }
  const word = path.split('/').findLast((part) => part in make)
  return word === undefined ? undefined : make[word]
}

describe('a user', () => {
  it('sees itself and its projects, and not others', async () => {
    expect((await identity.ask(member, 'GET', `/v3/users/${memberId}`)).body.user.name).toBe('frodo')
    const projects = (await identity.ask(member, 'GET', `/v3/users/${memberId}/projects`)).body.projects
    expect(projects.map((each: { name: string }) => each.name)).toEqual(['quest'])
    const others = (await identity.ask(admin, 'GET', '/v3/users?name=admin')).body.users[0].id
    for (const path of [`/v3/users/${others}`, `/v3/users/${others}/projects`, '/v3/users'])
      expect((await identity.ask(member, 'GET', path)).status).toBe(403)
  })

  it('changes its password by the old one, also without a token', async () => {
    const change = (original: string, password: string) =>
      identity.ask(undefined, 'POST', `/v3/users/${memberId}/password`, {
        user: { original_password: original, password },
      })
    expect((await change('wrong', 'x')).status).toBe(401)
    expect((await change('ring', 'precious')).status).toBe(204)
    expect((await identity.auth(passwordAuth('frodo', 'ring'))).status).toBe(401)
    expect((await change('precious', 'ring')).status).toBe(204)
    member = await identity.login('frodo', 'ring', inProject('quest'))
  })

  it('never shows a password', async () => {
    const made = await identity.ask(admin, 'POST', '/v3/users', {
      user: { name: 'secretive', password: 'sesame' },
    })
    const shown = await identity.ask(admin, 'GET', `/v3/users/${made.body.user.id}`)
    for (const text of [made.text, shown.text]) expect(text).not.toMatch(/sesame|scrypt|password"/)
  })
})

describe('the manager of a domain', () => {
  it('makes users and projects there and gives them roles below its own', async () => {
    const user = await identity.ask(manager, 'POST', '/v3/users', {
      user: { name: 'rosie', domain_id: shire },
    })
    expect(user.status).toBe(201)
    const project = await identity.ask(manager, 'POST', '/v3/projects', {
      project: { name: 'bag-end', domain_id: shire },
    })
    expect(project.status).toBe(201)
    const roles = (await identity.ask(admin, 'GET', '/v3/roles')).body.roles
    const give = (name: string) =>
      identity.ask(
        manager,
        'PUT',
        `/v3/projects/${project.body.project.id}/users/${user.body.user.id}/roles/${roles.find((each: { name: string }) => each.name === name).id}`,
      )
    expect((await give('member')).status).toBe(204)
    expect((await give('admin')).status).toBe(403)
  })

  it('reaches nothing outside, and sees only its own in lists', async () => {
    expect(
      (await identity.ask(manager, 'POST', '/v3/users', { user: { name: 'x', domain_id: 'default' } }))
        .status,
    ).toBe(403)
    expect((await identity.ask(manager, 'GET', `/v3/users/${memberId}`)).status).toBe(403)
    expect((await identity.ask(manager, 'DELETE', `/v3/users/${memberId}`)).status).toBe(403)
    expect((await identity.ask(manager, 'DELETE', `/v3/domains/${shire}`)).status).toBe(403)
    for (const query of ['', '?domain_id=default']) {
      const { users } = (await identity.ask(manager, 'GET', `/v3/users${query}`)).body
      expect(new Set(users.map((each: { domain_id: string }) => each.domain_id))).toEqual(new Set([shire]))
    }
  })
})
