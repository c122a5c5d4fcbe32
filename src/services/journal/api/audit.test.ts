// The audit and the explanation of a request over HTTP, as admins, users and strangers meet them.
import { describe, expect, it } from 'vitest'
import { httpService } from '#kit/http/server.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { authenticateBy, callsTo, testCaller, testPlatform } from '#kit/service/test-platform.ts'
import { journalFaults } from '../fault.ts'
import { journalRules } from '../rule.ts'
import { journalRoutes } from './journal.ts'

async function open() {
  const platform = testPlatform()
  const { world, log } = platform
  const store = memorySink()
  const journal = openJournal({ world, log, host: 'node1', service: 'journal', sink: store })
  const http = await httpService({
    name: 'journal',
    app: { world, journal, store },
    world,
    log,
    journal,
    routes: journalRoutes,
    prefixes: ['/v1'],
    faults: journalFaults,
    policy: openPolicy({ rules: Object.values(journalRules) }),
    authenticate: authenticateBy({
      admin: testCaller({ userId: 'u1', projectId: 'p9', roles: ['admin'] }),
      ann: testCaller({ userId: 'u2', projectId: 'p1', roles: ['member', 'reader'] }),
      eve: testCaller({ userId: 'u3', projectId: 'p2', roles: ['member', 'reader'] }),
    }),
    authUri: () => 'http://127.0.0.1:5000',
  })
  const change = async (
    userId: string,
    name: string,
    action: string,
    id: string,
    status = 202,
    within?: Record<string, string>,
  ) => {
    await world.advance(1000)
    journal.record(journal.newTrace(), {
      kind: 'audit',
      name: 'POST /v2.1/servers',
      requestId: `req-${id}`,
      userId,
      projectId: 'p1',
      outcome: status < 400 ? 'ok' : 'error',
      data: {
        action,
        target: { type: 'compute/servers', id, within },
        initiator: { name, roles: ['member'], address: '10.0.0.1', auditId: 'a1' },
        status,
        ...(status === 403 && {
          policy: [{ rule: 'servers:delete', allowed: false, because: 'role:admin' }],
        }),
      },
    })
  }
  const get = (as: string, path: string) => callsTo(http, as)('GET', path)
  return { world, journal, change, get }
}

describe('GET /v1/audit', () => {
  it('tells admins, in CADF, who changed what', async () => {
    const { change, get } = await open()
    await change('u2', 'ann', 'create', 's1')
    await change('u3', 'eve', 'delete', 's1', 403)
    const { status, body } = await get('admin', '/v1/audit')
    expect(status).toBe(200)
    expect(body.events).toMatchObject([
      {
        typeURI: 'http://schemas.dmtf.org/cloud/audit/1.0/event',
        eventType: 'activity',
        action: 'create',
        outcome: 'success',
        reason: { reasonType: 'HTTP', reasonCode: '202' },
        initiator: { id: 'u2', name: 'ann', host: { address: '10.0.0.1' }, request_id: 'req-s1' },
        target: { typeURI: 'compute/servers', id: 's1' },
        observer: { typeURI: 'service/compute' },
      },
      {
        action: 'delete',
        outcome: 'failure',
        reason: { reasonCode: '403', policyType: 'oslo.policy', policyId: 'servers:delete' },
        initiator: { id: 'u3' },
      },
    ])
    expect((await get('ann', '/v1/audit')).status).toBe(403)
  })

  it('is found by everything that the path named', async () => {
    const { change, get } = await open()
    await change('u2', 'ann', 'update', 'r1', 204, { projects: 'p7', users: 'u9' })
    await change('u2', 'ann', 'update', 'r2', 204, { projects: 'p8', users: 'u9' })
    for (const [target, found] of [
      ['p7', 1],
      ['u9', 2],
      ['r2', 1],
      ['p9', 0],
    ] as const)
      expect((await get('admin', `/v1/audit?target=${target}`)).body.events).toHaveLength(found)
    const [event] = (await get('admin', '/v1/audit?target=p7')).body.events
    expect(event.target).toEqual({
      typeURI: 'compute/servers',
      id: 'r1',
      attachments: [
        { contentType: 'text/plain', name: 'projects', content: 'p7' },
        { contentType: 'text/plain', name: 'users', content: 'u9' },
      ],
    })
  })

  it('is filtered by who, what, how and when, and gives the newest', async () => {
    const { change, get, world } = await open()
    await change('u2', 'ann', 'create', 's1')
    await change('u2', 'ann', 'update/os-start', 's2')
    const between = world.clock.now() + 1
    await change('u3', 'eve', 'update', 's2', 409)
    const ids = async (query: string) => {
      const { body } = await get('admin', `/v1/audit?${query}`)
      return body.events.map(
        (event: { target: { id: string }; action: string }) => `${event.action} ${event.target.id}`,
      )
    }
    expect(await ids('user=ann')).toEqual(['create s1', 'update/os-start s2'])
    expect(await ids('user_id=u3')).toEqual(['update s2'])
    expect(await ids('action=update')).toEqual(['update/os-start s2', 'update s2'])
    expect(await ids('target=s2&outcome=success')).toEqual(['update/os-start s2'])
    expect(await ids('target=compute')).toHaveLength(3)
    expect(await ids('target=network')).toEqual([])
    expect(await ids(`since=${between}`)).toEqual(['update s2'])
    expect(await ids('request_id=req-s1')).toEqual(['create s1'])
    expect(await ids('limit=1')).toEqual(['update s2'])
    for (const wrong of ['colour=red', 'limit=0', 'limit=1.5', 'since=today', 'outcome=perhaps'])
      expect((await get('admin', `/v1/audit?${wrong}`)).status).toBe(400)
  })

  it('finds what lies far back', async () => {
    const { change, get } = await open()
    await change('u2', 'ann', 'create', 'first')
    for (let n = 0; n < 2500; n++) await change('u3', 'eve', 'create', `s${n}`)
    const { body } = await get('admin', '/v1/audit?user=ann')
    expect(body.events).toMatchObject([{ target: { id: 'first' } }])
  })
})

describe('GET /v1/requests/{id}', () => {
  it('is for who made it and for admins; for others there is none', async () => {
    const { get } = await open()
    const { headers } = await get('ann', '/v1/events')
    const id = headers['x-openstack-request-id']!
    for (const as of ['ann', 'admin']) {
      const { body } = await get(as, `/v1/requests/${id}`)
      expect(body.request).toMatchObject({
        id,
        call: 'GET /v1/events',
        status: 403,
        user_id: 'u2',
        roles: ['member', 'reader'],
        policy: [
          {
            rule: 'journal:list_events',
            allowed: false,
            because: 'role:admin (the roles are member, reader)',
            check: 'role:admin',
            from: 'built in',
          },
        ],
      })
    }
    const foreign = await get('eve', `/v1/requests/${id}`)
    const unknown = await get('eve', '/v1/requests/req-none')
    expect([foreign.status, unknown.status]).toEqual([404, 404])
    expect(foreign.body.error.message.replace(id, 'req-none')).toBe(unknown.body.error.message)
  })
})
