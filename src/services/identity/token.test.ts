// Tokens as clients see them: logging in, scopes, validation, and what makes a token void.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject, origin, passwordAuth, type TestIdentity, testIdentity } from './test-identity.ts'

let identity: TestIdentity
let admin: string
beforeAll(async () => {
  identity = await testIdentity()
  admin = await identity.admin()
})
afterAll(() => identity.close())

const validate = (token: string, by = admin, query = '') =>
  identity.ask(by, 'GET', `/v3/auth/tokens${query}`, undefined, { 'x-subject-token': token })

let count = 0
/** A user who is a member of a project of its own. */
async function person(): Promise<{ name: string; userId: string; projectId: string; project: string }> {
  const name = `person-${count++}`
  const user = await identity.ask(admin, 'POST', '/v3/users', { user: { name, password: 'pw' } })
  const project = await identity.ask(admin, 'POST', '/v3/projects', { project: { name: `of-${name}` } })
  const [userId, projectId] = [user.body.user.id, project.body.project.id]
  await identity.ask(admin, 'PUT', `/v3/projects/${projectId}/users/${userId}/roles/${await role('member')}`)
  return { name, userId, projectId, project: `of-${name}` }
}
async function role(name: string): Promise<string> {
  return (await identity.ask(admin, 'GET', `/v3/roles?name=${name}`)).body.roles[0].id
}

describe('logging in', () => {
  it('gives a project token with roles, their implied roles and a filled-in catalog', async () => {
    const answer = await identity.auth(passwordAuth('admin', 'admin-secret', inProject('admin')))
    expect(answer.status).toBe(201)
    const { token } = answer.body
    expect(Object.keys(token).sort()).toEqual([
      'audit_ids',
      'catalog',
      'expires_at',
      'is_domain',
      'issued_at',
      'methods',
      'project',
      'roles',
      'user',
    ])
    expect(token.roles.map((each: { name: string }) => each.name)).toEqual([
      'admin',
      'manager',
      'member',
      'reader',
    ])
    expect(token.user).toMatchObject({
      name: 'admin',
      domain: { id: 'default', name: 'Default' },
      password_expires_at: null,
    })
    expect(token.expires_at).toBe('2026-01-01T01:00:00.000000Z')
    const volume = token.catalog.find((each: { type: string }) => each.type === 'volumev3')
    expect(volume.endpoints).toHaveLength(3)
    expect(volume.endpoints[0].url).toBe(`http://volume.test:8776/v3/${token.project.id}`)
    expect(answer.text).not.toContain(answer.headers['x-subject-token'])
  })

  it('scopes to a domain, to the system and to nothing', async () => {
    const adminId = (await identity.ask(admin, 'GET', '/v3/users?name=admin')).body.users[0].id
    await identity.ask(admin, 'PUT', `/v3/domains/default/users/${adminId}/roles/${await role('reader')}`)
    const domain = await identity.auth(passwordAuth('admin', 'admin-secret', { domain: { name: 'dEFault' } }))
    expect(domain.body.token.domain).toEqual({ id: 'default', name: 'Default' })
    expect(domain.body.token.roles).toHaveLength(1)
    const system = await identity.auth(passwordAuth('admin', 'admin-secret', { system: { all: true } }))
    expect(system.body.token.system).toEqual({ all: true })
    const volume = system.body.token.catalog.find((each: { type: string }) => each.type === 'volumev3')
    expect(volume.endpoints).toEqual([])
    for (const scope of [undefined, 'unscoped']) {
      const { token } = (await identity.auth(passwordAuth('admin', 'admin-secret', scope))).body
      expect(token).not.toHaveProperty('roles')
      expect(token).not.toHaveProperty('catalog')
    }
  })

  it('finds the domain under both spellings', async () => {
    for (const name of ['default', 'Default']) {
      const user = { name: 'admin', password: 'admin-secret', domain: { name } }
      expect((await identity.auth({ identity: { methods: ['password'], password: { user } } })).status).toBe(
        201,
      )
    }
  })

  it('takes the default project when no scope is named, and no scope when that is of no use', async () => {
    const { name, userId, projectId } = await person()
    const prefer = (id: string) =>
      identity.ask(admin, 'PATCH', `/v3/users/${userId}`, { user: { default_project_id: id } })
    await prefer(projectId)
    expect((await identity.auth(passwordAuth(name, 'pw'))).body.token.project.id).toBe(projectId)
    expect((await identity.auth(passwordAuth(name, 'pw', 'unscoped'))).body.token.project).toBeUndefined()
    await prefer('0'.repeat(32))
    expect((await identity.auth(passwordAuth(name, 'pw'))).body.token.project).toBeUndefined()
  })

  it('answers every failure alike', async () => {
    const { name } = await person()
    const failures = [
      passwordAuth('nobody', 'pw'),
      passwordAuth(name, 'wrong'),
      passwordAuth(name, 'pw', inProject('admin')),
      passwordAuth(name, 'pw', inProject('nowhere')),
      passwordAuth(name, 'pw', { system: { all: true } }),
      passwordAuth(name, 'pw', { domain: { id: 'default' } }),
    ]
    for (const failure of failures) {
      const answer = await identity.auth(failure)
      expect(answer.status).toBe(401)
      expect(answer.headers['www-authenticate']).toBe(`Keystone uri="${origin}/v3"`)
      expect(answer.body).toEqual({
        error: {
          code: 401,
          message: 'The request you have made requires authentication.',
          title: 'Unauthorized',
        },
      })
    }
  })

  it('refuses what is no login', async () => {
    const post = (body: unknown) => identity.ask(undefined, 'POST', '/v3/auth/tokens', body)
    const wrong = [
      {},
      '{',
      '[]',
      { auth: {} },
      { auth: { identity: { methods: ['password'] } } },
      { auth: { identity: { methods: 'password' } } },
      { auth: { identity: { methods: ['password'], password: { user: { name: 1, password: 'x' } } } } },
      { auth: passwordAuth('admin', 'admin-secret', { project: { id: 'a' }, domain: { id: 'default' } }) },
      { auth: passwordAuth('admin', 'admin-secret', 'somewhere') },
    ]
    for (const body of wrong) expect((await post(body)).status).toBe(400)
    const unknown = await post({ auth: { identity: { methods: ['guess'] } } })
    expect(unknown.status).toBe(401)
    expect(unknown.body.error.identity.methods).toContain('password')
  })

  it('rescopes a token, keeping its end and its chain', async () => {
    const first = await identity.auth(passwordAuth('admin', 'admin-secret', 'unscoped'))
    await identity.world.advance(60_000)
    const auth = {
      identity: { methods: ['token'], token: { id: first.headers['x-subject-token'] } },
      scope: inProject('admin'),
    }
    const { token } = (await identity.auth(auth)).body
    expect(token.methods).toEqual(['token', 'password'])
    expect(token.expires_at).toBe(first.body.token.expires_at)
    expect(token.audit_ids).toHaveLength(2)
    expect(token.audit_ids[1]).toBe(first.body.token.audit_ids[0])
  })

  it('does not know a token that is void, as when it is asked about one', async () => {
    const { name, userId } = await person()
    const token = (await identity.auth(passwordAuth(name, 'pw'))).headers['x-subject-token']!
    const again = (id: string) => identity.auth({ identity: { methods: ['token'], token: { id } } })
    expect((await again(token)).status).toBe(201)
    const user = { password: 'new', original_password: 'pw' }
    await identity.ask(token, 'POST', `/v3/users/${userId}/password`, { user })
    for (const id of [token, 'gAAAAArubbish']) {
      const answer = await again(id)
      expect(answer.status).toBe(404)
      expect(answer.body.error.message).toBe('Failed to validate token')
    }
  })

  it('records who got a token, and never the token', async () => {
    const token = await identity.admin()
    await identity.service.app.journal.flush()
    const issued = identity.events().filter((event) => event.name === 'token.issue')
    expect(issued.at(-1)).toMatchObject({
      service: 'keystone',
      data: { methods: ['password'], scope: 'project' },
    })
    expect(JSON.stringify(identity.events())).not.toContain(token)
  })
})

describe('validation', () => {
  it('reads back what was issued, and leaves the catalog out when asked', async () => {
    const issued = await identity.auth(passwordAuth('admin', 'admin-secret', inProject('admin')))
    const token = issued.headers['x-subject-token']!
    const answer = await validate(token)
    expect(answer.status).toBe(200)
    expect(answer.headers['x-subject-token']).toBe(token)
    expect(answer.body).toEqual(issued.body)
    expect((await validate(token, admin, '?nocatalog')).body.token).not.toHaveProperty('catalog')
    const head = await identity.ask(admin, 'HEAD', '/v3/auth/tokens', undefined, { 'x-subject-token': token })
    expect([head.status, head.text]).toEqual([200, ''])
  })

  it('is for oneself, for services and for administrators', async () => {
    const [one, other] = [await person(), await person()]
    const token = await identity.login(one.name, 'pw', inProject(one.project))
    const stranger = await identity.login(other.name, 'pw', inProject(other.project))
    const service = await identity.login('nova', 'nova-secret', inProject('service'))
    expect((await validate(token, token)).status).toBe(200)
    expect((await validate(token, service)).status).toBe(200)
    expect((await validate(token, stranger)).status).toBe(403)
    expect((await validate(token, 'rubbish')).status).toBe(401)
    for (const subject of ['rubbish', '', `${token.slice(0, -3)}AAA`, 'x'.repeat(9000)])
      expect((await validate(subject)).status).toBe(404)
  })

  it('ends at the end, but for services that finish long work', async () => {
    const { name } = await person()
    const token = await identity.login(name, 'pw')
    await identity.world.advance(3_600_000)
    const later = await identity.admin()
    expect((await validate(token, later)).status).toBe(404)
    expect((await validate(token, later, '?allow_expired=1')).status).toBe(200)
    expect((await identity.ask(token, 'GET', '/v3/auth/projects')).status).toBe(401)
    await identity.world.advance(2 * 86_400_000)
    const latest = await identity.admin()
    expect((await validate(token, latest, '?allow_expired=1')).status).toBe(404)
    admin = latest
  })
})

describe('a token is void at once', () => {
  const stillWorks = async (token: string) =>
    (await identity.ask(token, 'GET', '/v3/auth/projects')).status === 200

  it('when it is revoked; its sisters stay', async () => {
    const { name } = await person()
    const [token, sister] = [await identity.login(name, 'pw'), await identity.login(name, 'pw')]
    const headers = { 'x-subject-token': token }
    expect((await identity.ask(token, 'DELETE', '/v3/auth/tokens', undefined, headers)).status).toBe(204)
    expect((await validate(token)).status).toBe(404)
    expect(await stillWorks(token)).toBe(false)
    expect(await stillWorks(sister)).toBe(true)
  })

  it('when the password changes, and the next login in the same second works', async () => {
    const { name, userId } = await person()
    let password = 'pw'
    const tokens: string[] = []
    // Time stands still: all of this is within one second.
    for (const next of ['pw-1', 'pw-2', 'pw-3']) {
      const token = await identity.login(name, password)
      expect(await stillWorks(token)).toBe(true)
      const body = { user: { original_password: password, password: next } }
      expect((await identity.ask(undefined, 'POST', `/v3/users/${userId}/password`, body)).status).toBe(204)
      tokens.push(token)
      password = next
      for (const old of tokens) expect(await stillWorks(old)).toBe(false)
    }
    expect(await stillWorks(await identity.login(name, password))).toBe(true)
    expect((await identity.auth(passwordAuth(name, 'pw'))).status).toBe(401)
  })

  it('when the user is disabled, and stays so when it is enabled again', async () => {
    const { name, userId } = await person()
    const token = await identity.login(name, 'pw')
    const enable = (enabled: boolean) =>
      identity.ask(admin, 'PATCH', `/v3/users/${userId}`, { user: { enabled } })
    await enable(false)
    expect(await stillWorks(token)).toBe(false)
    expect((await identity.auth(passwordAuth(name, 'pw'))).status).toBe(401)
    await enable(true)
    expect(await stillWorks(token)).toBe(false)
    expect(await stillWorks(await identity.login(name, 'pw'))).toBe(true)
  })

  it('when the role, the project, the group or the user goes', async () => {
    const member = await role('member')
    const removals: ((who: Awaited<ReturnType<typeof person>>) => [string, string, unknown?])[] = [
      ({ userId, projectId }) => ['DELETE', `/v3/projects/${projectId}/users/${userId}/roles/${member}`],
      ({ projectId }) => ['PATCH', `/v3/projects/${projectId}`, { project: { enabled: false } }],
      ({ projectId }) => ['DELETE', `/v3/projects/${projectId}`],
      ({ userId }) => ['DELETE', `/v3/users/${userId}`],
    ]
    for (const removal of removals) {
      const who = await person()
      const token = await identity.login(who.name, 'pw', inProject(who.project))
      expect(await stillWorks(token)).toBe(true)
      const [method, path, body] = removal(who)
      expect((await identity.ask(admin, method, path, body)).status).toBeLessThan(300)
      expect(await stillWorks(token)).toBe(false)
      expect((await validate(token)).status).toBe(404)
    }
  })

  it('when its domain is disabled', async () => {
    const made = await identity.ask(admin, 'POST', '/v3/domains', { domain: { name: 'short-lived' } })
    const id = made.body.domain.id
    await identity.ask(admin, 'POST', '/v3/users', { user: { name: 'guest', password: 'pw', domain_id: id } })
    const user = { name: 'guest', password: 'pw', domain: { id } }
    const auth = { identity: { methods: ['password'], password: { user } } }
    const token = (await identity.auth(auth)).headers['x-subject-token']!
    expect(await stillWorks(token)).toBe(true)
    await identity.ask(admin, 'PATCH', `/v3/domains/${id}`, { domain: { enabled: false } })
    expect(await stillWorks(token)).toBe(false)
    expect((await identity.auth(auth)).status).toBe(401)
  })

  it('by a group: who joins gains the role, who leaves loses it', async () => {
    const [who, other] = [await person(), await person()]
    const group = (await identity.ask(admin, 'POST', '/v3/groups', { group: { name: 'crew' } })).body.group
    await identity.ask(
      admin,
      'PUT',
      `/v3/projects/${other.projectId}/groups/${group.id}/roles/${await role('reader')}`,
    )
    const wish = passwordAuth(who.name, 'pw', inProject(other.project))
    expect((await identity.auth(wish)).status).toBe(401)
    await identity.ask(admin, 'PUT', `/v3/groups/${group.id}/users/${who.userId}`)
    const token = (await identity.auth(wish)).headers['x-subject-token']!
    expect(await stillWorks(token)).toBe(true)
    await identity.ask(admin, 'DELETE', `/v3/groups/${group.id}/users/${who.userId}`)
    expect(await stillWorks(token)).toBe(false)
  })
})

describe('revocation events', () => {
  it('say what was revoked, to services and administrators', async () => {
    const { name, userId } = await person()
    const token = await identity.login(name, 'pw')
    const list = async (by: string, query = '') => identity.ask(by, 'GET', `/v3/OS-REVOKE/events${query}`)
    await identity.ask(token, 'DELETE', '/v3/auth/tokens', undefined, { 'x-subject-token': token })
    await identity.world.advance(5_000)
    await identity.ask(admin, 'PATCH', `/v3/users/${userId}`, { user: { enabled: false } })
    const { status, body } = await list(await identity.login('nova', 'nova-secret', inProject('service')))
    expect(status).toBe(200)
    const own = body.events.find((event: { user_id?: string }) => event.user_id === userId)
    expect(Object.keys(own).sort()).toEqual(['issued_before', 'user_id'])
    expect(body.events.some((event: { audit_id?: string }) => event.audit_id !== undefined)).toBe(true)
    const since = encodeURIComponent(own.issued_before)
    const late = (await list(admin, `?since=${since}`)).body.events
    expect(late).toEqual([own])
    expect((await list(admin, '?since=Thu,%2001%20Jan%202099%2000:00:00%20GMT')).body.events).toEqual([])
    expect((await list(admin, '?since=lately')).status).toBe(400)
    const other = await person()
    expect((await list(await identity.login(other.name, 'pw', inProject(other.project)))).status).toBe(403)
  })

  it('replace the list of revoked tokens, which is gone', async () => {
    expect((await identity.ask(admin, 'GET', '/v3/auth/tokens/OS-PKI/revoked')).status).toBe(410)
  })
})

describe('tokens that are signed', () => {
  it('do all that sealed ones do', async () => {
    const signing = await testIdentity({ tokenProvider: 'jws' })
    try {
      const first = await signing.auth(passwordAuth('admin', 'admin-secret', inProject('admin')))
      const token = first.headers['x-subject-token']!
      expect(token.split('.')).toHaveLength(3)
      const shown = await signing.ask(token, 'GET', '/v3/auth/tokens', undefined, {
        'x-subject-token': token,
      })
      expect(shown.body).toEqual(first.body)
      const scope = { system: { all: true } }
      const again = await signing.auth({ identity: { methods: ['token'], token: { id: token } }, scope })
      expect(again.status).toBe(201)
      expect(again.body.token.audit_ids[1]).toBe(first.body.token.audit_ids[0])
      await signing.ask(token, 'DELETE', '/v3/auth/tokens', undefined, { 'x-subject-token': token })
      expect((await signing.ask(token, 'GET', '/v3/auth/projects')).status).toBe(401)
      const [head, body, mark] = again.headers['x-subject-token']!.split('.') as [string, string, string]
      const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
      const forged = Buffer.from(JSON.stringify({ ...claims, exp: claims.exp + 1 })).toString('base64url')
      expect((await signing.ask(`${head}.${forged}.${mark}`, 'GET', '/v3/auth/projects')).status).toBe(401)
    } finally {
      await signing.close()
    }
  })
})
