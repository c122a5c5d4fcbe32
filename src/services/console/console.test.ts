// The console proxy on real sockets: the page and its modules, and a token's way to a guest's screen and back.
import { Buffer } from 'node:buffer'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { conductor } from '#contracts/compute.ts'
import type { Bus } from '#kit/bus/bus.ts'
import { openAuthority } from '#kit/certificate/authority.ts'
import { makeKey, makeRequest } from '#kit/certificate/openssl.ts'
import { withDefaults } from '#kit/config/section.ts'
import { callsTo, testPlatform } from '#kit/service/test-platform.ts'
import { realWorld } from '#kit/world/real.ts'
import type { Connection, Listener } from '#kit/world/world.ts'
import { consoleConfig } from './config.ts'
import { openConsole, type RunningConsole } from './service.ts'

const world = realWorld()
let service: RunningConsole
let port: number
let screen: Listener
/** What the guest's screen was sent, and the line to it. */
let seen: Buffer
let visitors: Connection[]
let tokens: Map<string, { host: string; port: number; serverName?: string } | undefined>
let authority: string

beforeEach(async () => {
  seen = Buffer.alloc(0)
  visitors = []
  screen = await world.sockets.listen({ host: '127.0.0.1', port: 0 }, (visitor) => {
    visitors.push(visitor)
    visitor.on('error', () => {})
    visitor.on('data', (bytes: Buffer) => {
      if (seen.length === 0) visitor.write('RFB 003.008\n')
      seen = Buffer.concat([seen, bytes])
    })
  })
  const address = screen.address as { host: string; port: number }
  tokens = new Map([['good', { host: '127.0.0.1', port: address.port }]])
  const bus = {
    caller: (contract: unknown) => {
      expect(contract).toBe(conductor)
      return {
        // As compute does: a token holds once.
        async consoleAuthorize({ token }: { token: string }) {
          const console = tokens.get(token)
          tokens.delete(token)
          const opened = { serverId: 's1', ticket: 'the-ticket', serverName: null }
          return { console: console ? { ...opened, ...console } : null }
        },
      }
    },
  } as unknown as Bus
  const platform = { ...testPlatform({ bus }), world }
  service = await openConsole(
    platform,
    withDefaults(consoleConfig, { allowedOrigins: ['https://dashboard.test'] }),
    async () => authority,
  )
  port = (await service.http.listen({ host: '127.0.0.1', port: 0 })).port
})
afterEach(async () => {
  await service.stop()
  for (const visitor of visitors) visitor.destroy()
  await screen.close()
})

type Visit = {
  socket: WebSocket
  received: () => string
  closed: Promise<{ code: number; reason: string }>
  /** Until at least so much has come. */
  comes(length: number): Promise<void>
}

function visit(path: string): Visit {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, ['binary'])
  socket.binaryType = 'arraybuffer'
  let bytes = Buffer.alloc(0)
  let wake = () => {}
  socket.addEventListener('message', ({ data }) => {
    bytes = Buffer.concat([bytes, Buffer.from(data as ArrayBuffer)])
    wake()
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason })),
  )
  return {
    socket,
    closed,
    received: () => bytes.toString('latin1'),
    async comes(length) {
      while (bytes.length < length)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    },
  }
}

describe('a console address', () => {
  it.each(['/?token=good', '/websockify?token=good'])(
    'leads to the screen, ticket first: %s',
    async (path) => {
      const one = visit(path)
      await one.comes(12)
      expect(one.received()).toBe('RFB 003.008\n')
      one.socket.send(Buffer.from([1, 2, 255]))
      visitors[0]!.write(Buffer.alloc(300_000, 'x'))
      await one.comes(300_012)
      expect(seen.toString('latin1')).toBe('the-ticket\n\x01\x02\xff')
      one.socket.close()
      await one.closed
    },
  )

  it('holds once, and says so to whoever comes again', async () => {
    const first = visit('/?token=good')
    await first.comes(12)
    const second = visit('/?token=good')
    expect(await second.closed).toEqual({
      code: 1008,
      reason: 'This console address is unknown, used or expired. Ask for a new one.',
    })
    expect(await visit('/').closed).toMatchObject({ code: 1008 })
    expect(visitors).toHaveLength(1)
    first.socket.close()
    await first.closed
  })

  it('tells when the guest has gone, or can not be reached', async () => {
    const one = visit('/?token=good')
    await one.comes(12)
    visitors[0]!.destroy()
    expect(await one.closed).toMatchObject({ code: 1000, reason: 'The console was closed.' })
    tokens.set('dead', { host: '127.0.0.1', port: 1 })
    expect(await visit('/?token=dead').closed).toMatchObject({ code: 1011 })
  })

  it('leads to a host of another machine over TLS, and only to that host', async () => {
    const folder = mkdtempSync(`${tmpdir()}/nimbo-console-`)
    try {
      const ours = await openAuthority(world, `${folder}/ca`, 'ours')
      authority = ours.certificate
      await makeKey(world, `${folder}/key`)
      const request = await makeRequest(world, `${folder}/key`, 'node2')
      const order = {
        request,
        commonName: 'node2',
        usage: 'host',
        names: ['node2'],
        validMs: 3_600_000,
      } as const
      const tls = { cert: await ours.issue(order), key: readFileSync(`${folder}/key`) }
      const door = await world.sockets.listen(
        { host: '127.0.0.1', port: 0 },
        (visitor) => {
          visitors.push(visitor)
          visitor.on('error', () => {})
          visitor.once('data', (bytes: Buffer) => visitor.write(`${bytes.toString().trim()} was right\n`))
        },
        { tls },
      )
      const at = door.address as { host: string; port: number }
      tokens.set('secured', { ...at, serverName: 'node2' })
      const one = visit('/?token=secured')
      await one.comes(21)
      expect(one.received()).toBe('the-ticket was right\n')
      tokens.set('another', { ...at, serverName: 'node3' })
      expect(await visit('/?token=another').closed).toMatchObject({ code: 1011 })
      expect(visitors).toHaveLength(1)
      authority = (await openAuthority(world, `${folder}/foreign`, 'foreign')).certificate
      tokens.set('foreign', { ...at, serverName: 'node2' })
      expect(await visit('/?token=foreign').closed).toMatchObject({ code: 1011 })
      one.socket.close()
      await one.closed
      await door.close()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('lets the host know when the visitor has gone', async () => {
    const one = visit('/?token=good')
    await one.comes(12)
    const gone = new Promise((resolve) => visitors[0]!.once('close', resolve))
    one.socket.close()
    await gone
  })

  it('is of no use to pages of other sites', async () => {
    const ask = (origin: string) =>
      new Promise<string>((resolve, reject) => {
        void world.sockets.connect({ host: '127.0.0.1', port }).then((line) => {
          line.once('error', reject)
          line.once('data', (bytes: Buffer) => {
            resolve(bytes.toString().split('\r\n')[0]!)
            line.destroy()
          })
          line.write(
            `GET /?token=none HTTP/1.1\r\nHost: cloud.test:6080\r\nOrigin: ${origin}\r\nConnection: Upgrade\r\n` +
              'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
          )
        })
      })
    expect(await ask('https://evil.test')).toBe('HTTP/1.1 403 Forbidden')
    expect(await ask('null')).toBe('HTTP/1.1 403 Forbidden')
    expect(await ask('http://cloud.test:6080')).toBe('HTTP/1.1 101 Switching Protocols')
    expect(await ask('https://dashboard.test')).toBe('HTTP/1.1 101 Switching Protocols')
  })
})

describe('the page', () => {
  const get = (path: string) => callsTo(service.http, undefined)('GET', path)

  it('is there with all modules that it loads', async () => {
    const page = await get('/vnc_auto.html?path=%3Ftoken%3Dgood')
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
    const wanted = ['/console.js', '/console.css']
    const loaded = new Set<string>()
    for (let path = wanted.pop(); path; path = wanted.pop()) {
      if (loaded.has(path)) continue
      loaded.add(path)
      const { status, body, headers } = await get(path)
      expect(status, path).toBe(200)
      expect(headers['x-content-type-options']).toBe('nosniff')
      for (const [, from] of String(body).matchAll(/^(?:import|export)\b[^'"]*['"](\.[^'"]+)['"]/gm))
        wanted.push(new URL(from!, `http://x${path}`).pathname)
    }
    expect(loaded.size).toBeGreaterThan(20)
  })

  it.each([
    '/../package.json',
    '/novnc/../../../package.json',
    '/novnc/%2e%2e/package.json',
    '/novnc/core/%2e%2e%2f%2e%2e%2fpackage.json',
    '/novnc/package.json',
    '//etc/passwd',
    '/%00',
    '/service.ts',
    '/',
  ])('is all that there is: %s', async (path) => {
    expect([400, 404]).toContain((await get(path)).status)
  })
})
