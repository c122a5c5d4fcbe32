// Application credentials, access rules, trusts, EC2 keys and kept credentials: what each allows and when it ends.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inProject, type TestIdentity, testIdentity } from './test-identity.ts'

let identity: TestIdentity
let admin: string
let memberRole: string
type Person = { name: string; id: string; project: string; projectId: string; token: string }
beforeAll(async () => {
  identity = await testIdentity()
  admin = await identity.admin()
  memberRole = (await identity.ask(admin, 'GET', '/v3/roles?name=member')).body.roles[0].id
})
afterAll(() => identity.close())

let count = 0
async function person(): Promise<Person> {
  const name = `p${count++}`
  const id = (await identity.ask(admin, 'POST', '/v3/users', { user: { name, password: 'pw' } })).body.user.id
  const project = `project-of-${name}`
  const made = await identity.ask(admin, 'POST', '/v3/projects', { project: { name: project } })
  const projectId = made.body.project.id
  await identity.ask(admin, 'PUT', `/v3/projects/${projectId}/users/${id}/roles/${memberRole}`)
  return { name, id, project, projectId, token: await identity.login(name, 'pw', inProject(project)) }
}
const works = async (token: string) => (await identity.ask(token, 'GET', '/v3/auth/projects')).status === 200

describe('an application credential', () => {
  const make = (who: Person, more: Record<string, unknown> = {}, token = who.token) =>
    identity.ask(token, 'POST', `/v3/users/${who.id}/application_credentials`, {
      application_credential: { name: `credential-${count++}`, ...more },
    })
  const login = (id: string, secret: string, scope?: unknown) =>
    identity.auth({
      identity: { methods: ['application_credential'], application_credential: { id, secret } },
      ...(scope !== undefined && { scope }),
    })

  it('logs in with its secret, which is shown once, in its own project', async () => {
    const who = await person()
    const { application_credential: made } = (await make(who)).body
    expect(made.secret).toHaveLength(86)
    expect(made.roles.map((role: { name: string }) => role.name)).toEqual(['member', 'reader'])
    const shown = await identity.ask(
      who.token,
      'GET',
      `/v3/users/${who.id}/application_credentials/${made.id}`,
    )
    expect(shown.body.application_credential).not.toHaveProperty('secret')
    const { token } = (await login(made.id, made.secret)).body
    expect(token).toMatchObject({
      methods: ['application_credential'],
      project: { id: who.projectId },
      application_credential: { id: made.id, restricted: true },
    })
    expect((await login(made.id, 'wrong')).status).toBe(401)
    expect((await login(made.id, made.secret, inProject('admin'))).status).toBe(401)
    expect((await login(made.id, made.secret, { project: { id: who.projectId } })).status).toBe(201)
  })

  it('can be named together with its user', async () => {
    const who = await person()
    const { name, secret } = (await make(who)).body.application_credential
    const wish = { name, secret, user: { name: who.name, domain: { name: 'Default' } } }
    const methods = ['application_credential']
    const answer = await identity.auth({ identity: { methods, application_credential: wish } })
    expect(answer.status).toBe(201)
  })

  it('gives no more than it was made with, and no way around that', async () => {
    const who = await person()
    const { id, secret } = (await make(who, { roles: [{ name: 'reader' }] })).body.application_credential
    const token = (await login(id, secret)).headers['x-subject-token']!
    expect((await login(id, secret)).body.token.roles.map((role: { name: string }) => role.name)).toEqual([
      'reader',
    ])
    expect((await make(who, {}, token)).status).toBe(403)
    for (const scope of [undefined, inProject(who.project)]) {
      const again = await identity.auth({
        identity: { methods: ['token'], token: { id: token } },
        ...(scope && { scope }),
      })
      expect(again.body.token.roles.map((role: { name: string }) => role.name)).toEqual(['reader'])
    }
    expect(
      (
        await identity.auth({
          identity: { methods: ['token'], token: { id: token } },
          scope: inProject('admin'),
        })
      ).status,
    ).toBe(401)
    expect((await make(who, { roles: [{ name: 'admin' }] })).status).toBe(400)
  })

  it('ends when it expires, when it is deleted and when the role is taken', async () => {
    const who = await person()
    const soon = new Date(identity.world.clock.now() + 60_000).toISOString()
    const { id, secret, expires_at } = (await make(who, { expires_at: soon })).body.application_credential
    expect(expires_at).toBe(soon.replace('Z', '000'))
    const issued = await login(id, secret)
    expect(Date.parse(issued.body.token.expires_at)).toBeLessThanOrEqual(Date.parse(soon))
    await identity.world.advance(60_000)
    expect((await login(id, secret)).status).toBe(401)
    for (const wrong of ['yesterday', '2020-01-01T00:00:00Z'])
      expect((await make(who, { expires_at: wrong })).status).toBe(400)

    const second = (await make(who)).body.application_credential
    const token = (await login(second.id, second.secret)).headers['x-subject-token']!
    const third = (await make(who)).body.application_credential
    const other = (await login(third.id, third.secret)).headers['x-subject-token']!
    await identity.ask(who.token, 'DELETE', `/v3/users/${who.id}/application_credentials/${second.id}`)
    expect([await works(token), await works(other)]).toEqual([false, true])
    await identity.ask(admin, 'DELETE', `/v3/projects/${who.projectId}/users/${who.id}/roles/${memberRole}`)
    expect(await works(other)).toBe(false)
    expect((await login(third.id, third.secret)).status).toBe(401)
  })

  it('is for its user alone', async () => {
    const [who, other] = [await person(), await person()]
    const { id } = (await make(who)).body.application_credential
    const path = `/v3/users/${who.id}/application_credentials`
    expect((await identity.ask(other.token, 'GET', path)).status).toBe(403)
    expect((await identity.ask(other.token, 'DELETE', `${path}/${id}`)).status).toBe(403)
    expect(
      (await identity.ask(other.token, 'GET', `/v3/users/${other.id}/application_credentials/${id}`)).status,
    ).toBe(404)
    expect((await make(who, {}, other.token)).status).toBe(403)
    expect((await make(who, {}, admin)).status).toBe(403)
  })

  it('with access rules does what they name and nothing else, at services that check them', async () => {
    const who = await person()
    const rules = [{ service: 'identity', method: 'GET', path: '/v3/auth/projects' }]
    const made = (await make(who, { access_rules: rules })).body.application_credential
    expect(made.access_rules).toEqual([{ id: made.access_rules[0].id, ...rules[0] }])
    const token = (await login(made.id, made.secret)).headers['x-subject-token']!
    expect(await works(token)).toBe(true)
    expect((await identity.ask(token, 'GET', '/v3/auth/catalog')).status).toBe(401)
    const subject = { 'x-subject-token': token }
    expect((await identity.ask(admin, 'GET', '/v3/auth/tokens', undefined, subject)).status).toBe(404)
    const caller = await identity.client('nova').authenticate(token, {
      trace: identity.service.app.journal.newTrace(),
      journal: identity.service.app.journal,
    })
    expect(caller.accessRules).toEqual(rules)
    const ruleId = made.access_rules[0].id
    const path = `/v3/users/${who.id}/access_rules`
    expect((await identity.ask(who.token, 'GET', path)).body.access_rules).toHaveLength(1)
    expect((await identity.ask(who.token, 'DELETE', `${path}/${ruleId}`)).status).toBe(403)
    await identity.ask(who.token, 'DELETE', `/v3/users/${who.id}/application_credentials/${made.id}`)
    expect((await identity.ask(who.token, 'DELETE', `${path}/${ruleId}`)).status).toBe(204)
  })
})

describe('a trust', () => {
  const make = (trustor: Person, trustee: Person, more: Record<string, unknown> = {}) =>
    identity.ask(trustor.token, 'POST', '/v3/OS-TRUST/trusts', {
      trust: {
        trustor_user_id: trustor.id,
        trustee_user_id: trustee.id,
        project_id: trustor.projectId,
        impersonation: true,
        roles: [{ name: 'member' }],
        ...more,
      },
    })
  const use = (who: Person, id: string) =>
    identity.auth({
      identity: { methods: ['token'], token: { id: who.token } },
      scope: { 'OS-TRUST:trust': { id } },
    })

  it('lets the trustee act as the trustor, or as itself, in the project', async () => {
    const [trustor, trustee] = [await person(), await person()]
    const { trust } = (await make(trustor, trustee)).body
    const { token } = (await use(trustee, trust.id)).body
    expect(token).toMatchObject({ user: { id: trustor.id }, project: { id: trustor.projectId } })
    expect(token['OS-TRUST:trust']).toMatchObject({ id: trust.id, impersonation: true })
    const open = (await make(trustor, trustee, { impersonation: false })).body.trust
    expect((await use(trustee, open.id)).body.token.user.id).toBe(trustee.id)
    expect((await use(trustor, trust.id)).status).toBe(403)
  })

  it('passes on nothing that the trustor has not, and nothing to a further token', async () => {
    const [trustor, trustee] = [await person(), await person()]
    expect((await make(trustor, trustee, { roles: [{ name: 'admin' }] })).status).toBe(403)
    expect((await make(trustor, trustee, { roles: [] })).status).toBe(403)
    expect((await make(trustor, trustee, { trustor_user_id: trustee.id })).status).toBe(403)
    expect((await make(trustor, trustee, { trustee_user_id: 'nobody' })).status).toBe(404)
    const { trust } = (await make(trustor, trustee)).body
    const token = (await use(trustee, trust.id)).headers['x-subject-token']!
    expect((await identity.auth({ identity: { methods: ['token'], token: { id: token } } })).status).toBe(403)
    await identity.ask(
      admin,
      'DELETE',
      `/v3/projects/${trustor.projectId}/users/${trustor.id}/roles/${memberRole}`,
    )
    expect(await works(token)).toBe(false)
  })

  it('ends when it is deleted, expires or is used up', async () => {
    const [trustor, trustee] = [await person(), await person()]
    const { trust } = (await make(trustor, trustee)).body
    const token = (await use(trustee, trust.id)).headers['x-subject-token']!
    expect((await identity.ask(trustee.token, 'DELETE', `/v3/OS-TRUST/trusts/${trust.id}`)).status).toBe(403)
    expect((await identity.ask(trustor.token, 'DELETE', `/v3/OS-TRUST/trusts/${trust.id}`)).status).toBe(204)
    expect(await works(token)).toBe(false)
    expect((await identity.ask(trustor.token, 'GET', `/v3/OS-TRUST/trusts/${trust.id}`)).status).toBe(404)

    const twice = (await make(trustor, trustee, { remaining_uses: 2 })).body.trust
    expect([(await use(trustee, twice.id)).status, (await use(trustee, twice.id)).status]).toEqual([201, 201])
    expect((await use(trustee, twice.id)).status).toBe(403)

    const expires_at = new Date(identity.world.clock.now() + 60_000).toISOString()
    const brief = (await make(trustor, trustee, { expires_at })).body.trust
    const last = (await use(trustee, brief.id)).headers['x-subject-token']!
    await identity.world.advance(60_000)
    expect(await works(last)).toBe(false)
    expect((await use(trustee, brief.id)).status).toBe(401)
  })

  it('may be passed on as often as it says, with no more than it has, and ends with what it came from', async () => {
    const [first, second, third, fourth] = [await person(), await person(), await person(), await person()]
    const { trust } = (await make(first, second, { allow_redelegation: true, redelegation_count: 2 })).body
    expect(trust.redelegation_count).toBe(2)
    const passOn = async (from: Person, trustId: string, to: Person, more: Record<string, unknown> = {}) => {
      const token = (await use(from, trustId)).headers['x-subject-token']!
      const given = {
        trustor_user_id: first.id,
        trustee_user_id: to.id,
        project_id: first.projectId,
        impersonation: true,
        roles: [{ name: 'member' }],
        ...more,
      }
      return identity.ask(token, 'POST', '/v3/OS-TRUST/trusts', { trust: given })
    }
    const refused = [{ remaining_uses: 3 }, { project_id: second.projectId }, { roles: [{ name: 'reader' }] }]
    for (const more of refused)
      expect([more, (await passOn(second, trust.id, third, more)).status]).toEqual([more, 403])
    const deep = { allow_redelegation: true, redelegation_count: 2 }
    expect((await passOn(second, trust.id, third, deep)).status).toBe(403)

    const onward = (await passOn(second, trust.id, third, { allow_redelegation: true })).body.trust
    expect(onward).toMatchObject({ redelegated_trust_id: trust.id, redelegation_count: 1 })
    const last = (await passOn(third, onward.id, fourth)).body.trust
    expect(last).toMatchObject({ redelegated_trust_id: onward.id, redelegation_count: 0 })
    const used = await use(fourth, last.id)
    expect(used.body.token).toMatchObject({ user: { id: first.id }, project: { id: first.projectId } })
    expect((await passOn(fourth, last.id, second)).status).toBe(403)

    expect((await identity.ask(first.token, 'DELETE', `/v3/OS-TRUST/trusts/${trust.id}`)).status).toBe(204)
    expect(await works(used.headers['x-subject-token']!)).toBe(false)
    expect((await identity.ask(admin, 'GET', `/v3/OS-TRUST/trusts/${last.id}`)).status).toBe(404)
  })

  it('is seen by the two of them', async () => {
    const [trustor, trustee, other] = [await person(), await person(), await person()]
    const { trust } = (await make(trustor, trustee)).body
    const see = async (who: Person) =>
      (await identity.ask(who.token, 'GET', `/v3/OS-TRUST/trusts/${trust.id}`)).status
    expect([await see(trustor), await see(trustee), await see(other)]).toEqual([200, 200, 403])
    const list = (who: Person, query: string) =>
      identity.ask(who.token, 'GET', `/v3/OS-TRUST/trusts?${query}`)
    expect((await list(trustor, `trustor_user_id=${trustor.id}`)).body.trusts).toHaveLength(1)
    expect((await list(other, `trustor_user_id=${trustor.id}`)).status).toBe(403)
    expect((await list(trustor, '')).status).toBe(403)
  })
})

describe('credentials that are kept', () => {
  it('are sealed, and seen by their owner', async () => {
    const [who, other] = [await person(), await person()]
    const made = await identity.ask(who.token, 'POST', '/v3/credentials', {
      credential: { type: 'totp', blob: 'open sesame', user_id: who.id },
    })
    expect(made.status).toBe(201)
    const { id } = made.body.credential
    const rows = await identity.service.app.db.sql.selectFrom('credential').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain('sesame')
    expect((await identity.ask(who.token, 'GET', `/v3/credentials/${id}`)).body.credential.blob).toBe(
      'open sesame',
    )
    expect((await identity.ask(other.token, 'GET', `/v3/credentials/${id}`)).status).toBe(403)
    expect((await identity.ask(other.token, 'GET', '/v3/credentials')).body.credentials).toEqual([])
    const gift = { credential: { user_id: other.id } }
    expect((await identity.ask(who.token, 'PATCH', `/v3/credentials/${id}`, gift)).status).toBe(403)
    expect((await identity.ask(who.token, 'DELETE', `/v3/credentials/${id}`)).status).toBe(204)
  })

  it('are EC2 keys as well', async () => {
    const [who, other] = [await person(), await person()]
    const path = `/v3/users/${who.id}/credentials/OS-EC2`
    const { credential } = (await identity.ask(who.token, 'POST', path, { tenant_id: who.projectId })).body
    expect(credential).toMatchObject({ user_id: who.id, tenant_id: who.projectId, trust_id: null })
    expect((await identity.ask(who.token, 'GET', path)).body.credentials).toEqual([credential])
    const one = `${path}/${credential.access}`
    expect((await identity.ask(other.token, 'GET', one)).status).toBe(403)
    expect((await identity.ask(who.token, 'DELETE', one)).status).toBe(204)
    expect((await identity.ask(who.token, 'GET', one)).status).toBe(404)
  })
})
