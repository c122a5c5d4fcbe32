// What every service does with a request before and after its own work: bodies, limits, the record of what was decided, the audit.
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { CloudError } from '../errors/cloud-error.ts'
import type { JournalEvent } from '../journal/journal.ts'
import { openPolicy } from '../policy/engine.ts'
import { rule } from '../policy/policy.ts'
import { authenticateBy, callsTo, testCaller, testPlatform } from '../service/test-platform.ts'
import { body, described } from './body.ts'
import type { FaultFormat } from './fault.ts'
import { type Limits, usualLimits } from './rate.ts'
import { routeOf } from './route.ts'
import { httpService } from './server.ts'

const rules = {
  create: rule('thing:create', 'role:member and project_id:%(project_id)s', 'Create a thing'),
  remove: rule('thing:remove', 'role:admin or project_id:%(project_id)s', 'Remove a thing'),
  see: rule('thing:see', 'role:admin or project_id:%(project_id)s', 'See a thing'),
}
const faults: FaultFormat = {
  fault: (error) => ({ status: error.status, body: { error: { message: error.message } } }),
}
const thing = body('thing', {
  name: { schema: Type.String() },
  password: { schema: Type.String(), optional: true },
})
const anything = described(Type.Unknown())
const route = routeOf<null>()
const routes = [
  route('GET', '/things', { policy: 'public', handle: async () => ({ things: [] }) }),
  route('GET', '/things/:id', {
    policy: 'token',
    handle: async (context, { params }) => {
      if (!context.allows(rules.see, { project_id: params.id }))
        throw new CloudError('notFound', 'No such thing.')
      return { thing: params }
    },
  }),
  route('POST', '/things', {
    policy: rules.create,
    body: thing,
    status: 201,
    handle: async (_, { body: given }) => ({ thing: { id: 'made', name: given.name } }),
  }),
  route('POST', '/large', {
    policy: 'token',
    body: anything,
    bodyLimit: 5000,
    handle: async () => undefined,
  }),
  route('DELETE', '/things/:id', {
    policy: 'token',
    handle: async (context, { params }) => context.authorize(rules.remove, { project_id: params.id }),
  }),
  route('POST', '/things/:id/action', {
    action: 'paint',
    policy: 'token',
    body: anything,
    status: 202,
    handle: async () => undefined,
  }),
  route('PUT', '/things/:id/parts/:part', { policy: 'token', handle: async () => undefined }),
  route('POST', '/things/:id/parts', { policy: 'token', handle: async () => ({ part: { id: 'made' } }) }),
  route('GET', '/stream', { policy: 'public', handle: async () => Readable.from(slowly()) }),
  route('POST', '/join', { policy: 'public', body: anything, handle: async () => undefined }),
  route('POST', '/login', {
    policy: 'public',
    body: anything,
    handle: async (context) => {
      context.audit({ action: 'authenticate', initiator: { name: 'eve' } })
      throw new CloudError('unauthorized', 'No.')
    },
  }),
]

async function* slowly() {
  for (const piece of ['a', 'b', 'c']) {
    await new Promise(setImmediate)
    yield piece
  }
}

async function open(limits: Partial<Limits> = {}) {
  const platform = testPlatform()
  const http = await httpService({
    name: 'thing-api',
    app: null,
    ...platform,
    routes,
    prefixes: ['/v1'],
    faults,
    types: ['things'],
    policy: openPolicy({ rules: Object.values(rules) }),
    authenticate: authenticateBy({
      member: testCaller({ userId: 'u1', userName: 'ann', projectId: 'p1', roles: ['member', 'reader'] }),
      reader: testCaller({ userId: 'u2', userName: 'bob', projectId: 'p2', roles: ['reader'] }),
      service: testCaller({ userId: 'u3', projectId: 'p3', roles: ['service'] }),
    }),
    authUri: () => 'http://identity.test',
  })
  http.govern({ ...usualLimits, ...limits })
  const recorded = async (kind: JournalEvent['kind']) => {
    await platform.journal.flush()
    return platform.events.filter((event) => event.kind === kind)
  }
  return { ...platform, http, recorded, as: (token?: string) => callsTo(http, token) }
}

const json = { 'content-type': 'application/json' }

describe('a body', () => {
  it('is not looked at before its sender is known', async () => {
    const { as } = await open()
    expect((await as()('POST', '/v1/things', '{', json)).status).toBe(401)
    expect((await as('reader')('POST', '/v1/things', '{', json)).status).toBe(403)
    expect((await as('member')('POST', '/v1/things', '{', json)).status).toBe(400)
  })

  it.each([
    ['no JSON', 'nonsense'],
    ['cut off', '{"thing":{"name":"a"'],
    ['nested too deep', `{"thing":${'['.repeat(5000)}${']'.repeat(5000)}}`],
    ['nested too deep and cut off', `{"thing":${'{"a":'.repeat(20_000)}`],
    ['with a prototype', '{"thing":{"name":"a","__proto__":{"admin":true}}}'],
    ['with a prototype in disguise', '{"thing":{"name":"a","\\u005f_proto__":{"admin":true}}}'],
  ])('that is %s is a bad request', async (_, text) => {
    const { as } = await open()
    expect((await as('member')('POST', '/v1/things', text, json)).status).toBe(400)
  })

  it('that is not in UTF-8 is a bad request', async () => {
    const { http } = await open()
    const headers = { ...json, 'x-auth-token': 'member' }
    const bytes = Buffer.concat([
      Buffer.from('{"thing":{"name":"'),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}}'),
    ])
    expect((await http.inject({ method: 'POST', url: '/v1/things', headers, body: bytes })).status).toBe(400)
  })

  it('may hold brackets in its strings, as many as it likes', async () => {
    const { as } = await open()
    const name = `\\"${'['.repeat(500)}`
    expect((await as('member')('POST', '/v1/things', { thing: { name } })).status).toBe(201)
  })

  it('is too large beyond the limit, or that of its route', async () => {
    const { as } = await open({ bodyLimit: 2000 })
    const member = as('member')
    const sized = (bytes: number) => ({ thing: { name: 'x'.repeat(bytes) } })
    expect((await member('POST', '/v1/things', sized(1000))).status).toBe(201)
    const refused = await member('POST', '/v1/things', sized(2000))
    expect(refused).toMatchObject({ status: 413, headers: { connection: 'close' } })
    expect(refused.body.error.message).toContain('2000 bytes')
    expect((await member('POST', '/v1/large', sized(4000))).status).toBe(204)
    expect((await member('POST', '/v1/large', sized(5000))).status).toBe(413)
  })
})

describe('an answer', () => {
  it('may be a stream that has its first octets later', async () => {
    const { http } = await open()
    expect((await http.inject({ method: 'GET', url: '/v1/stream', headers: {} })).body.toString()).toBe('abc')
  })
})

describe('limits', () => {
  it('are of a project, by token bucket, and say when to come again', async () => {
    const { as, world } = await open({ projectRate: 2, projectBurst: 3 })
    const statuses = async (token: string, count: number) => {
      const found: number[] = []
      for (let n = 0; n < count; n++) found.push((await as(token)('GET', '/v1/things/p1')).status)
      return found
    }
    expect(await statuses('member', 5)).toEqual([200, 200, 200, 429, 429])
    expect(await as('member')('GET', '/v1/things/p1')).toMatchObject({ headers: { 'retry-after': '1' } })
    expect(await statuses('reader', 1)).toEqual([404])
    // Another service asks for whole clouds.
    expect(await statuses('service', 9)).not.toContain(429)
    await world.advance(1000)
    expect(await statuses('member', 3)).toEqual([200, 200, 429])
  })

  it('are of an address, that of the client where proxies are trusted, and not of this process itself', async () => {
    const { http, as } = await open({ addressRate: 1, addressBurst: 2, trustedProxies: ['127.0.0.1'] })
    const { port } = await http.listen({ host: '127.0.0.1', port: 0 })
    const from = async (client: string) =>
      (await fetch(`http://127.0.0.1:${port}/v1/things`, { headers: { 'x-forwarded-for': client } })).status
    expect([await from('10.0.0.1'), await from('10.0.0.1'), await from('10.0.0.1')]).toEqual([200, 200, 429])
    expect(await from('10.0.0.2')).toBe(200)
    // What a client itself puts before is not believed.
    expect(await from('10.0.0.9, 10.0.0.1')).toBe(429)
    for (let n = 0; n < 5; n++) expect((await as()('GET', '/v1/things')).status).toBe(200)
    await http.close()
  })
})

describe('the record of a request', () => {
  it('tells which rule refused it, on what grounds, and who asked', async () => {
    const { as, recorded } = await open()
    const { headers } = await as('reader')('DELETE', '/v1/things/p1')
    const [event] = await recorded('request')
    expect(event).toMatchObject({
      requestId: headers['x-openstack-request-id'],
      id: headers['x-openstack-request-id']?.slice('req-'.length),
      userId: 'u2',
      data: {
        status: 403,
        roles: ['reader'],
        address: 'local',
        policy: [
          {
            rule: 'thing:remove',
            allowed: false,
            because:
              'role:admin (the roles are reader); project_id:%(project_id)s (project_id is p2, wanted is p1)',
            check: 'role:admin or project_id:%(project_id)s',
            from: 'built in',
          },
        ],
      },
    })
  })

  it('tells the rule behind a 404, and the one that let a request pass', async () => {
    const { as, recorded } = await open()
    await as('reader')('GET', '/v1/things/p1')
    await as('member')('POST', '/v1/things', { thing: { name: 'a' } })
    const [hidden, passed] = await recorded('request')
    expect(hidden).toMatchObject({ data: { status: 404, policy: [{ rule: 'thing:see', allowed: false }] } })
    expect(passed).toMatchObject({
      data: {
        status: 201,
        policy: [{ rule: 'thing:create', allowed: true, because: 'role:member, project_id:%(project_id)s' }],
      },
    })
  })

  it('is there for what never came to a route', async () => {
    const { http, recorded } = await open()
    await http.inject({ method: 'POST', url: '/v1/things', headers: { 'content-type': '///' }, body: 'x' })
    expect(await recorded('request')).toMatchObject([{ data: { status: 415 } }])
  })
})

describe('the audit', () => {
  it('has who did what on what, with which outcome, and nothing of the body', async () => {
    const { as, recorded } = await open()
    await as('member')('POST', '/v1/things', { thing: { name: 'a', password: 'hunter2' } })
    await as('reader')('DELETE', '/v1/things/p1')
    await as('member')('POST', '/v1/things/t1/action', { paint: {} }, { 'user-agent': 'tests' })
    await as('member')('GET', '/v1/things/p1')
    const events = await recorded('audit')
    expect(events).toMatchObject([
      {
        userId: 'u1',
        projectId: 'p1',
        outcome: 'ok',
        data: {
          action: 'create',
          target: { type: 'things/things', id: 'made' },
          initiator: { name: 'ann', roles: ['member', 'reader'], address: 'local' },
          status: 201,
          policy: [{ rule: 'thing:create', allowed: true }],
        },
      },
      {
        outcome: 'error',
        data: {
          action: 'delete',
          target: { type: 'things/things', id: 'p1' },
          status: 403,
          policy: [{ rule: 'thing:remove', allowed: false }],
        },
      },
      { data: { action: 'update/paint', target: { id: 't1' }, initiator: { agent: 'tests' } } },
    ])
    expect(JSON.stringify(events)).not.toContain('hunter2')
  })

  it('has all that the path names: of which thing a part was changed', async () => {
    const { as, recorded } = await open()
    await as('member')('PUT', '/v1/things/t1/parts/wheel')
    await as('member')('POST', '/v1/things/t1/parts')
    const targets = (await recorded('audit')).map(({ data }) => data?.target)
    expect(targets).toEqual([
      { type: 'things/things/parts', id: 'wheel', within: { things: 't1' } },
      { type: 'things/things/parts', id: 'made', within: { things: 't1' } },
    ])
  })

  it('has what was changed without a token, too', async () => {
    const { as, recorded } = await open()
    await as()('POST', '/v1/join', { word: 'hunter2' })
    expect(await recorded('audit')).toMatchObject([
      { outcome: 'ok', userId: undefined, data: { action: 'create', target: { type: 'things/join' } } },
    ])
  })

  it('is not filled by strangers, but has who tried to log in', async () => {
    const { as, recorded } = await open()
    await as()('POST', '/v1/things', { thing: { name: 'a' } })
    await as('nonsense')('DELETE', '/v1/things/p1')
    await as()('POST', '/v1/login', { user: 'eve' })
    expect(await recorded('audit')).toMatchObject([
      { outcome: 'error', data: { action: 'authenticate', initiator: { name: 'eve' }, status: 401 } },
    ])
  })
})
