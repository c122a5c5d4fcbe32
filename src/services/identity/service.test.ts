// The service as main and other services meet it: its schema, the first cloud and later boots, keys, and the client.

import { afterEach, describe, expect, it } from 'vitest'
import { schemaDifferences } from '#kit/db/schema.ts'
import { testServers } from '#kit/db/test-database.ts'
import { fernetKeys, rotateKeys } from '#kit/fernet/key-repository.ts'
import { randomSecretCost, testCost } from '#kit/password/password.ts'
import { realWorld } from '#kit/world/real.ts'
import { revocationPruning } from './loops/revocation-pruning.ts'
import { bootstrap, type FirstCloud } from './ops/bootstrap.ts'
import { tables } from './store/schema.ts'
import { findUserByName } from './store/user.ts'
import { inProject, passwordAuth, type TestIdentity, testIdentity } from './test-identity.ts'

let identity: TestIdentity
afterEach(() => identity.close())

it('has migrations that end in the declared tables', async () => {
  identity = await testIdentity()
  expect(await schemaDifferences(identity.service.app.db, tables)).toEqual([])
})

describe('the first cloud', () => {
  const cloud: FirstCloud = {
    region: 'RegionOne',
    adminPassword: 'another',
    serviceUsers: [
      { name: 'nova', password: 'another' },
      { name: 'neutron', password: 'neutron-secret' },
    ],
    catalog: [{ type: 'identity', name: 'keystone', url: 'http://moved.test:5000/v3' }],
  }

  it('is prepared once: a later boot adds what is missing, moves endpoints and leaves people alone', async () => {
    identity = await testIdentity()
    const admin = await identity.admin()
    const count = async (what: string) => (await identity.ask(admin, 'GET', `/v3/${what}`)).body[what].length
    const before = [
      await count('roles'),
      await count('users'),
      await count('endpoints'),
      await count('projects'),
    ]
    await identity.ask(admin, 'DELETE', `/v3/roles/${await idOf('roles', '_member_')}`)
    for (let boot = 0; boot < 2; boot++) await bootstrap(identity.service.app, cloud)
    expect([
      await count('roles'),
      await count('users'),
      await count('endpoints'),
      await count('projects'),
    ]).toEqual([before[0], before[1] + 1, before[2], before[3]])
    // The administrator's own password is kept.
    expect((await identity.auth(passwordAuth('admin', 'admin-secret', inProject('admin')))).status).toBe(201)
    expect(
      (await identity.auth(passwordAuth('neutron', 'neutron-secret', inProject('service')))).status,
    ).toBe(201)
    const { endpoints } = (await identity.ask(admin, 'GET', '/v3/endpoints')).body
    const urls = endpoints.map((each: { url: string }) => each.url)
    expect(urls.filter((url: string) => url === 'http://moved.test:5000/v3')).toHaveLength(3)

    async function idOf(what: string, name: string): Promise<string> {
      return (await identity.ask(admin, 'GET', `/v3/${what}?name=${name}`)).body[what][0].id
    }
  })

  it('hashes slowly what people chose, and at once what was made at random', async () => {
    identity = await testIdentity()
    const { app } = identity.service
    const secret = 'uFmYXPPdeTjWcnrwMPKyc81o'
    await bootstrap(app, {
      region: 'RegionOne',
      adminPassword: 'admin-secret',
      serviceUsers: [
        { name: 'ironic', password: secret },
        { name: 'swift', password: 'word of an operator' },
      ],
      catalog: [],
      isRandom: (password) => password === secret,
    })
    const cost = async (name: string) =>
      /ln=\d+/.exec((await findUserByName(app.db, name, 'default'))!.passwordHash!)?.[0]
    expect(await cost('ironic')).toBe(`ln=${randomSecretCost.rounds}`)
    expect(await cost('swift')).toBe(`ln=${testCost.rounds}`)
    expect((await identity.auth(passwordAuth('ironic', secret, inProject('service')))).status).toBe(201)
  })

  it('lets the administrator in, over project and system, and services with their roles', async () => {
    identity = await testIdentity()
    const rolesOf = async (auth: unknown) =>
      (await identity.auth(auth)).body.token.roles.map((each: { name: string }) => each.name)
    expect(await rolesOf(passwordAuth('admin', 'admin-secret', { system: { all: true } }))).toContain('admin')
    const service = await rolesOf(passwordAuth('nova', 'nova-secret', inProject('service')))
    expect(service).toEqual(expect.arrayContaining(['admin', 'service']))
  })
})

describe('token keys', () => {
  it('are turned when their time has come, and tokens outlive the turn', async () => {
    // Files carry the host's time.
    const { now } = realWorld().clock
    identity = await testIdentity({ tokenExpiration: 3 * 86_400_000 }, { now: now() })
    const path = identity.keyFolder
    const token = await identity.admin()
    const names = async () => (await identity.world.files.list(path)).sort()
    expect(await names()).toEqual(['0', '1'])
    await identity.world.advance(20 * 3_600_000)
    expect(await names()).toEqual(['0', '1'])
    await identity.world.advance(6 * 3_600_000)
    expect(await names()).toEqual(['0', '1', '2'])
    // Any write makes the service forget what it remembers of tokens, so this one is opened again.
    await identity.ask(token, 'POST', '/v3/regions', { region: { id: 'Elsewhere' } })
    for (const each of [token, await identity.admin()])
      expect((await identity.ask(each, 'GET', '/v3/auth/projects')).status).toBe(200)
  })
})

describe('revocations', () => {
  it('are dropped when no token of their time can live any more', async () => {
    identity = await testIdentity()
    const token = await identity.admin()
    await identity.ask(token, 'DELETE', '/v3/auth/tokens', undefined, { 'x-subject-token': token })
    const { app } = identity.service
    const rows = async () => (await app.db.sql.selectFrom('revocation').selectAll().execute()).length
    const loop = revocationPruning(app)
    await loop.run()
    expect(await rows()).toBe(1)
    await identity.world.advance(app.config.tokenExpiration + app.config.allowExpiredWindow + 2 * 3_600_000)
    await loop.run()
    expect(await rows()).toBe(0)
  })
})

// An SQLite file belongs to one controller; NIMBO_TEST_PG or NIMBO_TEST_MYSQL name a server for this.
describe.runIf(testServers().length > 1)('two controllers', () => {
  it('agree on every token at once, whichever of them changed something', async () => {
    identity = await testIdentity()
    const other = await identity.sibling()
    const admin = await identity.admin()
    const made = await identity.ask(admin, 'POST', '/v3/users', { user: { name: 'roamer', password: 'pw' } })
    const token = await identity.login('roamer', 'pw')
    const works = async () => (await other.ask(token, 'GET', '/v3/auth/projects')).status
    expect(await works()).toBe(200)
    expect(await works()).toBe(200)
    await identity.ask(admin, 'PATCH', `/v3/users/${made.body.user.id}`, { user: { password: 'changed' } })
    expect(await works()).toBe(401)
    await other.stop()
  })

  it('tell what other services of theirs have kept of a token, and share the keys as they are turned', async () => {
    identity = await testIdentity()
    const other = await identity.sibling()
    const at = {
      trace: identity.service.app.journal.newTrace(),
      journal: identity.service.app.journal,
    }
    const client = other.client('nova')
    const token = await identity.admin()
    await client.authenticate(token, at)
    expect((await client.authenticate(token, at)).cached).toBe(true)
    const turn = () => rotateKeys(identity.world, identity.keyFolder, fernetKeys, { maxActiveKeys: 10 })
    for (let turns = 0; turns < 3; turns++) await turn()
    await identity.world.advance(10_000)
    const sealedAnew = await identity.admin()
    expect((await other.ask(sealedAnew, 'GET', '/v3/auth/projects')).status).toBe(200)
    await identity.ask(sealedAnew, 'DELETE', '/v3/auth/tokens', undefined, { 'x-subject-token': token })
    await expect(client.authenticate(token, at)).rejects.toMatchObject({ kind: 'unauthorized' })
    await other.stop()
  })
})

describe('the client of other services', () => {
  const at = () => ({ trace: identity.service.app.journal.newTrace(), journal: identity.service.app.journal })
  const asked = async () => {
    await identity.service.app.journal.flush()
    return identity.events().filter((event) => event.name === 'token.validated').length
  }

  it('says whose token it is, and asks identity once', async () => {
    identity = await testIdentity()
    const client = identity.client('nova')
    const token = await identity.admin()
    const caller = await client.authenticate(token, at())
    expect(caller).toMatchObject({
      userName: 'admin',
      userDomainId: 'default',
      projectName: 'admin',
      projectDomainName: 'Default',
      roles: ['admin', 'manager', 'member', 'reader'],
      systemScope: undefined,
    })
    expect(caller.cached).toBeUndefined()
    expect((await client.authenticate(token, at())).cached).toBe(true)
    await Promise.all(Array.from({ length: 5 }, () => client.authenticate(token, at())))
    expect(await asked()).toBe(1)
    const validations = identity.events().filter((event) => event.name === 'token.validate')
    expect(validations.map((event) => event.data?.cached)).toEqual([false, ...Array(6).fill(true)])
  })

  it('asks once for many requests at the same time', async () => {
    identity = await testIdentity()
    const client = identity.client('nova')
    const token = await identity.admin()
    const callers = await Promise.all(Array.from({ length: 8 }, () => client.authenticate(token, at())))
    expect(new Set(callers.map((caller) => caller.userName))).toEqual(new Set(['admin']))
    expect(await asked()).toBe(1)
  })

  it('refuses what is no token, and keeps none past a change of identity', async () => {
    identity = await testIdentity()
    const client = identity.client('nova')
    await expect(client.authenticate('rubbish', at())).rejects.toMatchObject({ kind: 'unauthorized' })
    const token = await identity.admin()
    await client.authenticate(token, at())
    await identity.ask(token, 'DELETE', '/v3/auth/tokens', undefined, { 'x-subject-token': token })
    await expect(client.authenticate(token, at())).rejects.toMatchObject({ kind: 'unauthorized' })
  })

  it('lets a service finish with a token that has expired meanwhile, and nobody else', async () => {
    identity = await testIdentity()
    const client = identity.client('nova')
    const token = await identity.admin()
    await identity.world.advance(3_700_000)
    const [service, admin] = [
      await identity.login('nova', 'nova-secret', inProject('service')),
      await identity.admin(),
    ]
    const refused = { kind: 'unauthorized' }
    await expect(client.authenticate(token, at())).rejects.toMatchObject(refused)
    for (const serviceToken of [admin, token, 'rubbish', ''])
      await expect(client.authenticate(token, { ...at(), serviceToken })).rejects.toMatchObject(refused)
    const late = await client.authenticate(token, { ...at(), serviceToken: service })
    expect(late.userName).toBe('admin')
    await expect(client.authenticate('rubbish', { ...at(), serviceToken: service })).rejects.toMatchObject(
      refused,
    )
    await identity.world.advance(2 * 86_400_000)
    const later = await identity.login('nova', 'nova-secret', inProject('service'))
    await expect(client.authenticate(token, { ...at(), serviceToken: later })).rejects.toMatchObject(refused)
  })

  it('keeps a token of its own, renews it before its end and after it was revoked', async () => {
    identity = await testIdentity()
    const client = identity.client('nova')
    const first = await client.serviceToken(at().trace)
    expect(await client.serviceToken(at().trace)).toBe(first)
    await identity.world.advance(50 * 60_000)
    const second = await client.serviceToken(at().trace)
    expect(second).not.toBe(first)
    const admin = await identity.admin()
    await identity.ask(admin, 'DELETE', '/v3/auth/tokens', undefined, { 'x-subject-token': second })
    expect((await client.authenticate(admin, at())).userName).toBe('admin')
    expect(await client.serviceToken(at().trace)).not.toBe(second)
  })

  it('says unavailable where its own password is wrong', async () => {
    identity = await testIdentity()
    const client = identity.client('nobody')
    const answer = client.authenticate(await identity.admin(), at())
    await expect(answer).rejects.toMatchObject({ kind: 'unavailable' })
  })
})
