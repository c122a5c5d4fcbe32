// Hashes as other programs made them: by libxcrypt's crypt(3) and Python's hashlib, for the passwords named beside them.
import { describe, expect, it } from 'vitest'
import { openUniverse } from '../world/universe/universe.ts'
import { virtualWorld } from '../world/virtual.ts'
import { needsRehash, verifyPassword } from './password.ts'

const salt = 'abcdefghijklmnopqrstuu'
const worlds = {
  threads: virtualWorld(),
  'no threads': openUniverse({ seed: 1 }).machine('a').start('x').world,
}
const hashes: [form: string, password: string, hash: string][] = [
  ['bcrypt', 'abc', '$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i'],
  ['bcrypt', `sécret-${'x'.repeat(80)}`, `$2b$04$${salt}ldd7.YKQ5MzJcn8WQM0c6Oe4Cqz5H5W`],
  ['bcrypt_sha256', 'secret', `$bcrypt-sha256$v=2,t=2b,r=4$${salt}$m8phM5HLiIEvmH7mK6Z5Wd.AC8vC0.y`],
  [
    'pbkdf2_sha512',
    'secret',
    '$pbkdf2-sha512$1000$AAECAwQFBgcICQoLDA0ODw$8ltlLe5cI6KNrWOmMFkTi2iE7fEXJKJJR9lhjd/xSn68.xOqzv2h20C4IDv/enqlx8f6AaRHE.6XnvHKXKhAjA',
  ],
]

describe.each(Object.entries(worlds))('with %s', (_, world) => {
  it.each(hashes)(
    'a hash of %s takes its password and no other, and is to be replaced',
    async (_form, password, hash) => {
      expect(await verifyPassword(world, hash, password)).toBe(true)
      for (const wrong of [`${password.slice(0, 5)}?`, '', `${password.toUpperCase()}`])
        expect(await verifyPassword(world, hash, wrong)).toBe(false)
      expect(needsRehash(hash)).toBe(true)
    },
  )
})

it('refuses what would take for ever, and what is no hash', async () => {
  const bad = [
    `$2b$31$${salt}ldd7.YKQ5MzJcn8WQM0c6Oe4Cqz5H5W`,
    `$2b$03$${salt}ldd7.YKQ5MzJcn8WQM0c6Oe4Cqz5H5W`,
    `$2b$04$${salt}`,
    '$6$salt$hash',
    '',
  ]
  for (const hash of bad)
    await expect(verifyPassword(worlds.threads, hash, 'secret')).rejects.toThrow('cannot be read')
})
