// Both kinds of token, read side by side; keys turned while tokens are about.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fernetKeys, openKeyRepository, rotateKeys } from '#kit/fernet/key-repository.ts'
import type { TokenPayload } from '#kit/fernet/token.ts'
import { jwsKeys } from '#kit/jws/jws.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import { openSeal } from './token-seal.ts'

const world = virtualWorld()
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nimbo-seal-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const payload: TokenPayload = {
  userId: 'ab'.repeat(16),
  methods: ['password'],
  scope: { kind: 'project', projectId: 'cd'.repeat(16) },
  expiresAt: 1_767_229_200_000,
  auditIds: ['ODU2ZmNkYjE2MzcyNGY3ODU2ZQ'],
}
const issuedAt = 1_767_225_600_000

/** One process's view of the keys. */
async function process(provider: 'fernet' | 'jws') {
  const sealing = await openKeyRepository(world, `${folder}/token-keys`, fernetKeys)
  const signing = await openKeyRepository(world, `${folder}/jws-keys`, jwsKeys)
  return openSeal(world, provider, { sealing, signing })
}

it('reads tokens of either kind, whichever it makes', async () => {
  const [sealing, signing] = [await process('fernet'), await process('jws')]
  const [sealed, signed] = [sealing.seal(payload, issuedAt), signing.seal(payload, issuedAt)]
  expect(sealed).toMatch(/^gAAAAA/)
  expect(signed.split('.')).toHaveLength(3)
  for (const token of [sealed, signed]) {
    expect(await sealing.open(token)).toEqual({ payload, issuedAt })
    expect(await signing.open(token)).toEqual({ payload, issuedAt })
  }
  for (const rubbish of ['', '.', '..', 'gAAAAA', `${signed}x`, `x${sealed}`])
    expect(await signing.open(rubbish)).toBeUndefined()
})

it.each(['fernet', 'jws'] as const)(
  'finds what another process made after turns that it has not seen: %s',
  async (provider) => {
    const late = await process(provider)
    const before = late.seal(payload, issuedAt)
    const [path, kind] = provider === 'jws' ? ['jws-keys', jwsKeys] : ['token-keys', fernetKeys]
    const turn = () => rotateKeys(world, `${folder}/${path}`, kind, { maxActiveKeys: 5 })
    await turn()
    await turn()
    const early = await process(provider)
    const after = early.seal(payload, issuedAt)
    expect(await late.open(after)).toEqual({ payload, issuedAt })
    expect(await early.open(before)).toEqual({ payload, issuedAt })
  },
)

it('forgets a key that has been dropped, a little later', async () => {
  const seal = await process('fernet')
  const token = seal.seal(payload, issuedAt)
  for (let turns = 0; turns < 3; turns++) await rotateKeys(world, `${folder}/token-keys`, fernetKeys)
  expect(await seal.refresh()).toBe(false)
  await world.advance(10_000)
  expect(await seal.refresh()).toBe(true)
  expect(await seal.open(token)).toBeUndefined()
  expect(await seal.open(seal.seal(payload, issuedAt))).toBeDefined()
})
