// The management HTTP API: what rabbitmqadmin, Prometheus and the management page speak.
// https://www.rabbitmq.com/docs/management#http-api
import { AmqpError } from '#kit/amqp/error.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type PlainAnswer, type PlainRequest, plainHttpServer } from '#kit/http/plain.ts'
import type { Log } from '#kit/log/log.ts'
import type { Address, ListenTls, World } from '#kit/world/world.ts'
import { notFound } from '../admin/refusal.ts'
import type { Broker } from '../broker.ts'
import { authenticate, demand, refuseForeignPages } from './access.ts'
import { brokerRoutes } from './broker-route.ts'
import { clientRoutes } from './client-route.ts'
import type { ManagementContext, ManagementListener } from './context.ts'
import { exchangeRoutes } from './exchange-route.ts'
import { columnsOf, listed, withColumns } from './list.ts'
import { metrics } from './metrics.ts'
import type { Page } from './page.ts'
import { queueRoutes } from './queue-route.ts'
import { type ApiAnswer, type ApiRequest, jsonAnswer, pathOf, refusal, type View } from './request.ts'
import { dispatch, type Route } from './route.ts'
import { Sampler } from './sample.ts'
import { spansOf } from './stats.ts'
import { userRoutes } from './user-route.ts'
import { vhostRoutes } from './vhost-route.ts'

export type ManagementOptions = {
  world: World
  log: Log
  broker: Broker
  /** Of the program, for those who ask what runs. */
  version: string
  /** The management page's files; undefined where there is no such path. */
  page?: Page
}

export type Management = {
  /** 'http' is the API with /metrics; 'http/prometheus' is /metrics alone, without a login. */
  listen(
    address: Address,
    options?: { tls?: ListenTls; protocol?: 'http' | 'http/prometheus' },
  ): Promise<{ readonly address: Address; renew(tls: ListenTls): void }>
  close(): Promise<void>
}

/** Of a definitions file with some 100,000 objects. */
const bodyLimit = 64 * 1024 * 1024

export const routes: readonly Route[] = [
  ...brokerRoutes,
  ...clientRoutes,
  ...queueRoutes,
  ...exchangeRoutes,
  ...userRoutes,
  ...vhostRoutes,
]

export function openManagement({ world, log, broker, version, page }: ManagementOptions): Management {
  const sampler = new Sampler(world, broker)
  sampler.start()
  const listeners: ManagementListener[] = []
  const { registry } = broker
  const context: ManagementContext = { world, broker, registry, sampler, spans: {}, listeners, version }
  const scrape = async ({ method, url }: PlainRequest): Promise<PlainAnswer> => {
    const { path } = pathOf(url)
    const text = path[0] === 'metrics' && method === 'GET' ? metricsAt(context, path) : undefined
    if (text === undefined) throw new CloudError('notFound', 'There is nothing but /metrics')
    return { status: 200, headers: { 'content-type': metricsType }, body: text }
  }
  const whole = plainHttpServer(world, log, {
    bodyLimit,
    handle: (request) => answer(context, request, page),
    refuse: refusal,
  })
  const metricsOnly = plainHttpServer(world, log, { bodyLimit: 0, handle: scrape })
  return {
    async listen(address, { tls, protocol = 'http' } = {}) {
      const server = protocol === 'http' ? whole : metricsOnly
      const listener = await server.listen(address, { tls })
      const entry = {
        address: listener.address,
        tls,
        protocol: tls && protocol === 'http' ? 'https' : protocol,
      }
      listeners.push(entry)
      return {
        address: listener.address,
        renew(renewed) {
          entry.tls = renewed
          listener.renew(renewed)
        },
      }
    },
    async close() {
      sampler.stop()
      await Promise.all([whole.close(), metricsOnly.close()])
    },
  }
}

const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

async function answer(
  context: ManagementContext,
  request: PlainRequest,
  page: ManagementOptions['page'],
): Promise<PlainAnswer> {
  const { path, query } = pathOf(request.url)
  const { headers, method } = request
  if (path[0] !== 'api' && path[0] !== 'metrics') return pageAt(request, page)
  refuseForeignPages(method, headers)
  const user = authenticate(context.registry, headers.authorization)
  const asked: ApiRequest = { method, path: path.slice(1), query, headers, user, body: request.body }
  try {
    const result =
      path[0] === 'metrics'
        ? scraped(context, path, asked)
        : await dispatch(routes, { ...context, spans: spansOf(query) }, asked)
    // What was set must be there after a crash before anybody relies on it.
    if (method !== 'GET' && method !== 'HEAD') await context.registry.saved()
    return written(result, asked)
  } catch (error) {
    throw error instanceof AmqpError ? fromAmqp(error) : error
  }
}

function scraped(context: ManagementContext, path: string[], { user }: ApiRequest): ApiAnswer {
  demand(user, 'monitoring')
  const text = metricsAt(context, path)
  if (text === undefined) throw notFound()
  return { text, type: metricsType }
}

function metricsAt(context: ManagementContext, [, kind, ...rest]: string[]): string | undefined {
  if (rest.length > 0 || (kind !== undefined && kind !== 'per-object' && kind !== 'detailed'))
    return undefined
  return metrics(context, kind !== undefined)
}

function written(result: ApiAnswer, { query }: ApiRequest): PlainAnswer {
  if ('list' in result) return jsonAnswer(200, listed(result.list, query))
  if ('text' in result) return { status: 200, headers: { 'content-type': result.type }, body: result.text }
  if ('object' in result) {
    const columns = columnsOf(query)
    const { object } = result
    const isView = typeof object === 'object' && object !== null && !Array.isArray(object)
    const shown = columns && isView ? withColumns(object as View, columns) : object
    return jsonAnswer('status' in result ? result.status : 200, shown)
  }
  const headers = result.location === undefined ? undefined : { location: result.location }
  return { status: result.status, headers, body: '' }
}

async function pageAt({ method, url, headers }: PlainRequest, page: Page | undefined): Promise<PlainAnswer> {
  const found = await page?.(url.split('?', 1)[0]!)
  if (!found || (method !== 'GET' && method !== 'HEAD')) throw notFound()
  if (headers['if-none-match'] === found.headers.etag)
    return { status: 304, headers: found.headers, body: '' }
  return { status: 200, headers: { 'content-type': found.type, ...found.headers }, body: found.body }
}

/** As RabbitMQ's management shows what a channel of its own was refused. */
function fromAmqp({ code, message }: AmqpError): CloudError {
  const reason = message.replace(/^[A-Z_]+ - /, '')
  if (code === 403) return new CloudError('forbidden', reason)
  if (code === 404) return new CloudError('notFound', reason, { type: 'not_found' })
  return new CloudError('badRequest', reason)
}
