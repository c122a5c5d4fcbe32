// What `nimbo doctor` says of a broker that is not ours: of our own, reached as if it were a RabbitMQ.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ExternalBroker } from '#main/bus-engine.ts'
import { busFindings } from '#main/doctor-bus.ts'
import { type EngineUnderTest, standaloneEngine, world } from './bus-engine.ts'

let engine: EngineUnderTest
let external: ExternalBroker
beforeAll(async () => {
  engine = await standaloneEngine()
  external = engine.external!
})
afterAll(() => engine?.close())

const away = { host: '127.0.0.1', port: 1 }
const findings = async (change: Partial<ExternalBroker> = {}) =>
  (await busFindings(world, { ...external, ...change })).map(({ state, text }) => `${state}: ${text}`)

test('all is well', async () => {
  const { port } = external.transport.addresses[0]!
  expect(await findings()).toEqual([
    `ok: the message broker answers at 127.0.0.1:${port}`,
    `ok: hosts get users of their own at ${external.management!.urls[0]}`,
  ])
})

test('a node that is away is a warning, all of them a problem', async () => {
  const { transport } = external
  const [some] = await findings({ transport: { ...transport, addresses: [...transport.addresses, away] } })
  expect(some).toMatch(/^warning: Some nodes of the message broker are not usable: 127\.0\.0\.1:1: /)
  const [none] = await findings({ transport: { ...transport, addresses: [away] } })
  expect(none).toMatch(/^problem: The message broker is not usable: /)
})

test('a wrong password is told in the words of the broker, and not itself', async () => {
  const [said] = await findings({ transport: { ...external.transport, password: 'wrong-one' } })
  expect(said).toMatch(/^problem: .*ACCESS_REFUSED/)
  expect(said).not.toContain('wrong-one')
  const [, management] = await findings({ management: { ...external.management!, password: 'wrong-one' } })
  expect(management).toMatch(/^problem: The broker's management API at .* answers 401 to user admin\./)
})

test('a virtual host that is not there is a problem', async () => {
  const [said] = await findings({ transport: { ...external.transport, vhost: 'nowhere' } })
  expect(said).toMatch(/^problem: .*vhost nowhere not found/)
})

test('a management API that is not named, is away, or takes the user for no administrator', async () => {
  expect((await findings({ management: undefined }))[1]).toMatch(/^warning: All hosts share user admin/)
  const elsewhere = { ...external.management!, urls: ['http://127.0.0.1:1'] }
  expect((await findings({ management: elsewhere }))[1]).toMatch(/^warning: .* does not answer at/)
  const { user, password } = await engine.engine.access!.grantHost('somebody')
  expect((await findings({ management: { ...external.management!, user, password } }))[1]).toMatch(
    /^problem: .*agent@somebody/,
  )
})
