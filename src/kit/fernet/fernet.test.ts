// Fernet against the specification's own vector, and against every way of spoiling a token.
import { createCipheriv, createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fernetKey, open, seal } from './fernet.ts'

// https://github.com/fernet/spec/blob/master/generate.json
const vector = {
  token:
    'gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==',
  now: Date.parse('1985-10-26T01:20:00-07:00'),
  iv: Buffer.from(Array.from({ length: 16 }, (_, i) => i)),
  source: 'hello',
  secret: 'cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=',
}
const key = fernetKey(vector.secret)

/** A token signed with the vector's key around any content, for the spec's list of malformed ones. */
function signed(parts: { version?: number; encrypted: Uint8Array }): string {
  const content = Buffer.concat([
    Buffer.of(parts.version ?? 0x80, 0, 0, 0, 0, 0x1d, 0xc0, 0x9e, 0xb0),
    vector.iv,
    parts.encrypted,
  ])
  const signing = Buffer.from(vector.secret, 'base64url').subarray(0, 16)
  return Buffer.concat([content, createHmac('sha256', signing).update(content).digest()]).toString(
    'base64url',
  )
}

function encryptUnpadded(plaintext: Uint8Array): Buffer {
  const encryption = Buffer.from(vector.secret, 'base64url').subarray(16)
  const cipher = createCipheriv('aes-128-cbc', encryption, vector.iv).setAutoPadding(false)
  return Buffer.concat([cipher.update(plaintext), cipher.final()])
}

describe('seal', () => {
  it('makes the token of the specification, without its padding', () => {
    const token = seal(key, Buffer.from(vector.source), vector.now, vector.iv)
    expect(token).toBe(vector.token.replaceAll('=', ''))
  })
})

describe('open', () => {
  it('reads the token of the specification, padded or not', () => {
    for (const token of [vector.token, vector.token.replaceAll('=', '')]) {
      const opened = open([key], token)
      expect(opened?.plaintext.toString()).toBe('hello')
      expect(opened?.sealedAt).toBe(vector.now)
    }
  })

  it('gives back what was sealed, with whichever of its keys sealed it', () => {
    const secret = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(secret, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.nat({ max: 4_000_000_000 }),
        (plaintext, secrets, pick, seconds) => {
          const keys = secrets.map((bytes) => fernetKey(Buffer.from(bytes).toString('base64url')))
          const token = seal(keys[pick % keys.length]!, plaintext, seconds * 1000 + 999, vector.iv)
          const opened = open(keys, token)
          expect(opened && [...opened.plaintext]).toEqual([...plaintext])
          expect(opened?.sealedAt).toBe(seconds * 1000)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('refuses a token with any one bit turned', () => {
    const bytes = Buffer.from(vector.token, 'base64url')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const spoiled = Buffer.from(bytes)
      spoiled[bit >> 3]! ^= 1 << (bit & 7)
      expect(open([key], spoiled.toString('base64url'))).toBeUndefined()
    }
  })

  it('refuses a token cut anywhere', () => {
    for (let length = 0; length < vector.token.length - 2; length++)
      expect(open([key], vector.token.slice(0, length))).toBeUndefined()
  })

  it('refuses what is properly signed and yet malformed', () => {
    const good = encryptUnpadded(Buffer.from('hello\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b'))
    expect(open([key], signed({ encrypted: good }))?.plaintext.toString()).toBe('hello')
    expect(open([key], signed({ encrypted: good, version: 0x81 }))).toBeUndefined()
    expect(open([key], signed({ encrypted: good.subarray(0, 15) }))).toBeUndefined()
    expect(open([key], signed({ encrypted: Buffer.alloc(0) }))).toBeUndefined()
    const badPadding = encryptUnpadded(Buffer.from('0123456789abcde\x11'))
    expect(open([key], signed({ encrypted: badPadding }))).toBeUndefined()
  })

  it('refuses text that is no base64url, other keys, and giants', () => {
    expect(open([key], `%${vector.token}`)).toBeUndefined()
    expect(open([key], '')).toBeUndefined()
    expect(open([fernetKey(Buffer.alloc(32, 7).toString('base64url'))], vector.token)).toBeUndefined()
    expect(open([], vector.token)).toBeUndefined()
    expect(open([key], seal(key, Buffer.alloc(13_000), vector.now, vector.iv))).toBeUndefined()
  })
})

describe('fernetKey', () => {
  it('refuses keys of another length', () => {
    expect(() => fernetKey('short')).toThrow('32 bytes')
  })
})
