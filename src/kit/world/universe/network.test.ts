// What processes of a universe hear of one another over a network that is slow, cut, or breaks what is under way.
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { httpClient } from '../../http/client.ts'
import type { Connection, HttpAnswer, HttpRequest } from '../world.ts'
import { openUniverse } from './universe.ts'

async function joined(seed = 1) {
  const universe = openUniverse({ seed })
  const server = universe.machine('a').start('server')
  const client = universe.machine('b').start('client')
  const accepted: Connection[] = []
  await universe.until(server.world.sockets.listen({ host: '0.0.0.0', port: 5 }, (far) => accepted.push(far)))
  const near = await universe.until(client.world.sockets.connect({ host: 'a', port: 5 }))
  return { universe, server, client, near, far: accepted[0]!, network: universe.network }
}

/** What comes out of a connection: its pieces, and how it ends. */
function hear(connection: Connection) {
  const heard: { pieces: string[]; ends: string[] } = { pieces: [], ends: [] }
  connection.on('data', (chunk) => heard.pieces.push(String(chunk)))
  connection.on('end', () => heard.ends.push('end'))
  connection.on('error', (error: NodeJS.ErrnoException) => heard.ends.push(error.code ?? 'error'))
  connection.on('close', () => heard.ends.push('close'))
  return heard
}

describe('a connection', () => {
  test('brings all bytes in order, in other pieces than they were written in', async () => {
    const shapes = new Set<string>()
    for (let seed = 1; seed <= 5; seed++) {
      const { universe, near, far } = await joined(seed)
      const { pieces, ends } = hear(far)
      const words = Array.from({ length: 40 }, (_, at) => `word ${at}, `)
      for (const word of words) {
        near.write(word)
        await universe.advance(0.05)
      }
      near.end()
      await universe.advance(100)
      expect(pieces.join('')).toBe(words.join(''))
      expect(ends).toEqual(['end', 'close'])
      shapes.add(pieces.join('|'))
      expect(pieces).not.toEqual(words)
    }
    expect(shapes.size).toBe(5)
  })

  test('holds up a writer whose reader does not read', async () => {
    const { universe, near, far } = await joined()
    const chunk = Buffer.alloc(64 * 1024)
    let written = 0
    for (let i = 0; i < 100; i++) near.write(chunk, () => written++)
    await universe.advance(1000)
    expect(written).toBeLessThan(20)
    let read = 0
    far.on('data', (octets: Buffer) => {
      read += octets.length
    })
    await universe.advance(10_000)
    expect([read, written]).toEqual([100 * chunk.length, 100])
  })

  test('waits while the way is cut, and nobody is told', async () => {
    const { universe, near, far, network } = await joined()
    const [there, here] = [hear(far), hear(near)]
    network.cut('a', 'b')
    near.write('late')
    far.write('later')
    await universe.advance(3_600_000)
    expect([there, here]).toEqual([
      { pieces: [], ends: [] },
      { pieces: [], ends: [] },
    ])
    network.heal('a', 'b')
    await universe.advance(10)
    expect([there.pieces, here.pieces]).toEqual([['late'], ['later']])
  })

  test('to a process that was killed behind a cut is reset when the way is open again', async () => {
    const { universe, near, server, network } = await joined()
    const here = hear(near)
    network.isolate('a')
    server.kill()
    near.write('anyone?')
    await universe.advance(60_000)
    expect(here.ends).toEqual([])
    network.heal('a')
    await universe.advance(10)
    expect(here.ends).toEqual(['ECONNRESET', 'close'])
  })

  test('to a machine that lost its power is reset by what is sent when it is up again', async () => {
    const { universe, near } = await joined()
    const here = hear(near)
    universe.machine('a').powerOff()
    near.write('anyone?')
    await universe.advance(60_000)
    expect(here.ends).toEqual([])
    universe.machine('a').start('server')
    await universe.advance(60_000)
    expect(here.ends).toEqual([])
    near.write('still there?')
    await universe.advance(10)
    expect(here.ends).toEqual(['ECONNRESET', 'close'])
  })

  test('that breaks resets both ends', async () => {
    const { universe, near, far, network } = await joined()
    const [there, here] = [hear(far), hear(near)]
    network.breakConnections('a', 'b')
    await universe.advance(10)
    expect([there.ends, here.ends]).toEqual([
      ['ECONNRESET', 'close'],
      ['ECONNRESET', 'close'],
    ])
    expect(network.connections).toBe(0)
  })

  test('takes as long as the way is', async () => {
    const { universe, near, far, network } = await joined()
    const { pieces } = hear(far)
    network.latency({ minMs: 400, maxMs: 500 }, ['a', 'b'])
    near.write('slow')
    await universe.advance(399)
    expect(pieces).toEqual([])
    await universe.advance(102)
    expect(pieces.join('')).toBe('slow')
  })

  test('to nobody is refused at once, and over a cut way given up in time', async () => {
    const { universe, client, network } = await joined()
    const { sockets } = client.world
    const before = universe.clock.monotonic()
    const refused = sockets.connect({ host: 'a', port: 6 })
    await expect(universe.until(refused)).rejects.toMatchObject({ kind: 'unavailable' })
    expect(universe.clock.monotonic() - before).toBeLessThan(10)
    network.cut('a', 'b')
    const given = sockets.connect({ host: 'a', port: 5 }, { timeoutMs: 3000 })
    await expect(universe.until(given)).rejects.toMatchObject({ kind: 'unavailable' })
    expect(universe.clock.monotonic() - before).toBeGreaterThan(3000)
  })
})

describe('HTTP', () => {
  async function served(answer: (request: HttpRequest) => Promise<HttpAnswer>) {
    const universe = openUniverse({ seed: 1 })
    const server = universe.machine('a').start('server')
    const world = universe.machine('b').start('client').world
    await universe.until(server.world.http!.listen({ host: '0.0.0.0', port: 80 }, answer))
    const client = httpClient({ world })
    const ask = (body?: unknown, more: { stream?: boolean; timeoutMs?: number } = {}) =>
      client.request({ method: 'POST', url: 'http://a/x?y=z', body, ...more })
    return { universe, server, ask, network: universe.network }
  }
  const echo = async ({ method, url, body }: HttpRequest): Promise<HttpAnswer> => ({
    status: 200,
    headers: { 'content-type': 'text/plain' },
    body: Buffer.from(`${method} ${url} ${body}`),
  })

  test('carries a request there and its answer back', async () => {
    const { universe, ask } = await served(echo)
    expect(await universe.until(ask('hello'))).toMatchObject({ status: 200, body: 'POST /x?y=z hello' })
  })

  test('carries bodies as streams both ways', async () => {
    const { universe, ask } = await served(async ({ body }) => ({
      status: 200,
      headers: {},
      body: Buffer.alloc(0),
      stream: (body as Readable).map((chunk) => String(chunk).toUpperCase()),
    }))
    const parts = Array.from({ length: 200 }, (_, at) => Buffer.from(`part ${at} `.repeat(100)))
    const read = async () => {
      const { stream } = await ask(Readable.from(parts), { stream: true })
      let text = ''
      for await (const chunk of stream!) text += String(chunk)
      return text
    }
    expect(await universe.until(read())).toBe(Buffer.concat(parts).toString().toUpperCase())
  })

  test('is refused where nobody listens any more', async () => {
    const { universe, server, ask } = await served(echo)
    server.kill()
    await expect(universe.until(ask())).rejects.toMatchObject({ kind: 'unavailable' })
  })

  test.each([
    ['before the request is there', 0, 0],
    ['after the server did its work', 5, 1],
  ])('is given up in time where the way is cut %s', async (_, cutAfterMs, worked) => {
    let count = 0
    const { universe, ask, network } = await served(async (request) => {
      count++
      await universe.machine('a').kernel.timers.sleep(10)
      return echo(request)
    })
    universe.after(cutAfterMs, () => network.cut('a', 'b'))
    await expect(universe.until(ask(undefined, { timeoutMs: 30_000 }))).rejects.toMatchObject({
      kind: 'unavailable',
    })
    expect(count).toBe(worked)
  })

  test('under way breaks with the connections, and with its server', async () => {
    const { universe, server, ask, network } = await served(() => new Promise(() => {}))
    for (const fail of [() => network.breakConnections('b', 'a'), () => server.kill()]) {
      const asked = ask()
      universe.after(50, fail)
      const before = universe.clock.monotonic()
      await expect(universe.until(asked)).rejects.toMatchObject({ kind: 'unavailable' })
      expect(universe.clock.monotonic() - before).toBeLessThan(60)
    }
  })
})
