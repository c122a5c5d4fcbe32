// Stock clients over TLS: amqplib by password and by certificate, and those that must not get in.
import { connect, credentials, type GetMessage } from 'amqplib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Broker, openBroker } from '#broker/broker.ts'
import { everything } from '#broker/test-broker.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { type TestAuthority, testAuthority } from '#kit/world/test-certificate.ts'

let authority: TestAuthority
let foreign: TestAuthority
let broker: Broker
let port: number
beforeAll(async () => {
  ;[authority, foreign] = await Promise.all([testAuthority(), testAuthority('foreign')])
  const tls = {
    ...(await authority.issue('/CN=localhost')),
    ca: authority.ca,
    requestClientCert: true,
  }
  const users = {
    client: { password: 'a secret', permissions: { '/': everything } },
    'agent@host1': { password: 'never used', permissions: { '/': everything } },
  }
  broker = await openBroker({ world: realWorld(), log: silentLog, users })
  const { address } = await broker.listen({ host: '127.0.0.1', port: 0 }, { tls })
  port = (address as { port: number }).port
})
afterAll(async () => {
  await broker.close()
  await Promise.all([authority.remove(), foreign.remove()])
})

const at = (account: string) => `amqps://${account}127.0.0.1:${port}/%2f`

test('a password goes through TLS, and a large message whole', async () => {
  const connection = await connect(at('client:a%20secret@'), { ca: [authority.ca] })
  const channel = await connection.createConfirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const body = Buffer.alloc(9_000_000, 'nimbo')
  channel.sendToQueue(queue, body)
  await channel.waitForConfirms()
  const message = await channel.get(queue, { noAck: true })
  expect((message as GetMessage).content.equals(body)).toBe(true)
  await connection.close()
})

test("a certificate's holder needs no password", async () => {
  const certificate = await authority.issue('/O=Nimbo/CN=agent@host1')
  const connection = await connect(at(''), {
    ca: [authority.ca],
    ...certificate,
    credentials: credentials.external(),
  })
  const channel = await connection.createChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  channel.sendToQueue(queue, Buffer.from('x'), { userId: 'agent@host1' })
  expect((await channel.checkQueue(queue)).messageCount).toBe(1)
  await connection.close()
})

test('a certificate of somebody else, or of nobody, opens nothing', async () => {
  const [stranger, nobody] = await Promise.all([
    foreign.issue('/CN=agent@host1'),
    authority.issue('/CN=nobody'),
  ])
  const external = { ca: [authority.ca], credentials: credentials.external() }
  await expect(connect(at(''), { ...external, ...stranger })).rejects.toThrow()
  // It isn't offered to who is no user; whoever insists is refused (src/broker/server/login.test.ts).
  await expect(connect(at(''), { ...external, ...nobody })).rejects.toThrow(/EXTERNAL is not provided/)
  await expect(connect(at(''), external)).rejects.toThrow()
  await expect(connect(at('client:a%20secret@'), { ca: [foreign.ca] })).rejects.toThrow(/certificate/)
  expect(broker.connectionCount).toBe(0)
})
