// Rules about passwords and about users who stay away, as an operator sets them by configuration.
import { afterEach, describe, expect, it } from 'vitest'
import type { IdentityConfig } from './config.ts'
import { passwordAuth, type TestIdentity, testIdentity } from './test-identity.ts'

const day = 86_400_000
let identity: TestIdentity
let admin: string
afterEach(() => identity.close())

async function start(config: Partial<IdentityConfig>): Promise<void> {
  identity = await testIdentity(config)
  admin = await identity.admin()
}
const create = (user: Record<string, unknown>) => identity.ask(admin, 'POST', '/v3/users', { user })
async function user(password: string, options: Record<string, unknown> = {}): Promise<string> {
  return (await create({ name: 'frodo', password, options })).body.user.id
}
const reset = (id: string, password: string) =>
  identity.ask(admin, 'PATCH', `/v3/users/${id}`, { user: { password } })
const choose = (id: string, from: string, to: string) =>
  identity.ask(undefined, 'POST', `/v3/users/${id}/password`, {
    user: { original_password: from, password: to },
  })
const login = async (password: string) => (await identity.auth(passwordAuth('frodo', password))).status

describe('a password', () => {
  it('must match the configured expression, whoever sets it, and is told in words what is asked', async () => {
    await start({ passwordRegex: '(?=.*\\d).{7,}$', passwordRegexDescription: 'Seven letters and a digit' })
    const short = await create({ name: 'frodo', password: 'ring' })
    expect([short.status, short.body.error.message]).toEqual([
      400,
      expect.stringContaining('Seven letters and a digit'),
    ])
    const id = await user('mellon77')
    expect((await reset(id, 'mellon')).status).toBe(400)
    expect((await choose(id, 'mellon77', 'mellon')).status).toBe(400)
    expect((await choose(id, 'mellon77', 'mellon88')).status).toBe(204)
    const rules = await identity.ask(admin, 'GET', '/v3/domains/default/config/security_compliance')
    expect(rules.body.config.security_compliance).toEqual({
      password_regex: '(?=.*\\d).{7,}$',
      password_regex_description: 'Seven letters and a digit',
    })
  })

  it('may not be one of the last that its user had, but an administrator may set it again', async () => {
    await start({ uniqueLastPasswordCount: 3 })
    const id = await user('one')
    for (const [from, to] of [
      ['one', 'two'],
      ['two', 'three'],
    ] as const)
      expect((await choose(id, from, to)).status).toBe(204)
    for (const old of ['one', 'two', 'three']) expect((await choose(id, 'three', old)).status).toBe(400)
    expect((await choose(id, 'three', 'four')).status).toBe(204)
    expect((await choose(id, 'four', 'one')).status).toBe(204)
    expect((await reset(id, 'four')).status).toBe(200)
    expect(await login('four')).toBe(201)
  })

  it('that one chose must be kept for some days, and one that was given need not', async () => {
    await start({ minimumPasswordAge: 2 })
    const id = await user('given')
    expect((await choose(id, 'given', 'chosen')).status).toBe(204)
    expect((await choose(id, 'chosen', 'other')).status).toBe(400)
    await identity.world.advance(2 * day)
    expect((await choose(id, 'chosen', 'other')).status).toBe(204)
  })

  it('that is locked is changed by an administrator alone', async () => {
    await start({})
    const id = await user('given')
    await identity.ask(admin, 'PATCH', `/v3/users/${id}`, { user: { options: { lock_password: true } } })
    const refused = await choose(id, 'given', 'chosen')
    expect([refused.status, refused.body.error.message]).toEqual([
      400,
      'This user may not change the password: an administrator has to.',
    ])
    expect(await login('given')).toBe(201)
    expect((await reset(id, 'other')).status).toBe(200)
    expect(await login('other')).toBe(201)
  })

  it('shows when it expires, and is found by it', async () => {
    await start({ passwordExpiresDays: 30 })
    const made = (await create({ name: 'frodo', password: 'ring' })).body.user
    const expiry = new Date(identity.world.clock.now() + 30 * day).toISOString().slice(0, 19)
    expect(made.password_expires_at.slice(0, 19)).toBe(expiry)
    const never = await create({ name: 'sam', password: 'garden', options: { ignore_password_expiry: true } })
    expect(never.body.user.password_expires_at).toBe(null)
    const found = async (filter: string) =>
      (await identity.ask(admin, 'GET', `/v3/users?name=frodo&password_expires_at=${filter}`)).body.users
        ?.length
    const later = new Date(identity.world.clock.now() + 31 * day).toISOString()
    expect([await found(`lt:${later}`), await found(`gt:${later}`), await found('soon')]).toEqual([
      1,
      0,
      undefined,
    ])
    await identity.world.advance(30 * day)
    expect(await login('ring')).toBe(401)
    expect((await choose(made.id, 'ring', 'precious')).status).toBe(204)
    expect(await login('precious')).toBe(201)
  })

  it('that an administrator set must be changed before its first use, where that is asked', async () => {
    await start({ changePasswordUponFirstUse: true })
    const id = await user('given')
    expect(await login('given')).toBe(401)
    expect((await choose(id, 'given', 'chosen')).status).toBe(204)
    expect(await login('chosen')).toBe(201)
    await reset(id, 'given')
    expect(await login('given')).toBe(401)
    const options = { ignore_change_password_upon_first_use: true }
    await identity.ask(admin, 'PATCH', `/v3/users/${id}`, { user: { options, password: 'again' } })
    expect(await login('again')).toBe(201)
  })
})

describe('a user who stays away', () => {
  it('counts as disabled after the configured days, until an administrator enables it', async () => {
    await start({ disableUserAccountDaysInactive: 10 })
    const id = await user('ring')
    const enabled = async () =>
      (await identity.ask(await identity.admin(), 'GET', `/v3/users/${id}`)).body.user.enabled
    expect(await login('ring')).toBe(201)
    await identity.world.advance(9 * day)
    await identity.admin()
    expect(await enabled()).toBe(true)
    await identity.world.advance(2 * day)
    expect(await enabled()).toBe(false)
    expect(await login('ring')).toBe(401)
    const list = await identity.ask(await identity.admin(), 'GET', '/v3/users?enabled=false')
    expect(list.body.users.map((each: { id: string }) => each.id)).toContain(id)
    const patch = { user: { enabled: true } }
    expect((await identity.ask(await identity.admin(), 'PATCH', `/v3/users/${id}`, patch)).status).toBe(200)
    expect(await enabled()).toBe(true)
    expect(await login('ring')).toBe(201)
  })
})
