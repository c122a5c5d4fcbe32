// Keys are read and made so that OpenSSH's own arithmetic agrees.
import { createPublicKey } from 'node:crypto'
import { expect, it } from 'vitest'
import { newRsaKey, readPublicKey } from './ssh-key.ts'

it('reads a key that ssh-keygen made, with the fingerprint that `ssh-keygen -l -E md5` prints', () => {
  const line =
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFMkFZ9kU1EmCJr3IMRfDHqOfPdCkZQFg1c0nMyY3pmE someone@somewhere'
  expect(readPublicKey(line).algorithm).toBe('ssh-ed25519')
  expect(readPublicKey(line).fingerprint).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/)
  expect(readPublicKey(line.split(' ').slice(0, 2).join(' '))).toEqual(readPublicKey(line))
})

it.each(['', 'ssh-rsa', 'ssh-rsa AAAA', 'ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIFMk x', 'no key at all'])(
  'refuses %j',
  (text) => {
    expect(() => readPublicKey(text)).toThrow('Keypair data is invalid')
  },
)

it('makes a pair whose halves belong together', async () => {
  const { privateKey, publicKey } = await newRsaKey({ threads: true }, 'Generated-by-Nimbo')
  expect(privateKey).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/)
  const { n } = createPublicKey(privateKey).export({ format: 'jwk' })
  const blob = Buffer.from(publicKey.split(' ')[1]!, 'base64')
  expect(blob.subarray(-256).toString('base64url')).toBe(n)
  expect(readPublicKey(publicKey).algorithm).toBe('ssh-rsa')
})
