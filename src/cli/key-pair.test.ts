// The key pair as ssh sees it.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { ed25519KeyPair } from './key-pair.ts'

it('has the public half that RFC 8032 gives for its seed', () => {
  const { publicKey } = ed25519KeyPair(Buffer.alloc(32), Buffer.alloc(4), 'me@here')
  const [type, blob, comment] = publicKey.trim().split(' ')
  expect([type, comment]).toEqual(['ssh-ed25519', 'me@here'])
  expect(Buffer.from(blob!, 'base64').toString('hex').slice(-64)).toBe(
    '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29',
  )
})

it.each([1, 7, 8, 30])('is read by ssh-keygen, with a comment of %i characters', (length) => {
  const folder = mkdtempSync(`${tmpdir()}/nimbo-key-`)
  try {
    const pair = ed25519KeyPair(Buffer.alloc(32, length), Buffer.from([1, 2, 3, 4]), 'c'.repeat(length))
    writeFileSync(`${folder}/key`, pair.privateKey, { mode: 0o600 })
    expect(execFileSync('ssh-keygen', ['-y', '-f', `${folder}/key`], { encoding: 'utf8' })).toBe(
      pair.publicKey,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})
