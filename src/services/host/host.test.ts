// The host service alone: its tables, and what it answers to bodies and paths of all kinds.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testBus } from '#kit/bus/test-bus.ts'
import { withDefaults } from '#kit/config/section.ts'
import { schemaDifferences } from '#kit/db/schema.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import {
  authenticateBy,
  callsTo,
  type TestPlatform,
  testCaller,
  testPlatform,
} from '#kit/service/test-platform.ts'
import { virtualWorld } from '#kit/world/virtual.ts'
import { hostConfig } from './config.ts'
import { host } from './resources/host.ts'
import { joinToken } from './resources/join-token.ts'
import { openHosts, type RunningHosts } from './service.ts'

let platform: TestPlatform
let service: RunningHosts
let reason: string | undefined
let call: ReturnType<typeof callsTo>

beforeAll(async () => {
  const world = virtualWorld()
  platform = testPlatform({ world, bus: testBus(world, () => platform.journal) })
  const authenticate = authenticateBy({ admin: testCaller({ roles: ['admin'] }) })
  const nobodyJoins = async () => {
    throw new CloudError('internal', 'no host may come as far as this')
  }
  service = await openHosts(
    platform,
    withDefaults(hostConfig),
    { authenticate, serviceToken: async () => 'token' },
    {
      authority: async () => ({ certificate: 'PEM', fingerprint: 'F'.repeat(43), issue: nobodyJoins }),
      notJoinable: () => reason,
      ownNames: () => ['cloud.example'],
      grantBus: nobodyJoins,
      revokeBus: nobodyJoins,
      admit: async () => {},
      publicFacts: () => ({ region: 'RegionOne' }),
      memberFacts: () => ({ secret: 'of members' }),
      passwordSeed: 'seed',
    },
  )
  call = callsTo(service.http, 'admin')
})
afterAll(() => service.stop())

test('migrations give what the declarations say', async () => {
  expect(await schemaDifferences(service.app.db, [host, joinToken])).toEqual([])
})

describe('anybody', () => {
  test('may know the authority and the region, and nothing that is for members', async () => {
    const strangers = callsTo(service.http, undefined)
    expect(await strangers('GET', '/v1/authority')).toMatchObject({ status: 200, body: { authority: 'PEM' } })
    const cloud = await strangers('GET', '/v1/cloud')
    expect(cloud).toMatchObject({ status: 200, body: { cloud: { region: 'RegionOne' } } })
    expect(JSON.stringify(cloud.body)).not.toContain('of members')
    for (const [method, path] of [
      ['GET', '/v1/hosts'],
      ['GET', '/v1/join-tokens'],
      ['POST', '/v1/join-tokens'],
      ['DELETE', '/v1/hosts/node1'],
    ] as const)
      expect((await strangers(method, path)).status, path).toBe(401)
  })

  test('gets a plain refusal for whatever is sent to join', async () => {
    const strangers = callsTo(service.http, undefined)
    const good = { token: 'nimbo1.a.b.c', name: 'n', request: 'r', address: '192.0.2.1', version: '1' }
    const oddities: unknown[] = [
      null,
      1,
      '',
      'x'.repeat(10_000),
      [],
      {},
      { a: 1 },
      '\u0000',
      '../..',
      true,
      -1e300,
    ]
    for (const odd of oddities) {
      expect((await strangers('POST', '/v1/hosts', odd)).status, JSON.stringify(odd)).toBe(400)
      for (const field of Object.keys(good)) {
        const { status } = await strangers('POST', '/v1/hosts', { join: { ...good, [field]: odd } })
        expect([400, 401], `${field}: ${JSON.stringify(odd)?.slice(0, 60)}`).toContain(status)
      }
    }
    expect((await strangers('POST', '/v1/hosts', '{')).status).toBe(400)
  })
})

describe('a join token', () => {
  test('is not made for a cloud that nobody can join, with the reason', async () => {
    reason = 'It listens on a loopback address.'
    const refused = await call('POST', '/v1/join-tokens', { join_token: {} })
    expect(refused).toMatchObject({ status: 409, body: { error: { message: reason, type: 'NotJoinable' } } })
    reason = undefined
    expect((await call('POST', '/v1/join-tokens', { join_token: {} })).status).toBe(201)
  })

  test('lasts from a minute to a week', async () => {
    for (const ttl of [59, 604_801, 1.5, '60', null])
      expect((await call('POST', '/v1/join-tokens', { join_token: { ttl } })).status, String(ttl)).toBe(400)
    const { body } = await call('POST', '/v1/join-tokens', { join_token: { ttl: 600 } })
    const { created_at, expires_at } = body.join_token
    expect(Date.parse(expires_at) - Date.parse(created_at)).toBe(600_000)
  })

  test('is forgotten a week after its end', async () => {
    const { body } = await call('POST', '/v1/join-tokens', { join_token: { ttl: 60 } })
    const { id } = body.join_token
    const listed = async () =>
      (await call('GET', '/v1/join-tokens')).body.join_tokens.find((each: { id: string }) => each.id === id)
    await platform.world.advance(2 * 60_000)
    expect(await listed()).toMatchObject({ status: 'expired' })
    await platform.world.advance(8 * 86_400_000)
    await call('POST', '/v1/join-tokens', { join_token: {} })
    expect(await listed()).toBeUndefined()
    expect((await call('DELETE', `/v1/join-tokens/${id}`)).status).toBe(404)
  })
})
