// No secret gets into the journal, and what is no secret stays.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redact, redactText } from './redact.ts'

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
