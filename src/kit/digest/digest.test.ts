import { createHash } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { openUniverse } from '../world/universe/universe.ts'
import { virtualWorld } from '../world/virtual.ts'
import { openDigester } from './digest.ts'

const world = virtualWorld()
const alone = openUniverse({ seed: 1 }).machine('a').start('x').world
const digesters = { threads: openDigester(world), 'no threads': openDigester(alone) }
afterAll(() => Promise.all(Object.values(digesters).map((digester) => digester.close())))

describe.each(Object.entries(digesters))('with %s', (_name, digester) => {
  test('gives what a hash of the whole gives, for streams side by side', async () => {
    // One of them is more than the threads may lag behind.
    const lengths = [...Array.from({ length: 40 }, () => 100_000), 9_000_001, 0, 1]
    const parts = lengths.map((length) => world.random.bytes(length))
    const [one, two] = [digester.start(['md5', 'sha512']), digester.start(['sha256'])]
    for (const part of parts) {
      await one.update(part)
      await two.update(part.subarray(0, 10))
    }
    const whole = Buffer.concat(parts)
    const heads = Buffer.concat(parts.map((part) => part.subarray(0, 10)))
    expect(await one.end()).toEqual({
      md5: createHash('md5').update(whole).digest('hex'),
      sha512: createHash('sha512').update(whole).digest('hex'),
    })
    expect(await two.end()).toEqual({ sha256: createHash('sha256').update(heads).digest('hex') })
  })

  test('gives what a hash of nothing gives', async () => {
    expect((await digester.start(['md5', 'sha256']).end()).md5).toBe('d41d8cd98f00b204e9800998ecf8427e')
  })

  test('goes on after a stream was abandoned', async () => {
    const broken = digester.start(['md5'])
    await broken.update(Buffer.from('half'))
    broken.abandon()
    const next = digester.start(['md5'])
    await next.update(Buffer.from('hello'))
    expect((await next.end()).md5).toBe('5d41402abc4b2a76b9719d911017c592')
  })
})
