import { mkdtemp, rm, stat } from 'node:fs/promises'
import * as http from 'node:http'
import { tmpdir } from 'node:os'
import { Readable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import type { Bus } from '#kit/bus/bus.ts'
import { withDefaults } from '#kit/config/section.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Request, Response } from '#kit/http/client.ts'
import { memorySink } from '#kit/journal/memory-sink.ts'
import { openJournal } from '#kit/journal/store.ts'
import { silentLog } from '#kit/log/log.ts'
import { realWorld } from '#kit/world/real.ts'
import { metadataAgentConfig, startMetadataAgent } from './index.ts'

const server = 'daf32a70-42c9-4d30-8ec5-3a5d97582cff'
const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean()
})

/** The agent on a real socket, between a network service that knows one port and a metadata service. */
async function open() {
  const world = realWorld()
  const folder = await mkdtemp(`${tmpdir()}/nimbo-md-`)
  cleanups.push(() => rm(folder, { recursive: true }))
  const seen: Request[] = []
  const lookups: unknown[] = []
  const state = { status: 200, body: Buffer.from('i-00000003'), down: false }
  const plugin = {
    async metadataPort(place: { networkId: string | null; ip: string }) {
      lookups.push(place)
      if (state.down) throw new CloudError('timeout', 'no answer')
      const known = place.networkId === 'net-1' && place.ip === '10.0.0.70'
      return { port: known ? { portId: 'p1', instanceId: server, tenantId: 'project-1' } : null }
    },
    agentReport: async () => ({ status: 'new' }),
  }
  const sink = memorySink()
  const journal = openJournal({ world, log: silentLog, host: 'node1', service: 'agent', sink })
  const agent = await startMetadataAgent({
    world,
    log: silentLog,
    journal,
    bus: { caller: () => plugin } as unknown as Bus,
    http: {
      async request(request): Promise<Response> {
        seen.push(request)
        const headers = { 'content-type': 'text/plain; charset=UTF-8' }
        if (state.status >= 300) return { status: state.status, headers, body: 'no' }
        return { status: state.status, headers, body: undefined, stream: Readable.from([state.body]) }
      },
      close() {},
    },
    host: 'node1',
    endpoint: () => 'http://127.0.0.1:8775',
    folder,
    secret: 'oldboy',
    config: withDefaults(metadataAgentConfig),
  })
  cleanups.push(() => agent.stop())
  const socketPath = `${folder}/neutron/metadata_proxy`
  const ask = (path: string, headers: Record<string, string>, method = 'GET', body?: string) =>
    new Promise<{ status: number; body: Buffer }>((resolve, reject) => {
      const request = http.request({ socketPath, path, method, headers }, async (answer) => {
        const chunks: Buffer[] = []
        for await (const chunk of answer) chunks.push(chunk)
        resolve({ status: answer.statusCode!, body: Buffer.concat(chunks) })
      })
      request.once('error', reject)
      request.end(body)
    })
  const fromGuest = { 'X-Forwarded-For': '10.0.0.70', 'X-Neutron-Network-ID': 'net-1' }
  return { ask, seen, lookups, state, socketPath, fromGuest, journal, sink }
}

test('the socket is a real one with the mode of row 208', async () => {
  const { socketPath } = await open()
  const info = await stat(socketPath)
  expect(info.isSocket()).toBe(true)
  expect(info.mode & 0o777).toBe(0o644)
})

test("a guest's question goes on signed, with the four headers of row 217", async () => {
  const { ask, seen, fromGuest } = await open()
  const answer = await ask('/2009-04-04/instance-id', fromGuest)
  expect(answer).toEqual({ status: 200, body: Buffer.from('i-00000003') })
  expect(seen[0]!.url).toBe('http://127.0.0.1:8775/2009-04-04/instance-id')
  expect(seen[0]!.headers).toMatchObject({
    'X-Forwarded-For': '10.0.0.70',
    'X-Instance-ID': server,
    'X-Tenant-ID': 'project-1',
    'X-Instance-ID-Signature': '4ce3047b0f4468aabd07b11dffc44dcdf78704f787d70490516d708a5a1bf0f0',
  })
})

test('what a guest says of itself in headers goes no further', async () => {
  const { ask, seen, fromGuest } = await open()
  const trace = `00-${'e'.repeat(32)}-${'f'.repeat(16)}-01`
  await ask('/openstack', { ...fromGuest, 'X-Instance-ID': 'other', 'X-Auth-Token': 't', traceparent: trace })
  expect(seen[0]!.headers!['X-Instance-ID']).toBe(server)
  expect(Object.keys(seen[0]!.headers!)).not.toContain('x-instance-id')
  expect(Object.keys(seen[0]!.headers!)).not.toContain('x-auth-token')
  expect(seen[0]!.headers!.traceparent).not.toContain('e'.repeat(32))
})

test('an address that is no port, or two, gets 404, and so does a request without its network', async () => {
  const { ask, seen, fromGuest } = await open()
  expect((await ask('/openstack', { ...fromGuest, 'X-Forwarded-For': '10.0.0.71' })).status).toBe(404)
  expect((await ask('/openstack', { 'X-Forwarded-For': '10.0.0.70' })).status).toBe(404)
  expect((await ask('/openstack', { ...fromGuest, 'X-Neutron-Router-ID': 'r1' })).status).toBe(404)
  // Two addresses: somebody before haproxy, or a haproxy that trusts its guests.
  expect((await ask('/openstack', { ...fromGuest, 'X-Forwarded-For': '10.0.0.70, 10.0.0.9' })).status).toBe(
    404,
  )
  expect(seen).toEqual([])
})

test('bytes come back as they are, and a posted password goes through', async () => {
  const { ask, state, seen, fromGuest } = await open()
  state.body = Buffer.from([0x1f, 0x8b, 0, 255, 254])
  expect((await ask('/latest/user-data', fromGuest)).body).toEqual(state.body)
  await ask('/openstack/latest/password', fromGuest, 'POST', 'c2VjcmV0')
  expect(seen[1]!.method).toBe('POST')
  expect(String(seen[1]!.body)).toBe('c2VjcmV0')
})

test("the metadata service's refusals pass, its failures are 500, a silent network service is 503", async () => {
  const { ask, state, fromGuest } = await open()
  for (const [given, shown] of [
    [403, 403],
    [404, 404],
    [409, 409],
    [500, 500],
    [418, 500],
  ]) {
    state.status = given!
    expect((await ask('/openstack', fromGuest)).status).toBe(shown)
  }
  state.down = true
  expect((await ask('/openstack', { ...fromGuest, 'X-Forwarded-For': '10.0.0.80' })).status).toBe(503)
})

test('one boot looks its port up once, and the journal shows both hops in one trace (row 220)', async () => {
  const { ask, lookups, fromGuest, journal, sink } = await open()
  await ask('/2009-04-04/instance-id', fromGuest)
  await ask('/openstack/latest/meta_data.json', fromGuest)
  expect(lookups).toHaveLength(1)
  await journal.flush()
  const [onward, arrived] = sink.events.filter(({ traceId }) => traceId === sink.events[0]!.traceId)
  expect(arrived).toMatchObject({
    kind: 'request',
    name: 'metadata-proxy',
    service: 'neutron-metadata-agent',
  })
  expect(onward).toMatchObject({
    kind: 'rest',
    name: 'GET /2009-04-04/instance-id',
    subject: `server:${server}`,
    parentId: arrived!.spanId,
  })
})
