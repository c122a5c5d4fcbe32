// Domains' own configuration: whole, by section and by option; what is refused, and what is never shown.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { putDomainOption } from './store/domain-config.ts'
import { type TestIdentity, testIdentity } from './test-identity.ts'

let identity: TestIdentity
let admin: string
let domain: string
let count = 0
beforeAll(async () => {
  identity = await testIdentity()
  admin = await identity.admin()
})
beforeEach(async () => {
  domain = (await ask('POST', '', { domain: { name: `shire-${count++}` } })).body.domain.id
})
afterAll(() => identity.close())

const ask = (method: string, path: string, body?: unknown) =>
  identity.ask(admin, method, `/v3/domains${path}`, body)
const at = (part = '') => `/${domain}/config${part}`
const ldap = { url: 'ldap://bag.end', user_tree_dn: 'ou=hobbits' }

describe("a domain's configuration", () => {
  it('is put as a whole, and read whole and in parts', async () => {
    expect((await ask('GET', at())).status).toBe(404)
    const config = { identity: { driver: 'ldap' }, ldap }
    const made = await ask('PUT', at(), { config })
    expect([made.status, made.body]).toEqual([201, { config }])
    expect((await ask('GET', at())).body).toEqual({ config })
    expect((await ask('GET', at('/ldap'))).body).toEqual({ config: { ldap } })
    expect((await ask('GET', at('/ldap/url'))).body).toEqual({ config: { url: ldap.url } })
    const again = await ask('PUT', at(), { config: { identity: { driver: 'sql' } } })
    expect(again.status).toBe(200)
    expect((await ask('GET', at('/ldap'))).status).toBe(404)
  })

  it('changes in parts that are there, and answers the whole', async () => {
    await ask('PUT', at(), { config: { ldap } })
    const more = await ask('PATCH', at(), { config: { identity: { list_limit: 7 } } })
    expect(more.body.config).toEqual({ identity: { list_limit: 7 }, ldap })
    const one = await ask('PATCH', at('/identity/list_limit'), { config: { list_limit: 8 } })
    expect(one.body.config.identity).toEqual({ list_limit: 8 })
    expect((await ask('PATCH', at('/identity/driver'), { config: { driver: 'sql' } })).status).toBe(404)
    expect((await ask('PATCH', at('/identity'), { config: { ldap } })).status).toBe(403)
    expect((await ask('PATCH', at('/ldap/url'), { config: { url: 'a', suffix: 'b' } })).status).toBe(403)
    expect((await ask('DELETE', at('/ldap/url'))).status).toBe(204)
    expect((await ask('DELETE', at('/ldap/url'))).status).toBe(404)
    expect((await ask('DELETE', at('/identity'))).status).toBe(204)
    expect((await ask('GET', at())).body.config).toEqual({ ldap: { user_tree_dn: ldap.user_tree_dn } })
    expect((await ask('DELETE', at())).status).toBe(204)
    expect((await ask('GET', at())).status).toBe(404)
  })

  it('ends lists of its users and groups, and of no others', async () => {
    for (const name of ['bilbo', 'frodo', 'drogo']) {
      await identity.ask(admin, 'POST', '/v3/users', { user: { name, domain_id: domain } })
      await identity.ask(admin, 'POST', '/v3/groups', { group: { name, domain_id: domain } })
    }
    await ask('PUT', at(), { config: { identity: { list_limit: 2 } } })
    for (const kind of ['users', 'groups']) {
      const { body } = await identity.ask(admin, 'GET', `/v3/${kind}?domain_id=${domain}`)
      expect([body[kind].length, body.truncated]).toEqual([2, true])
      const all = (await identity.ask(admin, 'GET', `/v3/${kind}`)).body
      expect([all[kind].length > 2, all.truncated]).toEqual([true, undefined])
    }
    await ask('DELETE', at())
    expect((await identity.ask(admin, 'GET', `/v3/users?domain_id=${domain}`)).body.users).toHaveLength(3)
    for (const limit of [0, -1, 1.5, 'x', true])
      expect((await ask('PUT', at(), { config: { identity: { list_limit: limit } } })).status).toBe(400)
  })

  it('as an earlier release kept it, ends no list where it is no limit', async () => {
    const { app } = identity.service
    for (const kept of ['abc', 0, -1, '2']) {
      await putDomainOption(app.db, {
        ...{ domainId: domain, section: 'identity', name: 'list_limit' },
        sealedValue: app.safe.seal(JSON.stringify(kept)),
      })
      const { status, body } = await identity.ask(admin, 'GET', `/v3/users?domain_id=${domain}`)
      expect([status, body.truncated]).toEqual([200, undefined])
    }
  })

  it('says in the journal which options do nothing', async () => {
    await ask('PUT', at(), { config: { identity: { driver: 'sql', list_limit: 9 } } })
    await ask('PUT', at(), { config: { identity: { driver: 'ldap' }, ldap } })
    await identity.service.app.journal.flush()
    const subject = `domain:${domain}`
    const told = identity.events().filter((event) => 'subject' in event && event.subject === subject)
    expect(told).toMatchObject([
      {
        name: 'domain_config.idle',
        data: { options: ['identity.driver', 'ldap.url', 'ldap.user_tree_dn'] },
      },
    ])
  })

  it('knows its sections and options, and refuses others', async () => {
    for (const config of [{}, { token: { provider: 'x' } }, { ldap: {} }, { ldap: { sasl: 1 } }])
      expect([config, (await ask('PUT', at(), { config })).status]).toEqual([config, 403])
    expect((await ask('PUT', at(), { config: { ldap: 'x' } })).status).toBe(400)
    expect((await ask('PUT', at(), { config: [] })).status).toBe(400)
    expect((await ask('GET', '/nowhere/config')).status).toBe(404)
    const defaults = (await ask('GET', '/config/default')).body.config
    expect(Object.keys(defaults)).toEqual(['identity', 'ldap'])
    expect((await ask('GET', '/config/identity/default')).body.config).toEqual({
      identity: defaults.identity,
    })
    expect((await ask('GET', '/config/ldap/url/default')).body.config).toEqual({ url: 'ldap://localhost' })
    expect((await ask('GET', '/config/ldap/sasl/default')).status).toBe(403)
  })

  it("keeps a directory's password sealed, and never shows it", async () => {
    const config = { ldap: { ...ldap, password: 'speak friend' } }
    const made = await ask('PUT', at(), { config })
    expect(made.text).not.toContain('friend')
    expect((await ask('GET', at())).text).not.toContain('friend')
    expect((await ask('GET', at('/ldap/password'))).status).toBe(404)
    const rows = await identity.service.app.db.sql.selectFrom('domain_option').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain('friend')
    expect(JSON.stringify(identity.events())).not.toContain('friend')
  })

  it('goes with its domain', async () => {
    await ask('PUT', at(), { config: { ldap } })
    await ask('PATCH', `/${domain}`, { domain: { enabled: false } })
    expect((await ask('DELETE', `/${domain}`)).status).toBe(204)
    const rows = await identity.service.app.db.sql.selectFrom('domain_option').select('domain_id').execute()
    expect(rows.filter((each) => each.domain_id === domain)).toEqual([])
  })
})
