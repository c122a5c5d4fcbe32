// Of the broker as a whole: overview, node, health, definitions, and what an operator does to it while it runs.
import { connectionError } from '#kit/amqp/error.ts'
import { exportDefinitions, importDefinitions } from '../admin/definitions.ts'
import { textAt, wholeAt } from '../admin/read.ts'
import { badRequest, notFound } from '../admin/refusal.ts'
import type { Watermark } from '../core/alarm.ts'
import { isObject, type JsonObject, type JsonValue } from '../core/json.ts'
import { compatible } from '../server/property.ts'
import { healthRoutes } from './health-route.ts'
import { definitionsOf } from './multipart.ts'
import { nodeView, overview } from './node-view.ts'
import { type ApiAnswer, bodyObject } from './request.ts'
import { get, post, put, type Route, vhostOf } from './route.ts'

const done: ApiAnswer = { status: 204 }

export const brokerRoutes: readonly Route[] = [
  get('overview', 'management', (context, request) => ({ object: overview(context, request) })),
  get('nodes', 'monitoring', async (context, request) => ({ list: [await nodeView(context, request)] })),
  get('nodes/:name', 'monitoring', async (context, request, { name }) => {
    if (name !== context.registry.nodeName) throw notFound()
    return { object: await nodeView(context, request) }
  }),
  get('nodes/:name/memory', 'monitoring', ({ broker, registry }, _request, { name }) => {
    if (name !== registry.nodeName) throw notFound()
    const { memoryUsed } = broker.alarms
    return {
      object: { memory: { total: { rss: memoryUsed, allocated: memoryUsed, erlang: 0 }, strategy: 'rss' } },
    }
  }),
  // What only plug-ins of RabbitMQ add: none.
  get('extensions', 'management', () => ({ list: [] })),
  get('feature-flags', 'monitoring', () => ({ list: [] })),
  get('auth', 'management', () => ({ object: { enable_uaa: false, uaa_client_id: '', uaa_location: '' } })),
  // One node has all the queues.
  post('rebalance/queues', 'administrator', () => done),
  ...healthRoutes,

  get('definitions', 'administrator', ({ registry }) => ({
    object: { ...versions(), ...exportDefinitions(registry) },
  })),
  post('definitions', 'administrator', ({ registry }, request) => {
    importDefinitions(registry, definitionsOf(request))
    return done
  }),
  get('definitions/:vhost', 'administrator', (context, request, { vhost }) => ({
    object: {
      rabbit_version: compatible.version,
      ...exportDefinitions(context.registry, vhostOf(context, request, vhost!)),
    },
  })),
  post('definitions/:vhost', 'administrator', (context, request, { vhost }) => {
    const target = vhostOf(context, request, vhost!, { toChange: false })
    importDefinitions(context.registry, definitionsOf(request), target)
    return done
  }),

  get('nimbo/status', 'monitoring', ({ broker, world }) => ({
    object: {
      running: broker.running,
      alarms: [...broker.alarms.raised],
      uptime_ms: world.clock.now() - broker.startedAt,
      data_dir: broker.dataDir ?? null,
    },
  })),
  post('nimbo/stop-app', 'administrator', async ({ broker }) => {
    await broker.stop()
    return done
  }),
  post('nimbo/start-app', 'administrator', async ({ broker }) => {
    await broker.start()
    return done
  }),
  post('nimbo/reset', 'administrator', async ({ broker }) => {
    if (broker.running) throw badRequest('the broker runs: stop it first (stop_app)')
    await broker.reset()
    return done
  }),
  put('nimbo/vm-memory-high-watermark', 'administrator', async ({ broker }, { body }) => {
    await broker.alarms.setWatermark(watermarkOf(bodyObject(body).value))
    return done
  }),
  put('nimbo/disk-free-limit', 'administrator', async ({ broker, world }, { body }) => {
    const given = bodyObject(body)
    const share = (given.value as { mem_relative?: unknown } | null)?.mem_relative
    const octets =
      typeof share === 'number' ? Math.round(share * world.host.memoryBytes) : wholeAt(given, 'value')
    if (octets < 0) throw badRequest('value should not be negative')
    await broker.alarms.setDiskFreeLimit(octets)
    return done
  }),
  post('nimbo/close-all-connections', 'administrator', ({ broker }, { body }) => {
    const given = bodyObject(body)
    const reason = textAt(given, 'reason')
    const { username, vhost } = given
    const limit = given.limit === undefined ? Number.POSITIVE_INFINITY : wholeAt(given, 'limit')
    const chosen = [...broker.connections].filter(
      (each) =>
        each.isOpen &&
        (username === undefined || each.user.name === username) &&
        (vhost === undefined || each.vhost.name === vhost),
    )
    const closing = chosen.slice(0, Math.max(0, limit))
    for (const connection of closing) connection.close(connectionError(320, reason))
    return { object: { closed: closing.length } }
  }),
]

function versions(): JsonObject {
  const { product, version } = compatible
  return {
    rabbit_version: version,
    rabbitmq_version: version,
    product_name: product,
    product_version: version,
  }
}

function watermarkOf(value: JsonValue | undefined): Watermark {
  if (typeof value === 'number' && value >= 0 && value <= 1) return { relative: value }
  const absolute = isObject(value) ? value.absolute : undefined
  if (typeof absolute === 'number' && absolute >= 0) return { absolute }
  throw badRequest('value should be a share from 0 to 1, or {"absolute": bytes}')
}
