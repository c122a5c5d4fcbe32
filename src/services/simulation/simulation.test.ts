// The simulation service alone: what it answers to bodies, paths and people of all kinds, and how faults end.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CloudError } from '#kit/errors/cloud-error.ts'
import {
  authenticateBy,
  callsTo,
  type TestPlatform,
  testCaller,
  testPlatform,
} from '#kit/service/test-platform.ts'
import type { FaultWish } from './resources/fault.ts'
import { faultKindNames } from './resources/fault-kind.ts'
import type { Snapshot } from './resources/snapshot.ts'
import { openSimulation, type RunningSimulation } from './service.ts'

let folder: string
let platform: TestPlatform
let service: RunningSimulation
let call: ReturnType<typeof callsTo>
/** What the cloud was told to do: the edge of the service. */
let struck: { wish: FaultWish; on: boolean }[]
let failures: number
let kept: Snapshot[]

const uuid = '11111111-2222-4333-8444-555555555555'

function open(): Promise<RunningSimulation> {
  return openSimulation(
    {
      ...platform,
      authenticate: authenticateBy({
        admin: testCaller({ roles: ['admin'] }),
        member: testCaller({ roles: ['member', 'reader'] }),
        manager: testCaller({ roles: ['manager'] }),
      }),
      folder: join(folder, 'simulation'),
    },
    {
      async strike(wish) {
        if ('host' in wish.parameters && wish.parameters.host !== 'node1')
          throw new CloudError('notFound', `There is no host ${wish.parameters.host}.`)
        const entry = { wish, on: true }
        struck.push(entry)
        if (wish.kind === 'guest-panic') return { subject: `server:${wish.parameters.server}` }
        return {
          subject: 'host:node1',
          async end() {
            if (failures-- > 0) throw new CloudError('unavailable', 'The host does not start.')
            entry.on = false
          },
        }
      },
      snapshots: {
        list: async () => kept,
        async save({ name, description }) {
          const saved = {
            name,
            description,
            createdAt: 0,
            version: '1',
            hosts: 1,
            sizeBytes: 10,
            tookMs: 1.5,
          }
          kept.push(saved)
          return saved
        },
        restore: async (name) => kept.find((each) => each.name === name)!,
        async delete(name) {
          kept = kept.filter((each) => each.name !== name)
        },
      },
    },
  )
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nimbo-simulation-'))
  platform = testPlatform()
  struck = []
  kept = []
  failures = 0
  service = await open()
  call = callsTo(service.http, 'admin')
})
afterEach(async () => {
  await service.stop()
  rmSync(folder, { recursive: true, force: true })
})

const add = (fault: Record<string, unknown>) => call('POST', '/v1/faults', { fault })
const journal = () =>
  platform.journal.flush().then(() => platform.events.filter(({ name }) => /^(fault|snapshot)\./.test(name)))

describe('a fault', () => {
  test('lasts as long as it was asked for, and the journal tells who, why and when', async () => {
    const made = await add({ kind: 'agent', host: 'node1', duration: 20, reason: 'a test' })
    expect(made).toMatchObject({
      status: 201,
      body: {
        fault: { kind: 'agent', subject: 'host:node1', state: 'active', parameters: { host: 'node1' } },
      },
    })
    const { id, started_at, ends_at } = made.body.fault
    expect(Date.parse(ends_at) - Date.parse(started_at)).toBe(20_000)
    await platform.world.advance(19_999)
    expect(struck).toMatchObject([{ on: true }])
    await platform.world.advance(1)
    expect(struck).toMatchObject([{ on: false }])
    expect((await call('GET', '/v1/faults')).body.faults).toEqual([])
    expect((await call('GET', '/v1/faults?all=true')).body.faults).toMatchObject([
      { id, state: 'ended', ended_by: 'time', error: null },
    ])
    const user = testCaller({ roles: [] }).userId
    expect(await journal()).toMatchObject([
      {
        name: 'fault.begin',
        subject: 'host:node1',
        userId: user,
        data: { fault_id: id, kind: 'agent', reason: 'a test', duration: 20 },
      },
      { name: 'fault.end', subject: 'host:node1', data: { fault_id: id, ended_by: 'time' } },
    ])
  })

  test('ends when somebody asks, once', async () => {
    const { id } = (await add({ kind: 'clock-skew', host: 'node1', skew_ms: -5000 })).body.fault
    expect((await call('DELETE', `/v1/faults/${id}`)).status).toBe(204)
    expect(struck).toMatchObject([{ on: false, wish: { parameters: { skewMs: -5000 } } }])
    expect((await call('DELETE', `/v1/faults/${id}`)).status).toBe(409)
    expect((await call('GET', `/v1/faults/${id}`)).body.fault).toMatchObject({ ended_by: 'request' })
    await platform.world.advance(86_400_000)
    expect((await journal()).map(({ name }) => name)).toEqual(['fault.begin', 'fault.end'])
  })

  test('that cannot be ended says why, and is tried again until it is', async () => {
    failures = 2
    const { id } = (await add({ kind: 'agent', host: 'node1', duration: 1 })).body.fault
    await platform.world.advance(1_500)
    expect((await call('GET', `/v1/faults/${id}`)).body.fault).toMatchObject({
      state: 'active',
      error: 'The host does not start.',
    })
    await platform.world.advance(2_000)
    expect((await call('GET', `/v1/faults/${id}`)).body.fault).toMatchObject({ state: 'ended', error: null })
  })

  test('that strikes once is over at once', async () => {
    const { fault } = (await add({ kind: 'guest-panic', server: uuid })).body
    expect(fault).toMatchObject({
      state: 'ended',
      ended_by: 'itself',
      ends_at: null,
      subject: `server:${uuid}`,
    })
  })

  test('does not outlive its process, and the next one says so', async () => {
    const { id } = (await add({ kind: 'agent', host: 'node1', duration: 3600 })).body.fault
    const before = service
    service = await open()
    call = callsTo(service.http, 'admin')
    expect((await call('GET', '/v1/faults?all=true')).body.faults).toEqual([])
    expect((await journal()).at(-1)).toMatchObject({
      name: 'fault.end',
      subject: 'host:node1',
      data: { fault_id: id, kind: 'agent', ended_by: 'restart' },
    })
    await before.http.close()
  })
})

describe('what is asked for', () => {
  test.each([
    [null, 'fault'],
    [{}, 'fault'],
    [{ fault: 7 }, 'fault.kind'],
    [{ fault: { kind: 'earthquake' } }, 'fault.kind'],
    [{ fault: { kind: 'agent' } }, "fault: 'host' is missing"],
    [{ fault: { kind: 'agent', host: 'node1', to: 'x' } }, "fault: 'to' is not known"],
    [{ fault: { kind: 'agent', host: '' } }, 'fault.host'],
    [{ fault: { kind: 'agent', host: 'node1', duration: -1 } }, 'fault.duration'],
    [{ fault: { kind: 'agent', host: 'node1', duration: 86_401 } }, 'fault.duration'],
    [{ fault: { kind: 'guest-hang', server: '../../x' } }, 'fault.server'],
    [{ fault: { kind: 'driver', host: 'node1', driver: 'disk', operation: 'create' } }, 'fault.driver'],
    [{ fault: { kind: 'driver', host: 'node1', driver: 'virt', operation: '__proto__' } }, 'fault.operation'],
    [{ fault: { kind: 'link-slow', host: 'node1', to: 'controller', latency_ms: 1.5 } }, 'fault.latency_ms'],
  ])('%j is refused with the place of the mistake', async (body, place) => {
    const answer = await call('POST', '/v1/faults', body)
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 400 } } })
    expect(answer.body.error.message).toContain(place)
    expect(struck).toEqual([])
  })

  test('an unknown host is not found', async () => {
    expect(await add({ kind: 'agent', host: 'node9' })).toMatchObject({
      status: 404,
      body: { error: { message: 'There is no host node9.' } },
    })
    expect((await call('DELETE', `/v1/faults/${uuid}`)).status).toBe(404)
  })

  test('every kind tells its words and a schema by which its body is made', async () => {
    const { fault_kinds: kinds } = (await call('GET', '/v1/fault-kinds')).body
    expect(kinds.map(({ name }: { name: string }) => name)).toEqual(faultKindNames)
    for (const { name, summary, schema } of kinds) {
      expect(summary.length, name).toBeGreaterThan(20)
      for (const [field, each] of Object.entries<{ description?: string; const?: string }>(
        schema.properties.fault.properties,
      ))
        expect(each.description ?? each.const, `${name}.${field}`).toBeTruthy()
    }
  })
})

describe('a snapshot', () => {
  test('is saved, listed, put back and deleted; a restore ends the faults', async () => {
    const made = await call('POST', '/v1/snapshots', { snapshot: { name: 'fresh' } })
    expect(made).toMatchObject({ status: 201, body: { snapshot: { name: 'fresh', size_bytes: 10 } } })
    const { id } = (await add({ kind: 'agent', host: 'node1' })).body.fault
    expect((await call('POST', '/v1/snapshots/fresh/restore')).status).toBe(200)
    expect((await call('GET', `/v1/faults/${id}`)).body.fault).toMatchObject({ ended_by: 'snapshot' })
    expect((await call('DELETE', '/v1/snapshots/fresh')).status).toBe(204)
    expect((await call('GET', '/v1/snapshots')).body).toEqual({ snapshots: [] })
    expect((await call('POST', '/v1/snapshots/fresh/restore')).status).toBe(404)
    expect((await journal()).map(({ name }) => name)).toEqual([
      'snapshot.save',
      'fault.begin',
      'fault.end',
      'snapshot.restore',
      'snapshot.delete',
    ])
  })

  test.each(['', '..', '.hidden', 'a/b', '../../etc', 'a b', 'x'.repeat(65), 7, null])(
    'is not called %j',
    async (name) => {
      expect((await call('POST', '/v1/snapshots', { snapshot: { name } })).status).toBe(400)
    },
  )
})

test.each(['member', 'manager', undefined])('%s may do nothing of it', async (token) => {
  const ask = callsTo(service.http, token)
  const before = struck.length
  for (const { method, path, policy } of service.http.routes) {
    if (policy === 'public') continue
    const answer = await ask(
      method,
      `/v1${path.replace(':id', uuid).replace(':name', 'fresh')}`,
      method === 'POST' ? { fault: { kind: 'broker' }, snapshot: { name: 'x' } } : undefined,
    )
    expect(answer.status, `${method} ${path}`).toBe(token ? 403 : 401)
  }
  expect(struck).toHaveLength(before)
})
