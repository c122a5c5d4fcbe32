// TLS on the sockets of both worlds: the same certificates are believed and refused in memory as on the host.
import * as net from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { realWorld } from './real.ts'
import { type TestAuthority, type TestCertificate, testAuthority } from './test-certificate.ts'
import { virtualWorld } from './virtual.ts'
import type { Connection, ConnectTls, Listener, ListenTls } from './world.ts'

let authority: TestAuthority
let foreign: TestAuthority
let server: TestCertificate
let agent: TestCertificate
let stranger: TestCertificate
const listeners: Listener[] = []

beforeAll(async () => {
  ;[authority, foreign] = await Promise.all([testAuthority(), testAuthority('foreign')])
  ;[server, agent, stranger] = await Promise.all([
    authority.issue('/CN=server'),
    authority.issue('/C=CH/O=Nimbo, Inc/CN=agent@host1'),
    foreign.issue('/CN=agent@host1'),
  ])
})
afterAll(async () => {
  await Promise.all([authority.remove(), foreign.remove()])
  await Promise.all(listeners.map((listener) => listener.close()))
})

describe.each([
  ['real', realWorld],
  // Some time after the certificates were made, which is after this line is read.
  ['virtual', () => virtualWorld({ now: Date.now() + 3_600_000 })],
] as const)('the %s world', (_name, makeWorld) => {
  const { sockets } = makeWorld()
  async function listen(tls: Partial<ListenTls>) {
    const accepted: Connection[] = []
    const listener = await sockets.listen(
      { host: '127.0.0.1', port: 0 },
      (connection) => {
        accepted.push(connection)
        connection.on('error', () => {})
        connection.on('data', (chunk) => connection.write(chunk))
      },
      { tls: { ...server, ...tls } },
    )
    listeners.push(listener)
    /** What comes back of a word; rejects where the connection doesn't live. */
    const echo = async (client: ConnectTls) => {
      const connection = await sockets.connect(listener.address, { tls: client })
      connection.write('hello')
      const back = await new Promise<string>((resolve, reject) => {
        connection.once('data', (chunk) => resolve(String(chunk)))
        connection.once('error', reject)
        connection.once('close', () => reject(new Error('closed')))
      })
      connection.destroy()
      return { back, connection }
    }
    return { listener, accepted, echo }
  }

  test('a listener is believed by who trusts its authority, and by nobody else', async () => {
    const { echo } = await listen({})
    const { back, connection } = await echo({ ca: authority.ca })
    expect(back).toBe('hello')
    expect(connection.tls).toMatchObject({
      protocol: 'TLSv1.3',
      certificate: { subject: 'CN=server', issuer: 'CN=test authority' },
    })
    await expect(echo({ ca: foreign.ca })).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(echo({})).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(echo({ ca: authority.ca, serverName: 'elsewhere.example' })).rejects.toMatchObject({
      kind: 'unavailable',
    })
    expect((await echo({ unverified: true })).back).toBe('hello')
  })

  test("a client's certificate is read where it is asked for, and one of another authority refused", async () => {
    const { echo, accepted } = await listen({ ca: authority.ca, requestClientCert: true })
    await echo({ ca: authority.ca, ...agent })
    expect(accepted.at(-1)!.tls!.certificate).toMatchObject({
      commonName: 'agent@host1',
      subject: expect.stringMatching(/^CN=agent@host1,O=Nimbo.*, Inc,C=CH$/),
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    await echo({ ca: authority.ca })
    expect(accepted.at(-1)!.tls!.certificate).toBeUndefined()
    await expect(echo({ ca: authority.ca, ...stranger })).rejects.toThrow()
    expect(accepted).toHaveLength(2)
  })

  test('a certificate can be required', async () => {
    const { echo, accepted } = await listen({ ca: authority.ca, requireClientCert: true })
    await expect(echo({ ca: authority.ca })).rejects.toThrow()
    expect(accepted).toHaveLength(0)
    expect((await echo({ ca: authority.ca, ...agent })).back).toBe('hello')
  })

  test('a new certificate takes effect without a new listener', async () => {
    const { listener, echo } = await listen({})
    listener.renew(stranger)
    await expect(echo({ ca: authority.ca })).rejects.toMatchObject({ kind: 'unavailable' })
    expect((await echo({ ca: foreign.ca })).back).toBe('hello')
  })
})

test('peers that speak no TLS are hung up on, and the listener goes on', async () => {
  const listener = await realWorld().sockets.listen({ host: '127.0.0.1', port: 0 }, () => {}, {
    tls: server,
  })
  listeners.push(listener)
  const { port } = listener.address as { port: number }
  const plain = net.connect(port, '127.0.0.1')
  const closed = new Promise((resolve) => plain.once('close', resolve))
  plain.on('error', () => {})
  plain.write('AMQP\x00\x00\x09\x01 and more that is no TLS at all')
  plain.resume()
  await closed
  const connection = await realWorld().sockets.connect(listener.address, { tls: { ca: authority.ca } })
  expect(connection.tls?.cipher).toContain('TLS_')
  connection.destroy()
})
