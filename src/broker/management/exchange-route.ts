// /api/exchanges and /api/bindings: list, declare, delete, bind, and publish a message.
import { makeContent } from '#kit/amqp/content.ts'
import { AmqpError, channelError } from '#kit/amqp/error.ts'
import { Writer } from '#kit/amqp/writer.ts'
import { need, objectAt, textAt } from '../admin/read.ts'
import { badRequest, notFound } from '../admin/refusal.ts'
import { shortText, tableOf } from '../admin/table-json.ts'
import type { User } from '../admin/user.ts'
import type { Binding } from '../core/exchange.ts'
import type { JsonObject } from '../core/json.ts'
import { Message } from '../core/message.ts'
import type { Vhost } from '../core/vhost.ts'
import { authorize, authorizeTopic } from '../server/user.ts'
import type { ManagementContext } from './context.ts'
import { propertiesOf } from './property-json.ts'
import { visible } from './queue-route.ts'
import { type ApiRequest, bodyObject, type View } from './request.ts'
import { del, get, type Params, post, put, type Route, vhostOf } from './route.ts'
import { bind, bindingsOf, declareExchange, defaultExchange, deleteExchange, endsOf } from './topology.ts'
import { bindingView, defaultBindingView, defaultExchangeView, exchangeView } from './view.ts'

/** Messages published here are split for the receivers whose frames are smaller. */
const frameMax = 131072

export const exchangeRoutes: readonly Route[] = [
  get('exchanges', 'management', (context, request) => ({
    list: visible(context, request).flatMap((vhost) => exchangeViews(context, vhost)),
  })),
  get('exchanges/:vhost', 'management', (context, request, { vhost }) => ({
    list: exchangeViews(context, vhostOf(context, request, vhost!)),
  })),
  get('exchanges/:vhost/:name', 'management', (context, request, { vhost: at, name }) => {
    const vhost = vhostOf(context, request, at!)
    const shown =
      nameOf(name!) === ''
        ? defaultExchangeView(vhost)
        : exchangeView(context, vhost, exchangeAt(vhost, name!))
    return { object: { ...shown, incoming: [], outgoing: [] } }
  }),
  put('exchanges/:vhost/:name', 'management', (context, request, { vhost, name }) => {
    const at = vhostOf(context, request, vhost!)
    return { status: declareExchange(request.user, at, name!, bodyObject(request.body)) ? 201 : 204 }
  }),
  del('exchanges/:vhost/:name', 'management', (context, request, { vhost, name }) => {
    const ifUnused = request.query.get('if-unused') === 'true'
    deleteExchange(request.user, vhostOf(context, request, vhost!), name!, ifUnused)
    return { status: 204 }
  }),
  get('exchanges/:vhost/:name/bindings/source', 'management', (context, request, { vhost: at, name }) => {
    const vhost = vhostOf(context, request, at!)
    if (nameOf(name!) !== '') exchangeAt(vhost, name!)
    return { list: bindingViews(vhost, nameOf(name!)) }
  }),
  get(
    'exchanges/:vhost/:name/bindings/destination',
    'management',
    (context, request, { vhost: at, name }) => {
      const vhost = vhostOf(context, request, at!)
      const exchange = exchangeAt(vhost, name!)
      const bound = bindingsOf(vhost, { destination: exchange.name, kind: 'exchange' })
      return { list: [...bound].map((each) => bindingView(vhost, each)) }
    },
  ),
  post('exchanges/:vhost/:name/publish', 'management', (context, request, { vhost, name }) => {
    const at = vhostOf(context, request, vhost!)
    return { object: { routed: publish(request.user, at, nameOf(name!), bodyObject(request.body)) } }
  }),

  get('bindings', 'management', (context, request) => ({
    list: visible(context, request).flatMap((vhost) => bindingViews(vhost)),
  })),
  get('bindings/:vhost', 'management', (context, request, { vhost }) => ({
    list: bindingViews(vhostOf(context, request, vhost!)),
  })),
  get('bindings/:vhost/e/:source/:kind/:destination', 'management', (context, request, params) => ({
    list: between(context, request, params).map(({ view }) => view),
  })),
  post('bindings/:vhost/e/:source/:kind/:destination', 'management', (context, request, params) => {
    const vhost = vhostOf(context, request, params.vhost!)
    const body = bodyObject(request.body)
    const routingKey = textAt(body, 'routing_key', '')
    const ends = endsOf(request.user, vhost, { ...pathEnds(params), routingKey })
    const key = bind(ends, vhost, routingKey, tableOf(objectAt(body, 'arguments')))
    return { status: 201, location: `${encodeURIComponent(params.destination!)}/${key}` }
  }),
  get('bindings/:vhost/e/:source/:kind/:destination/:key', 'management', (context, request, params) => ({
    object: keyed(context, request, params).view,
  })),
  del('bindings/:vhost/e/:source/:kind/:destination/:key', 'management', (context, request, params) => {
    const vhost = vhostOf(context, request, params.vhost!)
    const { binding } = keyed(context, request, params)
    if (!binding) throw channelError(403, 'operation not permitted on the default exchange')
    endsOf(request.user, vhost, { ...pathEnds(params), routingKey: binding.routingKey })
    vhost.unbind(binding.source, binding.destination, binding.routingKey, binding.arguments)
    return { status: 204 }
  }),
]

type Shown = { view: View; binding?: Binding }

function pathEnds({ source, destination, kind }: Params) {
  return { source: nameOf(source!), destination: destination!, kind: kind! }
}

function nameOf(given: string): string {
  return given === defaultExchange ? '' : given
}

function exchangeAt(vhost: Vhost, name: string) {
  const exchange = vhost.exchanges.get(name)
  if (!exchange) throw notFound()
  return exchange
}

function exchangeViews(context: ManagementContext, vhost: Vhost): View[] {
  const own = [...vhost.exchanges.values()].map((exchange) => exchangeView(context, vhost, exchange))
  return [defaultExchangeView(vhost), ...own]
}

/** Those of the default exchange are nowhere but here. */
function bindingViews(vhost: Vhost, source?: string): View[] {
  const implied = source === undefined || source === '' ? [...vhost.queues.values()] : []
  return [
    ...implied.map((queue) => defaultBindingView(vhost, queue)),
    ...[...bindingsOf(vhost, { source })].map((each) => bindingView(vhost, each)),
  ]
}

function between(context: ManagementContext, request: ApiRequest, params: Params): Shown[] {
  const vhost = vhostOf(context, request, params.vhost!, { toChange: request.method !== 'GET' })
  const { source, destination, kind } = pathEnds(params)
  if (kind !== 'q' && kind !== 'e') throw notFound()
  const queue = kind === 'q' ? vhost.queues.get(destination) : undefined
  if (source === '') return queue ? [{ view: defaultBindingView(vhost, queue) }] : []
  const found = bindingsOf(vhost, { source, destination, kind: kind === 'q' ? 'queue' : 'exchange' })
  return [...found].map((binding) => ({ binding, view: bindingView(vhost, binding) }))
}

/** The key may come decoded or not, once or twice: each client has its own habit. */
function keyed(context: ManagementContext, request: ApiRequest, params: Params): Shown {
  const key = params.key!
  const found = between(context, request, params).find(({ view }) => {
    const own = String(view.properties_key)
    return own === key || normal(own) === normal(key)
  })
  if (!found) throw notFound()
  return found
}

function normal(key: string): string {
  const spaced = key.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced)
  } catch {
    return spaced
  }
}

/** Whether a queue took it. */
function publish(user: User, vhost: Vhost, exchange: string, body: JsonObject): boolean {
  need(body, 'routing_key', 'payload', 'payload_encoding', 'properties')
  const routingKey = shortText(textAt(body, 'routing_key'), 'routing_key')
  const properties = propertiesOf(objectAt(body, 'properties'))
  const payload = payloadOf(textAt(body, 'payload'), textAt(body, 'payload_encoding'))
  try {
    authorize(user, vhost.name, 'write', 'exchange', exchange)
    if (exchange !== '') {
      const { spec } = vhost.exchange(exchange)
      if (spec.internal)
        throw channelError(403, `cannot publish to internal ${vhost.where('exchange', exchange)}`)
      if (spec.type === 'topic') authorizeTopic(user, vhost.name, 'write', exchange, routingKey)
    }
    const writer = new Writer(64)
    writer.shortstr(exchange)
    writer.shortstr(routingKey)
    const content = makeContent(properties, payload, frameMax)
    const message = new Message(exchange, routingKey, writer.written(), content)
    if (properties.expiration !== undefined) void message.expirationMs
    if (properties.userId !== undefined && properties.userId !== user.name)
      throw channelError(
        406,
        `user_id property set to '${properties.userId}' but authenticated user was '${user.name}'`,
      )
    const { queues } = vhost.publish(message)
    vhost.pastCounts.publish++
    return queues > 0
  } catch (error) {
    // RabbitMQ shows what a channel of its own was closed with.
    if (error instanceof AmqpError) throw badRequest(`${error.code} ${error.message}`)
    throw error
  }
}

function payloadOf(payload: string, encoding: string): Buffer {
  if (encoding === 'string') return Buffer.from(payload)
  if (encoding !== 'base64') throw badRequest(`unsupported encoding ${encoding}`)
  const octets = Buffer.from(payload, 'base64')
  if (octets.toString('base64').replace(/=+$/, '') !== payload.replace(/[\s=]+$/, ''))
    throw badRequest('payload is not base64')
  return octets
}
