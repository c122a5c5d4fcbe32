// What is said of a file that goes while it is looked at.
import { mkdtempSync, rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { unlessGone } from './gone.ts'
import { realWorld } from './real.ts'

test('what is gone is undefined, and what cannot be read is an error', async () => {
  const { files } = realWorld()
  const room = mkdtempSync('/tmp/nimbo-gone-')
  try {
    await files.write(`${room}/a`, 'one')
    expect(await unlessGone(files.readText(`${room}/a`))).toBe('one')
    expect(await unlessGone(files.readText(`${room}/b`))).toBeUndefined()
    expect(await unlessGone(files.readText(`${room}/a/below`))).toBeUndefined()
    expect(await unlessGone(files.readText(`/proc/${2 ** 22 + 1}/status`))).toBeUndefined()
    await expect(unlessGone(files.readText(room))).rejects.toThrow('EISDIR')
  } finally {
    rmSync(room, { recursive: true })
  }
})
