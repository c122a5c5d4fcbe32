// No secret gets into the log, the journal or an error, and what is no secret stays.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redact, redactText, showValue } from './redact.ts'
import { withoutSecrets } from './text.ts'

describe('redact', () => {
  it.each([
    'password',
    'adminPass',
    'admin_pass',
    'original_password',
    'X-Auth-Token',
    'x-subject-token',
    'token',
    'secret',
    'client_secret',
    'private_key',
    'privateKey',
    'user_data',
    'Authorization',
    'Set-Cookie',
    'encryption_key',
    'credentials',
    'passphrase',
    'passcode',
    'passwords',
    'blob',
    'X-Instance-ID-Signature',
    'secretKey',
  ])('hides what stands under %s, at any depth', (name) => {
    const facts = { outer: [{ inner: { [name]: 'hunter2' } }], [name]: { any: ['hunter2'] } }
    const kept = redact(facts)
    expect(JSON.stringify(kept)).not.toContain('hunter2')
    expect(kept).toEqual({ outer: [{ inner: { [name]: '***' } }], [name]: '***' })
  })

  it('keeps names that only sound like secrets, and whether there is one', () => {
    const facts = {
      key_name: 'laptop',
      passed: 'yes',
      tokenId: 4,
      auditIds: ['a', 'b'],
      password: null,
      secret: true,
      token: 3,
      publicKey: 'ssh-ed25519 AAAA',
    }
    expect(redact(facts)).toEqual(facts)
  })

  it('hides tokens, keys and passwords of addresses inside text', () => {
    const token = `gAAAAAB${'x'.repeat(180)}`
    expect(redact({ note: `sent ${token}, refused` }).note).toBe('sent ***, refused')
    expect(redactText('cannot reach amqp://nova:pa55w@127.0.0.1:5672/')).toBe(
      'cannot reach amqp://nova:***@127.0.0.1:5672/',
    )
    expect(redactText('http://127.0.0.1:8774/v2.1')).toBe('http://127.0.0.1:8774/v2.1')
    expect(redactText('-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END')).toBe('***')
  })

  it.each([
    // Queries and forms.
    ['GET /x?name=a&password=hunter2&b=c', 'GET /x?name=a&password=***&b=c'],
    ['auth%5Bpassword%5D=hunter2&b=c', 'auth%5Bpassword%5D=***&b=c'],
    ['AWSAccessKeyId=A&Signature=hunter2%3D', 'AWSAccessKeyId=A&Signature=***'],
    ["tool --admin-secret='hunter2 and more' --verbose", 'tool --admin-secret=*** --verbose'],
    ['GET /x?signing_key=hunter2&master-key=hunter2', 'GET /x?signing_key=***&master-key=***'],
    // Headers.
    ['x-auth-token: hunter2\r\naccept: */*', 'x-auth-token: ***\r\naccept: */*'],
    ['Authorization: Basic aHVudGVyMg==', 'Authorization: ***'],
    ['sent with Bearer hunter2hunter2hunter2hunter2', 'sent with Bearer ***'],
    // JSON, also inside of JSON, cut off, and as programs of other languages show it.
    ['{"password": "hun\\"ter2", "name": "a"}', '{"password": ***, "name": "a"}'],
    ['{"body":"{\\"adminPass\\":\\"hunter2\\"}"}', '{"body":"{\\"adminPass\\":\\"***\\"}"}'],
    ['{"secret":"hunter2', '{"secret":***'],
    ['{"user_data": "hunter2", "password_hash": "hunter2"}', '{"user_data": ***, "password_hash": ***}'],
    ["{'password': 'hunter2', 'id': 4}", "{'password': ***, 'id': 4}"],
    ["{ token: 'hunter2', id: 4 }", '{ token: ***, id: 4 }'],
    // A parser's complaint.
    ['at line 2:\n  password: hunter2\n  ^', 'at line 2:\n  password: ***\n  ^'],
    // Addresses, also of several hosts, and with what should have been encoded.
    ['no way to http://u:hun@ter2@host:80/p?q=a@b', 'no way to http://u:***@host:80/p?q=a@b'],
    ['rabbit://u:hunter2@n1,u:hunter2@n2/vhost', 'rabbit://u:***@n2/vhost'],
  ])('hides the secret inside of %j', (text, shown) => {
    expect(withoutSecrets(text)).toBe(shown)
    // Text is often shown more than once.
    expect(withoutSecrets(shown)).toBe(shown)
  })

  it.each([
    'The password must be longer than 7 characters: it expires in 4 days.',
    "token '4' of key_name=laptop passed=yes",
    'http://127.0.0.1:8774/v2.1?limit=3 of http://[::1]:80/',
    "could not find user_id: 'a'",
    'req-00000000-0000-4000-8000-000000000000',
  ])('leaves %j', (text) => expect(withoutSecrets(text)).toBe(text))

  it('takes no longer for text that is made to keep it busy', () => {
    const before = process.threadCpuUsage().user
    for (const piece of [
      '-',
      'token ',
      'pass\\',
      'eyJ',
      '://a:',
      'x-',
      ' ',
      'gAAAAA',
      '-----BEGIN',
      'secret="',
      'cookie: ',
    ])
      withoutSecrets(`${piece.repeat(200_000 / piece.length)}=:`)
    expect((process.threadCpuUsage().user - before) / 1000).toBeLessThan(1500)
  })

  it('looks into maps, sets, headers, lists of pairs and what knows its own secrets', () => {
    const circle: Record<string, unknown> = { password: 'hunter2' }
    circle.again = [circle]
    const kept = redact({
      map: new Map<unknown, unknown>([
        ['token', 'hunter2'],
        ['plain', new Set(['a', 'http://u:hunter2@h/'])],
      ]),
      headers: new Headers({ 'x-auth-token': 'hunter2', accept: '*/*' }),
      form: new URLSearchParams('secret=hunter2&a=b'),
      address: new URL('http://u:hunter2@h/?a=b'),
      raw: ['Host', 'h', 'X-Subject-Token', 'hunter2'],
      tags: [{ key: 'password', value: 'hunter2' }],
      own: { value: 'hunter2', toJSON: () => ({ shown: true }) },
      error: new Error('password=hunter2'),
      [`gAAAAAB${'x'.repeat(180)}`]: 1,
      pass: 123456,
      circle,
    })
    expect(kept).toEqual({
      map: { token: '***', plain: ['a', 'http://u:***@h/'] },
      headers: { 'x-auth-token': '***', accept: '*/*' },
      form: { secret: '***', a: 'b' },
      address: 'http://u:***@h/?a=b',
      raw: ['Host', 'h', 'X-Subject-Token', '***'],
      tags: [{ key: 'password', value: '***' }],
      own: { shown: true },
      error: 'password=***',
      '***': 1,
      pass: '***',
      circle: { password: '***', again: ['(itself)'] },
    })
  })

  it('lists what methods of login there are', () => {
    expect(redact({ methods: ['password', 'token'] })).toEqual({ methods: ['password', 'token'] })
  })

  it('tells of a wrong value without the secrets in it', () => {
    expect(showValue(['user', 'password'], 1234)).toBe('***')
    expect(showValue(['auth'], { password: { user: { password: 'hunter2', name: 'a' } } })).toBe(
      '{"password":"***"}',
    )
    expect(showValue(['name'], 'x'.repeat(300))).toHaveLength(203)
    expect(showValue(['name'], undefined)).toBe('nothing')
  })

  it('is a copy: what the caller does later is not recorded', () => {
    const facts = { hosts: ['a'], filter: { left: 1 } }
    const kept = redact(facts)
    facts.hosts.push('b')
    facts.filter.left = 0
    expect(kept).toEqual({ hosts: ['a'], filter: { left: 1 } })
  })

  it('bounds what is kept, whatever it is given', () => {
    const loop: Record<string, unknown> = {}
    loop.self = loop
    expect(JSON.stringify(redact(loop)).length).toBeLessThan(500)
    expect(String(redact({ text: 'x'.repeat(20_000) }).text).length).toBeLessThan(9000)
    expect(redact({ list: Array(5000).fill(1) }).list).toHaveLength(1001)
    // Each level refers to the one below ten times: ten thousand million in all.
    let tree: object = { leaf: 'x' }
    for (let level = 0; level < 7; level++)
      tree = Object.fromEntries([...'abcdefghij'].map((key) => [key, tree]))
    expect(JSON.stringify(redact({ tree })).length).toBeLessThan(500_000)
    const trap = {
      get a() {
        throw new Error('password=hunter2')
      },
    }
    expect(redact({ trap })).toEqual({ unreadable: 'password=***' })
    const odd = {
      a: undefined,
      b: Buffer.from('body'),
      c: new Date(0),
      d: new Error('no'),
      e: 5n,
      f: () => 1,
    }
    expect(JSON.parse(JSON.stringify(redact(odd)))).toEqual({
      b: '4 bytes',
      c: '1970-01-01T00:00:00.000Z',
      d: 'no',
      e: '5',
    })
  })

  it('always yields JSON without a marked secret', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), (facts) => {
        const text = JSON.stringify(redact({ ...facts, nested: { password: 'hunter2-hunter2', facts } }))
        expect(text).not.toContain('hunter2-hunter2')
      }),
    )
  })
})
