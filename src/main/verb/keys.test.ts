// `nimbo keys` as an operator types it, on a data folder with the keys of a cloud.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fernetKeys, openKeyRepository } from '#kit/fernet/key-repository.ts'
import { realWorld } from '#kit/world/real.ts'
import { prepareCloud } from '../data-folder.ts'
import { invoke } from '../verb.ts'
import { keys } from './keys.ts'

const world = realWorld()
let root: string
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'nimbo-keys-'))
  await prepareCloud(world, root, {})
  for (const name of ['token-keys', 'credential-keys'])
    await openKeyRepository(world, `${root}/identity/${name}`, fernetKeys)
})
afterEach(() => rmSync(root, { recursive: true }))

async function run(...words: string[]): Promise<{ out: string[]; err: string[] }> {
  const [out, err]: [string[], string[]] = [[], []]
  const terminal = {
    print: (line: string) => void out.push(line),
    say: (line: string) => void err.push(line),
    colors: false,
  }
  expect(await invoke(keys, [...words, '--data', root], { world, terminal, program: [''] })).toBe(0)
  return { out, err }
}
const numbers = async (kind: string) => {
  const listed = JSON.parse((await run('list', '--json')).out.join('')) as {
    keys: { kind: string; number: number; state: string }[]
  }
  return listed.keys.filter((key) => key.kind === kind).map((key) => `${key.number} ${key.state}`)
}

describe('nimbo keys', () => {
  it('lists what there is, without a word of the keys themselves', async () => {
    const { out } = await run('list')
    expect(out.map((line) => line.split(/ {2,}/).slice(0, 3).join(' '))).toEqual([
      'KIND NUMBER STATE',
      'token 1 primary',
      'token 0 staged',
      'credential 1 primary',
      'credential 0 staged',
    ])
    const texts = await Promise.all(
      ['0', '1'].map((name) => world.files.readText(`${root}/identity/token-keys/${name}`)),
    )
    for (const text of texts) expect(out.join()).not.toContain(text)
  })

  it('turns the keys of tokens, and says when one is gone', async () => {
    expect((await run('rotate')).out).toEqual(['Key 2 makes tokens and receipts from now on.'])
    expect(await numbers('token')).toEqual(['2 primary', '1 old', '0 staged'])
    for (let turns = 0; turns < 2; turns++) expect((await run('rotate', 'token')).err).toEqual([])
    const last = await run('rotate')
    expect(last.err.join()).toContain('Key 1 is gone')
    expect(await numbers('token')).toEqual(['5 primary', '4 old', '3 old', '2 old', '0 staged'])
    expect(await numbers('credential')).toEqual(['1 primary', '0 staged'])
  })

  it('never drops a key of credentials: that is for who has sealed them anew', async () => {
    for (let turns = 0; turns < 8; turns++) await run('rotate', 'credential')
    expect(await numbers('credential')).toHaveLength(10)
  })

  it('refuses other words, and keys that are not there', async () => {
    for (const words of [[], ['turn'], ['list', 'token'], ['rotate', 'all'], ['rotate', 'token', 'jws']])
      await expect(run(...words)).rejects.toMatchObject({ type: 'Usage' })
    await expect(run('rotate', 'jws')).rejects.toMatchObject({ kind: 'notFound' })
  })
})
