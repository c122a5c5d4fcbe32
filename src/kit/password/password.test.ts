// Passwords as an operator stores them and a user types them.
import { describe, expect, it } from 'vitest'
import { virtualWorld } from '../world/virtual.ts'
import {
  hashPassword,
  needsRehash,
  passwordProblem,
  standardCost,
  testCost,
  verifyPassword,
} from './password.ts'

const world = virtualWorld()

describe('verifyPassword', () => {
  it('knows the hash that passlib publishes', async () => {
    // https://passlib.readthedocs.io/en/stable/lib/passlib.hash.scrypt.html
    const hash = '$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E'
    expect(await verifyPassword(world, hash, 'password')).toBe(true)
    expect(await verifyPassword(world, hash, 'Password')).toBe(false)
  })

  it('takes exactly the password that was set, in any script', async () => {
    const passwords = [
      'secret',
      'sécret',
      'パスワード🔑',
      ' secret',
      'secret ',
      '',
      'a'.repeat(4096),
      'a'.repeat(72),
    ]
    for (const password of passwords) {
      const hash = await hashPassword(world, password, testCost)
      for (const typed of passwords) expect(await verifyPassword(world, hash, typed)).toBe(typed === password)
    }
  })

  it('tells equal letters of different code points apart, as keystone does', async () => {
    const hash = await hashPassword(world, 'é', testCost)
    expect(await verifyPassword(world, hash, 'e\u0301')).toBe(false)
  })

  it('is false for nobody, whatever is typed', async () => {
    expect(await verifyPassword(world, undefined, '', testCost)).toBe(false)
    expect(await verifyPassword(world, undefined, 'secret', testCost)).toBe(false)
  })

  it('spends on nobody what it spends on somebody', async () => {
    const cost = { rounds: 13, blockSize: 8, parallelism: 1 }
    const hash = await hashPassword(world, 'secret', cost)
    const cpu = async (work: () => Promise<unknown>) => {
      const before = process.cpuUsage()
      for (let i = 0; i < 5; i++) await work()
      const spent = process.cpuUsage(before)
      return spent.user + spent.system
    }
    const nothing = await cpu(async () => {})
    const somebody = await cpu(() => verifyPassword(world, hash, 'wrong'))
    const nobody = await cpu(() => verifyPassword(world, undefined, 'wrong', cost))
    expect(nobody - nothing).toBeGreaterThan(somebody / 4)
  })

  it('refuses a password that cannot have been set, and a stored one that cannot be read', async () => {
    const hash = await hashPassword(world, '', testCost)
    expect(await verifyPassword(world, hash, 'a'.repeat(4097))).toBe(false)
    expect(await verifyPassword(world, hash, '\ud800')).toBe(false)
    await expect(verifyPassword(world, '$2b$12$abc', 'x')).rejects.toMatchObject({ kind: 'internal' })
    await expect(verifyPassword(world, '', 'x')).rejects.toMatchObject({ kind: 'internal' })
  })
})

describe('hashPassword', () => {
  it('writes the format of passlib, with a salt of its own each time', async () => {
    const [one, two] = await Promise.all([1, 2].map(() => hashPassword(world, 'secret', testCost)))
    expect(one).toMatch(/^\$scrypt\$ln=4,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(one).not.toBe(two)
  })

  it('costs what is promised unless a test says otherwise', async () => {
    expect(await hashPassword(world, 'secret')).toMatch(/^\$scrypt\$ln=16,r=8,p=1\$/)
  })

  it('refuses what is too long or no text', async () => {
    await expect(hashPassword(world, 'a'.repeat(4097))).rejects.toMatchObject({ kind: 'badRequest' })
    await expect(hashPassword(world, 'é'.repeat(2049))).rejects.toMatchObject({ kind: 'badRequest' })
    expect(passwordProblem('x\ud800')).toContain('Unicode')
    expect(passwordProblem('fine')).toBeUndefined()
  })

  it('leaves the event loop free', async () => {
    let turns = 0
    let busy = true
    const turn = () => {
      turns++
      if (busy) setImmediate(turn)
    }
    setImmediate(turn)
    await hashPassword(world, 'secret', standardCost)
    busy = false
    expect(turns).toBeGreaterThan(10)
  })
})

describe('needsRehash', () => {
  it('asks for a new hash where the cost has changed', async () => {
    const hash = await hashPassword(world, 'secret', testCost)
    expect(needsRehash(hash, testCost)).toBe(false)
    expect(needsRehash(hash)).toBe(true)
    expect(needsRehash('$2b$12$abc')).toBe(true)
  })
})
