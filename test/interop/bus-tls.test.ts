// The bus by a transport URL with TLS: to a broker whose certificate an authority of the operator's own has signed.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Broker, openBroker } from '#broker/broker.ts'
import { connectAmqp } from '#kit/amqp/client/connection.ts'
import { connectToAny, parseTransportUrl } from '#kit/bus/transport.ts'
import { silentLog } from '#kit/log/log.ts'
import { type TestAuthority, testAuthority } from '#kit/world/test-certificate.ts'
import { busFindings } from '#main/doctor-bus.ts'
import { world } from './bus-engine.ts'

let ours: TestAuthority
let other: TestAuthority
let broker: Broker
let url: (query: string, scheme?: string) => string
beforeAll(async () => {
  ours = await testAuthority('the operator')
  other = await testAuthority('somebody else')
  const all = { configure: '.*', write: '.*', read: '.*' }
  broker = await openBroker({
    world,
    log: silentLog,
    users: { ann: { password: 'p@ss', permissions: { '/': all } } },
  })
  const tls = await ours.issue('/CN=broker')
  const { address } = await broker.listen({ host: '127.0.0.1', port: 0 }, { tls })
  const port = 'port' in address ? address.port : 0
  url = (query, scheme = 'rabbit') => `${scheme}://ann:p%40ss@localhost:${port}/${query}`
})
afterAll(async () => {
  await broker.close()
  await Promise.all([ours, other].map((each) => each.remove()))
})

test.each([
  ['', 'rabbit+tls'],
  ['', 'amqps'],
  ['?ssl=1', 'rabbit'],
])('is entered by %s with scheme %s', async (query, scheme) => {
  const transport = parseTransportUrl(url(query, scheme))
  const stream = await connectToAny(world, transport, { ca: ours.ca })()
  expect(stream.tls?.protocol).toBe('TLSv1.3')
  const connection = await connectAmqp({ world, stream, ...transport, name: 'test' })
  await connection.close()
})

test('is refused where somebody else has signed the certificate, and nimbo doctor says so', async () => {
  const transport = parseTransportUrl(url('', 'rabbit+tls'))
  await expect(connectToAny(world, transport, { ca: other.ca })()).rejects.toMatchObject({
    kind: 'unavailable',
  })
  const [good] = await busFindings(world, { transport, authority: ours.ca, durableQueueType: 'quorum' })
  expect(good).toMatchObject({ state: 'ok' })
  const [bad] = await busFindings(world, { transport, authority: other.ca, durableQueueType: 'quorum' })
  expect(bad).toMatchObject({ state: 'problem', text: expect.stringContaining('certificate') })
})
