// What monitors ask: nodes, health, metrics; what an operator does to a running broker; and odd requests.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { testAuthority } from '#kit/world/test-certificate.ts'
import { consumer } from '../test-broker.ts'
import { routes } from './management.ts'
import { testManagement } from './test-management.ts'

test('the node tells of its memory, files and listeners', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'nimbo-management-'))
  onTestFinished(() => rm(dataDir, { recursive: true }))
  const it = await testManagement({ dataDir })
  await it.broker.listen({ host: '127.0.0.1', port: 5672 })
  await it.broker.alarms.look()
  const [node] = (await it.ask('GET', 'nodes')).json
  expect(node).toMatchObject({
    name: 'rabbit@node1',
    running: true,
    mem_alarm: false,
    disk_free_alarm: false,
  })
  for (const name of [
    'mem_used',
    'mem_limit',
    'disk_free',
    'disk_free_limit',
    'fd_used',
    'fd_total',
    'processors',
  ])
    expect(node[name], name).toBeGreaterThan(0)
  expect((await it.ask('GET', 'nodes/rabbit@node1')).json.name).toBe('rabbit@node1')
  expect((await it.ask('GET', 'nodes/other')).status).toBe(404)
  const { listeners } = (await it.ask('GET', 'overview')).json
  expect(listeners.map(({ protocol, port }: { protocol: string; port: number }) => [protocol, port])).toEqual(
    [
      ['amqp', 5672],
      ['http', 15672],
      ['http/prometheus', 15692],
    ],
  )
  expect((await it.ask('GET', 'health/checks/port-listener/5672')).json).toEqual({ status: 'ok', port: 5672 })
  expect((await it.ask('GET', 'health/checks/protocol-listener/amqp091')).status).toBe(200)
  const missing = await it.ask('GET', 'health/checks/port-listener/1')
  expect([missing.status, missing.json.status]).toEqual([503, 'failed'])
  await it.broker.close()
})

test('certificates that run out are told of in time', async () => {
  const authority = await testAuthority()
  onTestFinished(() => authority.remove())
  const it = await testManagement({ now: Date.now() })
  const within = (time: string) => it.ask('GET', `health/checks/certificate-expiration/${time}`)
  expect((await within('9/years')).status).toBe(200)
  const { cert, key } = await authority.issue('/CN=broker')
  await it.broker.listen({ host: '127.0.0.1', port: 5671 }, { tls: { cert, key } })
  expect((await within('9/years')).status).toBe(200)
  const late = await within('11/years')
  expect([late.status, late.json.expired]).toEqual([
    503,
    [{ node: 'rabbit@node1', protocol: 'amqp/ssl', port: '5671' }],
  ])
  expect((await within('5/fortnights')).status).toBe(400)
  expect((await within('x/days')).status).toBe(400)
})

test('alarms are raised by force, seen by monitors and publishers, and taken back', async () => {
  const it = await testManagement()
  expect((await it.ask('GET', 'health/checks/alarms')).json).toEqual({ status: 'ok' })
  expect((await it.ask('PUT', 'nimbo/vm-memory-high-watermark', { value: 0 })).status).toBe(204)
  const alarmed = await it.ask('GET', 'health/checks/alarms')
  expect([alarmed.status, alarmed.json.alarms]).toEqual([503, [{ node: 'rabbit@node1', resource: 'memory' }]])
  expect((await it.ask('GET', 'nimbo/status')).json.alarms).toEqual(['memory'])
  const channel = await it.channel()
  await channel.publish('', 'q', {}, Buffer.from('x'))
  await it.world.advance(0)
  expect((await it.ask('GET', 'connections')).json).toMatchObject([{ state: 'blocked' }])
  await it.ask('PUT', 'nimbo/vm-memory-high-watermark', { value: { absolute: 2 ** 50 } })
  expect((await it.ask('GET', 'health/checks/alarms')).status).toBe(200)
  expect((await it.ask('GET', 'connections')).json).toMatchObject([{ state: 'running' }])
  expect((await it.ask('PUT', 'nimbo/vm-memory-high-watermark', { value: 'much' })).status).toBe(400)
  expect((await it.ask('PUT', 'nimbo/disk-free-limit', { value: 5 })).status).toBe(204)
})

test('the application stops, starts, and is reset only while stopped', async () => {
  const it = await testManagement()
  await it.ask('PUT', 'queues/%2F/q', {})
  await it.connect()
  expect((await it.ask('POST', 'nimbo/reset')).json.reason).toBe('the broker runs: stop it first (stop_app)')
  expect((await it.ask('POST', 'nimbo/stop-app')).status).toBe(204)
  expect((await it.ask('GET', 'nimbo/status')).json.running).toBe(false)
  expect((await it.ask('GET', 'health/checks/virtual-hosts')).status).toBe(503)
  await expect(it.connect()).rejects.toThrow()
  await it.ask('POST', 'nimbo/start-app')
  await it.connect()
  expect((await it.ask('GET', 'queues/%2F/q')).status).toBe(200)
  await it.ask('POST', 'nimbo/stop-app')
  await it.ask('POST', 'nimbo/reset')
  await it.ask('POST', 'nimbo/start-app')
  expect((await it.ask('GET', 'queues')).json).toEqual([])
  await it.connect()
})

test('the aliveness test sends a message through', async () => {
  const { ask } = await testManagement()
  expect((await ask('GET', 'aliveness-test/%2F')).json).toEqual({ status: 'ok' })
  expect((await ask('GET', 'queues/%2F/aliveness-test')).json.messages).toBe(0)
  expect((await ask('GET', 'aliveness-test/none')).status).toBe(404)
})

test('metrics are text that Prometheus reads, summed or of each object', async () => {
  const it = await testManagement()
  const channel = await it.channel()
  const odd = 'a "b"\\'
  await channel.ask('queue.declare', { queue: odd })
  await channel.ask('queue.declare', { queue: 'q' })
  for (const queue of [odd, 'q', 'q']) await channel.publish('', queue, {}, Buffer.from('12345'))
  await (await consumer(channel, 'q')).count(2)
  const read = async (path: string) => {
    const { status, text } = await it.askAt(it.metricsAddress, path)
    expect(status).toBe(200)
    const families = new Set<string>()
    const values = new Map<string, number>()
    for (const line of text.trimEnd().split('\n')) {
      const [, family] = /^# TYPE (rabbitmq_[a-z_]+) (?:gauge|counter|untyped)$/.exec(line) ?? []
      if (family) {
        expect(families.has(family), family).toBe(false)
        families.add(family)
      } else if (!line.startsWith('# HELP ')) {
        const [, name, labels = '', value] =
          /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)+\})? ([\d.e+-]+)$/.exec(line) ?? []
        expect(families, line).toContain(name)
        values.set(name + labels, Number(value))
      }
    }
    return values
  }
  const summed = await read('/metrics')
  expect(summed.get('rabbitmq_queue_messages')).toBe(3)
  expect(summed.get('rabbitmq_queue_messages_ready')).toBe(1)
  expect(summed.get('rabbitmq_queue_messages_bytes')).toBe(15)
  expect(summed.get('rabbitmq_connections')).toBe(1)
  expect(summed.get('rabbitmq_consumers')).toBe(1)
  expect(summed.get('rabbitmq_channel_messages_published_total')).toBe(3)
  const each = await read('/metrics/per-object')
  expect(each.get('rabbitmq_queue_messages_ready{vhost="/",queue="a \\"b\\"\\\\"}')).toBe(1)
  expect(each.get('rabbitmq_queue_messages_unacked{vhost="/",queue="q"}')).toBe(2)
  await channel.close()
  expect((await read('/metrics')).get('rabbitmq_channel_messages_published_total')).toBe(3)
  expect((await it.askAt(it.metricsAddress, '/api/overview')).status).toBe(404)
  const login = { authorization: `Basic ${Buffer.from('nimbo:secret').toString('base64')}` }
  expect((await it.askAt(it.address, '/metrics', { headers: login })).text).toContain('rabbitmq_queues 2\n')
  expect((await it.askAt(it.address, '/metrics')).status).toBe(401)
})

const value = fc.jsonValue({ maxDepth: 3 })
const member = fc.constantFrom(
  ...[
    'name',
    'vhost',
    'value',
    'pattern',
    'definition',
    'priority',
    'tags',
    'password',
    'password_hash',
    'configure',
  ],
  ...[
    'write',
    'read',
    'exchange',
    'arguments',
    'durable',
    'type',
    'routing_key',
    'payload',
    'payload_encoding',
  ],
  ...[
    'properties',
    'count',
    'ackmode',
    'encoding',
    'truncate',
    'users',
    'queues',
    'bindings',
    'permissions',
    'reason',
  ],
)
const body = fc.oneof(
  fc.dictionary(
    fc.oneof(member, fc.string()),
    fc.oneof(value, fc.constantFrom('.*', 'auto', 'string', 'q', '/')),
    {
      maxKeys: 8,
    },
  ),
  value,
  fc.string(),
  fc.uint8Array({ maxLength: 200 }).map((octets) => Buffer.from(octets)),
)

test('odd bodies and paths are refused, never taken for an error of ours', async () => {
  const errors: unknown[] = []
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (...told: unknown[]) => errors.push(told),
    with: () => log,
  }
  const it = await testManagement({ log: log as never })
  await it.ask('PUT', 'queues/%2F/q', {})
  const part = fc.oneof(
    fc.constantFrom('%2F', 'q', 'nimbo', 'amq.topic', 'e'),
    fc.string({ minLength: 1 }).map(inPath),
  )
  const safe = routes.filter(({ path }) => !path.join('/').startsWith('nimbo/'))
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...safe),
      fc.array(part, { minLength: 6, maxLength: 6 }),
      body,
      fc.dictionary(
        fc.constantFrom('page', 'page_size', 'sort', 'columns', 'name', 'use_regex', 'if-empty'),
        fc.string(),
      ),
      async ({ method, path }, parts, sent, query) => {
        if (method === 'DELETE' && (path[0] === 'users' || path[0] === 'vhosts' || path[0] === 'permissions'))
          return
        const url = path.map((each, index) => (each.startsWith(':') ? parts[index]! : each)).join('/')
        const asked = `${url}?${new URLSearchParams(query)}`
        const { status, text } = await it.ask(method, asked, method === 'GET' ? undefined : sent)
        expect(status, `${method} ${asked} ${text}`).not.toBe(500)
        // It may have set its own password, tags or rights.
        it.broker.setUser('nimbo', {
          password: 'secret',
          tags: ['administrator'],
          permissions: { '/': { configure: '.*', write: '.*', read: '.*' } },
        })
      },
    ),
    { numRuns: 400 },
  )
  expect(errors).toEqual([])
  const deep = `{"arguments":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_001)}`
  for (const odd of [deep, '['.repeat(100_000), '{"arguments":5}'])
    expect((await it.ask('PUT', 'queues/%2F/deep', odd)).status).toBe(400)
  const long = { arguments: { ['x'.repeat(300)]: 1 } }
  expect((await it.ask('PUT', 'queues/%2F/long', long)).status).toBe(400)
  expect((await it.ask('PUT', `queues/%2F/${'n'.repeat(300)}`, {})).status).toBe(400)
  expect((await it.ask('PUT', 'queues/%ff/x', {})).status).toBe(400)
  expect((await it.ask('GET', 'none')).status).toBe(404)
  expect((await it.ask('PATCH', 'users')).status).toBe(405)
  expect(errors).toEqual([])
})

/** Anything that a path can hold. */
function inPath(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}
