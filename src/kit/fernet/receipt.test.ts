// Receipts as keystone's: what they say, and that a token is none and a receipt no token.
import { describe, expect, it } from 'vitest'
import { virtualWorld } from '../world/virtual.ts'
import { fernetKey, seal } from './fernet.ts'
import { pack } from './msgpack.ts'
import { openReceipt, sealReceipt } from './receipt.ts'
import { openToken, sealToken } from './token.ts'

const world = virtualWorld()
const key = fernetKey(Buffer.alloc(32, 7).toString('base64url'))
const receipt = { userId: 'ab'.repeat(16), methods: ['password'] as const, expiresAt: 1_767_225_900_000 }

describe('a receipt', () => {
  const text = sealReceipt(key, receipt, 1_767_225_600_500, world)
  it('comes back as it was, with one id for all its spellings', () => {
    const opened = openReceipt([key], text)
    expect(opened).toMatchObject({ receipt, issuedAt: 1_767_225_600_000 })
    expect(openReceipt([key], `${text}=`)?.id).toBe(opened?.id)
    expect(openReceipt([key], sealReceipt(key, receipt, 1_767_225_600_500, world))?.id).not.toBe(opened?.id)
  })

  it('is no token, and a token is none', () => {
    const payload = { ...receipt, scope: { kind: 'unscoped' } as const, auditIds: ['ODU2ZmNkYjE2MzcyNGY3'] }
    expect(openToken([key], text)).toBeUndefined()
    expect(openReceipt([key], sealToken(key, payload, world))).toBeUndefined()
  })

  it('is none of another key or shape', () => {
    const stranger = fernetKey(Buffer.alloc(32, 8).toString('base64url'))
    expect(openReceipt([stranger], text)).toBeUndefined()
    for (const shape of [[], [0], [1, [false, 'u'], 2, { float: 1 }], [0, 'u', 2, { float: 1 }], 'x'])
      expect(openReceipt([key], seal(key, pack(shape as never), 0, world.random.bytes(16)))).toBeUndefined()
  })
})
