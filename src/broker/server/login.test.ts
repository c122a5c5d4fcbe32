// Who gets in: passwords, certificates, and users who may come from this machine alone.
import { duplexPair } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type TestAuthority, type TestCertificate, testAuthority } from '#kit/world/test-certificate.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import type { ConnectTls } from '#kit/world/world.ts'
import type { BrokerOptions } from '../broker.ts'
import { everything, type TestBroker, testBroker } from '../test-broker.ts'
import { openRaw, type RawClient, rawClient } from './test-client.ts'

let authority: TestAuthority
let server: TestCertificate
let agent: TestCertificate
beforeAll(async () => {
  authority = await testAuthority()
  ;[server, agent] = await Promise.all([
    authority.issue('/CN=localhost'),
    authority.issue('/O=Nimbo/CN=agent@host1'),
  ])
})
afterAll(() => authority.remove())

const started: TestBroker[] = []
afterEach(async () => {
  for (const { broker } of started.splice(0)) await broker.close()
})

async function start(options: Partial<BrokerOptions> = {}): Promise<TestBroker> {
  const parts = await testBroker({ ...options, world: virtualWorld({ now: Date.now() }) })
  started.push(parts)
  return parts
}

const address = { host: 'localhost', port: 5671 }
/** Says the protocol header over TLS and gives what is offered. */
async function overTls({ broker, world }: TestBroker, client: ConnectTls): Promise<RawClient> {
  if (broker.listeners.length === 0)
    await broker.listen(address, { tls: { ...server, ca: authority.ca, requestClientCert: true } })
  return rawClient(await world.sockets.connect(address, { tls: { ca: authority.ca, ...client } }))
}
const header = Buffer.from('AMQP\x00\x00\x09\x01')
/** The first that comes: 'connection.tune' lets in. */
async function answerTo(client: RawClient, mechanism: string, response = ''): Promise<string> {
  client.outbox.raw(header)
  const capabilities = { authentication_failure_close: true }
  client.say('connection.start-ok', { mechanism, response, clientProperties: { capabilities } })
  const closed = client.hear('connection.close').then(({ replyText }) => replyText)
  return Promise.race([closed, client.hear('connection.tune').then(() => 'in')])
}
const refused = (mechanism: string) =>
  `ACCESS_REFUSED - Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`

describe('certificates', () => {
  const users = { 'agent@host1': { password: 'unused', permissions: { '/': everything } } }

  test('let their holder in under its common name, and EXTERNAL is offered only to users', async () => {
    const parts = await start({ users })
    const plain = await overTls(parts, {})
    plain.outbox.raw(header)
    expect(String((await plain.hear('connection.start')).mechanisms)).toBe('PLAIN AMQPLAIN')
    const holder = await overTls(parts, agent)
    expect(await answerTo(holder, 'EXTERNAL')).toBe('in')
    expect(String((await holder.hear('connection.start')).mechanisms)).toBe('PLAIN AMQPLAIN EXTERNAL')
    const connection = [...parts.broker.connections].at(-1)!
    expect([connection.user.name, connection.mechanism, connection.tls?.certificate?.subject]).toEqual([
      'agent@host1',
      'EXTERNAL',
      'CN=agent@host1,O=Nimbo',
    ])
    expect(await answerTo(await overTls(parts, {}), 'EXTERNAL')).toBe(
      "COMMAND_INVALID - unknown authentication mechanism 'EXTERNAL'",
    )
  })

  test('name nobody who is not a user, and the whole name by option', async () => {
    const strangers = await start()
    const stranger = await overTls(strangers, agent)
    expect(await answerTo(stranger, 'EXTERNAL')).toBe(refused('EXTERNAL'))
    expect(String((await stranger.hear('connection.start')).mechanisms)).toBe('PLAIN AMQPLAIN')
    const named = { 'CN=agent@host1,O=Nimbo': { password: 'unused', permissions: { '/': everything } } }
    const parts = await start({ users: named, certificateName: 'distinguishedName' })
    expect(await answerTo(await overTls(parts, agent), 'EXTERNAL')).toBe('in')
  })

  test('do not keep a password from being used', async () => {
    const parts = await start({ users })
    expect(await answerTo(await overTls(parts, agent), 'PLAIN', '\0nimbo\0secret')).toBe('in')
    expect(await answerTo(await overTls(parts, agent), 'PLAIN', '\0nimbo\0guess')).toBe(refused('PLAIN'))
  })
})

test('loopback users come from this machine alone', async () => {
  const guest = { guest: { password: 'guest', permissions: { '/': everything } } }
  const parts = await start({ users: guest })
  const from = async (peer: string) => {
    const [client, far] = duplexPair()
    parts.broker.accept(far, peer)
    return answerTo(rawClient(client), 'PLAIN', '\0guest\0guest')
  }
  for (const peer of ['127.0.0.1:5000', '127.8.0.1:5000', '::1:5000', 'in-process', '/run/broker.sock'])
    expect([peer, await from(peer)]).toEqual([peer, 'in'])
  for (const peer of ['192.0.2.7:5000', '2001:db8::1:5000', '10.127.0.1:5000'])
    expect([peer, await from(peer)]).toEqual([peer, refused('PLAIN')])
})

test('a new secret is taken while the user and its right to the virtual host are there', async () => {
  const parts = await start({ users: { temporary: { password: 'a', permissions: { '/': everything } } } })
  const client = await openRaw(parts.stream(), { user: 'temporary', password: 'a' })
  client.say('connection.update-secret', { newSecret: 'b', reason: 'rotated' })
  await client.hear('connection.update-secret-ok')
  parts.broker.registry.users.get('temporary')!.permissions.delete('/')
  client.say('connection.update-secret', { newSecret: 'c', reason: 'rotated' })
  expect((await client.hear('connection.close')).replyText).toBe(
    "NOT_ALLOWED - access to vhost '/' refused for user 'temporary'",
  )
})
