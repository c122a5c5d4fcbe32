// What a cut and a slow way does to octets and requests, on virtual time.
import { duplexPair } from 'node:stream'
import { expect, test } from 'vitest'
import type { HttpClient } from '#kit/http/client.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { Connection } from '#kit/world/world.ts'
import { connectOver, openLink } from './link.ts'

async function stage() {
  const world = virtualWorld()
  const link = openLink(world, 'the controller')
  const [inner, far] = duplexPair()
  const near = link.connection(Object.assign(inner, { peer: 'far' }) as Connection)
  const [got, gotFar]: [string[], string[]] = [[], []]
  near.on('data', (chunk: Buffer) => got.push(chunk.toString()))
  far.on('data', (chunk: Buffer) => gotFar.push(chunk.toString()))
  return { world, link, near, far, got, gotFar }
}

test('a way without faults changes nothing', async () => {
  const { world, near, far, got, gotFar } = await stage()
  near.write('out')
  far.write('in')
  await world.advance(0)
  expect([got, gotFar]).toEqual([['in'], ['out']])
})

test('what is sent over a cut way arrives in order when it is mended', async () => {
  const { world, link, near, far, got, gotFar } = await stage()
  const mend = link.cut()
  for (const word of ['a', 'b']) {
    near.write(word)
    far.write(word)
  }
  await world.advance(3_600_000)
  expect([got, gotFar]).toEqual([[], []])
  mend()
  near.write('c')
  await world.advance(0)
  expect([got.join(''), gotFar.join('')]).toEqual(['ab', 'abc'])
})

test('who ends a connection over a cut way is not heard before it is mended', async () => {
  const { world, link, near, far } = await stage()
  let closed = false
  far.on('end', () => {
    closed = true
  })
  far.resume()
  const mend = link.cut()
  near.destroy()
  await world.advance(60_000)
  expect(closed).toBe(false)
  mend()
  await world.advance(0)
  expect(closed).toBe(true)
})

test('a slow way delays each part by its latency, and holds up none for the sake of another', async () => {
  const { world, link, near, gotFar } = await stage()
  const end = link.slow({ latencyMs: 100, jitterMs: 0 })
  for (const word of ['a', 'b', 'c']) near.write(word)
  await world.advance(99)
  expect(gotFar).toEqual([])
  await world.advance(1)
  expect(gotFar.join('')).toBe('abc')
  end()
  near.write('d')
  await world.advance(0)
  expect(gotFar.join('')).toBe('abcd')
})

test('a request over a cut way is given up in time, or answered once the way is mended', async () => {
  const { world, link } = await stage()
  const asked: string[] = []
  const http: HttpClient = {
    async request({ url }) {
      asked.push(url)
      return { status: 200, headers: {}, body: undefined }
    },
    close() {},
  }
  const client = link.client(http)
  const mend = link.cut()
  const short = client.request({ method: 'GET', url: 'short', timeoutMs: 1_000 }).catch((error) => error.kind)
  const long = client.request({ method: 'GET', url: 'long', timeoutMs: 10_000 })
  await world.advance(2_000)
  expect(await short).toBe('unavailable')
  expect(asked).toEqual([])
  mend()
  expect((await long).status).toBe(200)
  expect(asked).toEqual(['long'])
})

test('nobody connects over a cut way', async () => {
  const { world, link, near } = await stage()
  link.cut()
  const tried = connectOver(link, async () => near).catch((error) => error.kind)
  await world.advance(600_000)
  expect(await tried).toBe('unavailable')
})
