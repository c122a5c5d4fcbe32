// Ways of logging in beyond one password: passcodes, several steps, signed requests, proxies; and who is kept out.
import { createHash, createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { testCost } from '#kit/password/password.ts'
import { passcode, readBase32, windowOf } from '#kit/totp/totp.ts'
import { updateUser } from './store/user.ts'
import { type Answered, inProject, passwordAuth, type TestIdentity, testIdentity } from './test-identity.ts'

let identity: TestIdentity
afterEach(() => identity.close())

const seed = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'

/** A user of its own with a passcode seed, a member of project admin; and its id. */
async function person(name = 'dora', options: Record<string, unknown> = {}): Promise<string> {
  const admin = await identity.admin()
  const user = { name, password: 'pw', options }
  const { id } = (await identity.ask(admin, 'POST', '/v3/users', { user })).body.user
  await identity.ask(admin, 'POST', '/v3/credentials', {
    credential: { type: 'totp', blob: seed, user_id: id },
  })
  const find = async (kind: string, which: string) =>
    (await identity.ask(admin, 'GET', `/v3/${kind}?name=${which}`)).body[kind][0].id
  const [project, role] = [await find('projects', 'admin'), await find('roles', 'member')]
  await identity.ask(admin, 'PUT', `/v3/projects/${project}/users/${id}/roles/${role}`)
  return id
}
const code = (shift = 0) => passcode(readBase32(seed)!, windowOf(identity.world.clock.now()) + shift)
const totp = (given = code(), name = 'dora') => ({
  identity: { methods: ['totp'], totp: { user: { name, passcode: given, domain: { id: 'default' } } } },
  scope: inProject('admin'),
})
const both = (password = 'pw', given = code()) => ({
  identity: {
    methods: ['password', 'totp'],
    password: { user: { name: 'dora', password, domain: { id: 'default' } } },
    totp: { user: { name: 'dora', passcode: given, domain: { id: 'default' } } },
  },
  scope: inProject('admin'),
})
const post = (auth: unknown, receipt?: string) =>
  identity.ask(
    undefined,
    'POST',
    '/v3/auth/tokens',
    { auth },
    receipt === undefined ? {} : { 'openstack-auth-receipt': receipt },
  )
const generic = 'The request you have made requires authentication.'
const refused = (answer: Answered) => {
  expect(answer.status).toBe(401)
  expect(answer.body.error.message).toBe(generic)
}

describe('a passcode by the clock', () => {
  it('logs in once, in its own window and the next', async () => {
    identity = await testIdentity()
    await person()
    const answer = await post(totp())
    expect(answer.status).toBe(201)
    expect(answer.body.token.methods).toEqual(['totp'])
    refused(await post(totp()))
    await identity.world.advance(30_000)
    refused(await post(totp(code(-1))))
    expect((await post(totp())).status).toBe(201)
    await identity.world.advance(30_000)
    const slow = code()
    await identity.world.advance(30_000)
    expect((await post(totp(slow))).status).toBe(201)
    for (const wrong of [code(-2), code(1), '000000', '', 'x'.repeat(10_000)])
      refused(await post(totp(wrong)))
  })

  it('is good for one of two who come at once', async () => {
    identity = await testIdentity()
    await person()
    const answers = await Promise.all([post(totp()), post(totp()), post(totp())])
    expect(answers.map((each) => each.status).sort()).toEqual([201, 401, 401])
  })

  it('is of no use to a user without a seed, or whose seed is none', async () => {
    identity = await testIdentity()
    refused(await post(totp(code(), 'admin')))
    refused(await post(totp(code(), 'nobody')))
  })
})

describe('a user whose rules ask for two proofs', () => {
  const rules = {
    multi_factor_auth_rules: [
      ['password', 'totp'],
      ['password', 'unheard-of', 'totp'],
    ],
  }

  it('gets a receipt for the first and a token for the second', async () => {
    identity = await testIdentity()
    const id = await person('dora', rules)
    const first = await post(passwordAuth('dora', 'pw', inProject('admin')))
    expect(first.status).toBe(401)
    const receipt = first.headers['openstack-auth-receipt']!
    expect(first.headers).not.toHaveProperty('x-subject-token')
    expect(first.body).toEqual({
      receipt: {
        methods: ['password'],
        user: { id, name: 'dora', domain: { id: 'default', name: 'Default' } },
        issued_at: '2026-01-01T00:00:00.000000Z',
        expires_at: '2026-01-01T00:05:00.000000Z',
      },
      required_auth_methods: [
        ['password', 'totp'],
        ['password', 'totp'],
      ],
    })
    const second = await post(totp(), receipt)
    expect(second.status).toBe(201)
    expect(second.body.token.methods).toEqual(['password', 'totp'])
    // Whoever has seen the receipt has nothing of it, not even with the next passcode.
    await identity.world.advance(30_000)
    refused(await post(totp(), receipt))
    refused(await post(totp(), `${receipt}=`))
  })

  it('may give both at once', async () => {
    identity = await testIdentity()
    await person('dora', rules)
    const answer = await post(both())
    expect(answer.status).toBe(201)
    const rescoped = await post({
      identity: { methods: ['token'], token: { id: answer.headers['x-subject-token'] } },
    })
    expect(rescoped.status).toBe(201)
    expect([...rescoped.body.token.methods].sort()).toEqual(['password', 'token', 'totp'])
  })

  it('loses the passcode, not the receipt, to a slip in the scope', async () => {
    identity = await testIdentity()
    await person('dora', rules)
    const receipt = (await post(passwordAuth('dora', 'pw'))).headers['openstack-auth-receipt']!
    refused(await post({ ...totp(), scope: inProject('nowhere') }, receipt))
    await identity.world.advance(30_000)
    expect((await post(totp(), receipt)).status).toBe(201)
  })

  it('gets no further with a receipt that is old, foreign, void or none', async () => {
    identity = await testIdentity()
    const id = await person('dora', rules)
    await person('other', rules)
    const receiptOf = async (name: string) =>
      (await post(passwordAuth(name, 'pw'))).headers['openstack-auth-receipt']!
    refused(await post(totp(), await receiptOf('other')))
    refused(await post(totp(), 'rubbish'))
    refused(await post(totp(), await identity.admin()))
    const old = await receiptOf('dora')
    await identity.world.advance(300_000)
    refused(await post(totp(), old))
    const before = await receiptOf('dora')
    const admin = await identity.admin()
    await identity.ask(admin, 'PATCH', `/v3/users/${id}`, { user: { password: 'pw' } })
    refused(await post(totp(), before))
    await identity.world.advance(30_000)
    expect((await post(totp(), await receiptOf('dora'))).status).toBe(201)
    await identity.world.advance(30_000)
    const last = await receiptOf('dora')
    await identity.ask(admin, 'PATCH', `/v3/users/${id}`, { user: { enabled: false } })
    refused(await post(totp(), last))
  })

  it('with rules that nobody could keep, or switched off, needs one proof', async () => {
    identity = await testIdentity()
    for (const [name, options] of Object.entries({
      lost: { multi_factor_auth_rules: [['mapped'], ['unheard-of']] },
      off: { ...rules, multi_factor_auth_enabled: false },
      any: { multi_factor_auth_rules: [['totp'], ['password']] },
    })) {
      await person(name, options)
      expect((await post(passwordAuth(name, 'pw'))).status).toBe(201)
    }
  })
})

describe('guessing', () => {
  it('is stopped after so many failures, for so long, and tells nothing', async () => {
    identity = await testIdentity({ lockoutFailureAttempts: 3, lockoutDuration: 60_000 })
    await person()
    for (let failed = 0; failed < 2; failed++) refused(await post(passwordAuth('dora', 'wrong')))
    expect((await post(passwordAuth('dora', 'pw'))).status).toBe(201)
    for (let failed = 0; failed < 3; failed++) refused(await post(passwordAuth('dora', 'wrong')))
    refused(await post(passwordAuth('dora', 'pw')))
    await identity.world.advance(59_000)
    refused(await post(passwordAuth('dora', 'pw')))
    await identity.world.advance(1_000)
    refused(await post(passwordAuth('dora', 'wrong')))
    expect((await post(passwordAuth('dora', 'pw'))).status).toBe(201)
  })

  it('many at once gets no further than one after the other', async () => {
    identity = await testIdentity({ lockoutFailureAttempts: 3 })
    await person()
    await Promise.all(Array.from({ length: 20 }, () => post(passwordAuth('dora', 'wrong'))))
    refused(await post(passwordAuth('dora', 'pw')))
  })

  it('at passcodes counts although the password is right', async () => {
    identity = await testIdentity({ lockoutFailureAttempts: 3 })
    await person('dora', { multi_factor_auth_rules: [['password', 'totp']] })
    for (let failed = 0; failed < 3; failed++) {
      expect((await post(passwordAuth('dora', 'pw'))).headers).toHaveProperty('openstack-auth-receipt')
      refused(await post(both('pw', '000000')))
    }
    refused(await post(both()))
    refused(await post(passwordAuth('dora', 'pw')))
  })

  it('by changing the password counts as well', async () => {
    identity = await testIdentity({ lockoutFailureAttempts: 3 })
    const id = await person()
    const change = (original: string) =>
      identity.ask(undefined, 'POST', `/v3/users/${id}/password`, {
        user: { original_password: original, password: 'new' },
      })
    for (let failed = 0; failed < 3; failed++) refused(await change('wrong'))
    refused(await change('pw'))
    refused(await post(passwordAuth('dora', 'pw')))
  })

  it('locks nobody out who is exempt', async () => {
    identity = await testIdentity({ lockoutFailureAttempts: 1 })
    await person('dora', { ignore_lockout_failure_attempts: true })
    for (let failed = 0; failed < 3; failed++) refused(await post(passwordAuth('dora', 'wrong')))
    expect((await post(passwordAuth('dora', 'pw'))).status).toBe(201)
  })
})

describe('a user', () => {
  it('who stayed away for too long is kept out', async () => {
    identity = await testIdentity({ disableUserAccountDaysInactive: 2 })
    const hour = 3_600_000
    await person()
    await person('exempt', { ignore_user_inactivity: true })
    await identity.world.advance(40 * hour)
    expect((await post(passwordAuth('dora', 'pw'))).status).toBe(201)
    await identity.world.advance(24 * hour)
    const token = (await post(passwordAuth('dora', 'pw'))).headers['x-subject-token']
    await identity.world.advance(46 * hour)
    refused(await post(passwordAuth('dora', 'pw')))
    expect((await post({ identity: { methods: ['token'], token: { id: token } } })).status).toBe(404)
    expect((await post(passwordAuth('exempt', 'pw'))).status).toBe(201)
  })

  it('whose password has expired hears so, once it was right', async () => {
    identity = await testIdentity({ changePasswordUponFirstUse: true })
    const id = await person()
    refused(await post(passwordAuth('dora', 'wrong')))
    const answer = await post(passwordAuth('dora', 'pw'))
    expect(answer.status).toBe(401)
    expect(answer.body.error.message).toBe(`The password is expired and needs to be changed for user: ${id}.`)
    const user = { original_password: 'pw', password: 'new' }
    expect((await identity.ask(undefined, 'POST', `/v3/users/${id}/password`, { user })).status).toBe(204)
    expect((await post(passwordAuth('dora', 'new'))).status).toBe(201)
  })

  it('sees in the token when the password expires', async () => {
    identity = await testIdentity({ passwordExpiresDays: 2 })
    await person()
    const { token } = (await post(passwordAuth('dora', 'pw'))).body
    expect(token.user.password_expires_at).toBe('2026-01-03T00:00:00.000000')
  })

  it('who came with a bcrypt hash has one of ours after the first login', async () => {
    identity = await testIdentity()
    const id = await person()
    const { db } = identity.service.app
    const row = async () =>
      (await identity.service.app.db.sql.selectFrom('user').selectAll().where('id', '=', id).execute())[0]
    await updateUser(db, id, {
      passwordHash: '$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i',
    })
    refused(await post(passwordAuth('dora', 'ABC')))
    expect((await row())?.password_hash).toMatch(/^\$2a\$/)
    expect((await post(passwordAuth('dora', 'abc'))).status).toBe(201)
    expect((await row())?.password_hash).toMatch(new RegExp(`^\\$scrypt\\$ln=${testCost.rounds},`))
    expect((await post(passwordAuth('dora', 'abc'))).status).toBe(201)
  })
})

describe('a proxy that authenticates', () => {
  const external = { identity: { methods: ['external'], external: {} } }
  const ask = (name: string) =>
    identity.ask(undefined, 'POST', '/v3/auth/tokens', { auth: external }, { 'x-remote-user': name })

  it('is believed where it is known', async () => {
    identity = await testIdentity({ externalUserHeader: 'X-Remote-User', externalProxies: ['local'] })
    const answer = await ask('admin')
    expect(answer.status).toBe(201)
    expect(answer.body.token.methods).toEqual(['external'])
    refused(await ask('nobody'))
    refused(await ask(''))
  })

  it('is nobody elsewhere', async () => {
    identity = await testIdentity({ externalUserHeader: 'X-Remote-User', externalProxies: ['192.0.2.1'] })
    refused(await ask('admin'))
    await identity.close()
    identity = await testIdentity()
    const answer = await ask('admin')
    expect(answer.status).toBe(401)
    expect(answer.body.error.identity.methods).toEqual([
      'password',
      'token',
      'totp',
      'application_credential',
    ])
  })

  it('brings nobody in by methods that are not served', async () => {
    identity = await testIdentity()
    for (const method of ['mapped', 'oauth1', 'saml2', '__proto__', 'constructor'])
      expect((await post({ identity: { methods: [method] } })).status).toBe(401)
  })
})

describe('a signed request', () => {
  const nova = () => identity.login('nova', 'nova-secret', inProject('service'))
  async function key(): Promise<{ access: string; secret: string; userId: string }> {
    const userId = await person()
    const token = await identity.login('dora', 'pw', inProject('admin'))
    const projectId = (await post(passwordAuth('dora', 'pw', inProject('admin')))).body.token.project.id
    const made = await identity.ask(token, 'POST', `/v3/users/${userId}/credentials/OS-EC2`, {
      tenant_id: projectId,
    })
    return { ...made.body.credential, userId }
  }
  const ec2 = ({ access, secret }: { access: string; secret: string }, stamp: string) => {
    const params = { Action: 'DescribeInstances', SignatureVersion: '2', Timestamp: stamp }
    const query = `Action=DescribeInstances&SignatureVersion=2&Timestamp=${encodeURIComponent(stamp)}`
    const signature = createHmac('sha256', secret).update(`GET\nec2.test\n/\n${query}`).digest('base64')
    return { credentials: { access, signature, host: 'ec2.test:8773', verb: 'GET', path: '/', params } }
  }
  const now = () => new Date(identity.world.clock.now()).toISOString().slice(0, 19)

  it('is worth a token of the key, to a service that asks', async () => {
    identity = await testIdentity()
    const pair = await key()
    const answer = await identity.ask(await nova(), 'POST', '/v3/ec2tokens', ec2(pair, now()))
    expect(answer.status).toBe(200)
    expect(answer.body.token.user.id).toBe(pair.userId)
    expect(answer.body.token.project.name).toBe('admin')
    const token = answer.headers['x-subject-token']!
    expect((await identity.ask(token, 'GET', '/v3/auth/projects')).status).toBe(200)
  })

  it('is worth nothing when it is old, changed, or of a key that is gone, nor to anybody else', async () => {
    identity = await testIdentity()
    const pair = await key()
    const service = await nova()
    const good = ec2(pair, now())
    const ask = (body: unknown, token: string | undefined = service) =>
      identity.ask(token, 'POST', '/v3/ec2tokens', body)
    refused(await identity.ask(undefined, 'POST', '/v3/ec2tokens', good))
    expect((await ask(good, await identity.login('dora', 'pw', inProject('admin')))).status).toBe(403)
    refused(await ask(ec2({ ...pair, secret: 'other' }, now())))
    refused(await ask(ec2({ ...pair, access: 'other' }, now())))
    refused(await ask(ec2(pair, 'never')))
    refused(await ask({ credentials: { ...good.credentials, path: '/other' } }))
    expect((await ask({ credentials: {} })).status).toBe(400)
    expect((await ask({})).status).toBe(400)
    await identity.world.advance(15 * 60_000 + 1000)
    refused(await ask(good))
    const admin = await identity.admin()
    await identity.ask(admin, 'PATCH', `/v3/users/${pair.userId}`, { user: { enabled: false } })
    refused(await ask(ec2(pair, now()), await nova()))
  })

  it('of S3 tells who signed it, without a token to use', async () => {
    identity = await testIdentity()
    const { access, secret, userId } = await key()
    const scope = '20260101/RegionOne/s3/aws4_request'
    const hash = createHash('sha256').update('').digest('hex')
    const text = `AWS4-HMAC-SHA256\n20260101T000000Z\n${scope}\n${hash}`
    const signing = scope
      .split('/')
      .reduce<Buffer>(
        (sum, part) => createHmac('sha256', sum).update(part).digest(),
        Buffer.from(`AWS4${secret}`),
      )
    const signature = createHmac('sha256', signing).update(text).digest('hex')
    const credentials = { access, signature, token: Buffer.from(text).toString('base64') }
    const answer = await identity.ask(await nova(), 'POST', '/v3/s3tokens', { credentials })
    expect(answer.status).toBe(200)
    expect(answer.body.token.user.id).toBe(userId)
    expect(answer.headers).not.toHaveProperty('x-subject-token')
    refused(await identity.ask(undefined, 'POST', '/v3/s3tokens', { credentials }))
    refused(
      await identity.ask(await nova(), 'POST', '/v3/s3tokens', {
        credentials: { ...credentials, access: 'x' },
      }),
    )
  })
})
