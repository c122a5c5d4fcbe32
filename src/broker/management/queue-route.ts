// /api/queues and /api/consumers: list, declare, delete, purge, and look into a queue.

import { isUtf8 } from 'node:buffer'
import { bodyOf } from '#kit/amqp/content.ts'
import { need, textAt, wholeAt } from '../admin/read.ts'
import { badRequest } from '../admin/refusal.ts'
import type { Entry, Queue } from '../core/queue.ts'
import type { Vhost } from '../core/vhost.ts'
import { ChannelConsumer } from '../server/consumer.ts'
import { authorize } from '../server/user.ts'
import { sees } from './access.ts'
import { consumerView } from './client-view.ts'
import type { ManagementContext } from './context.ts'
import { propertiesJson } from './property-json.ts'
import { type ApiRequest, bodyObject, type View } from './request.ts'
import { del, get, post, put, type Route, vhostOf } from './route.ts'
import { bindingsOf, declareQueue, deleteQueue, queueOf } from './topology.ts'
import { bindingView, defaultBindingView, queueDetail, queueView } from './view.ts'

/** Messages taken at once to be looked at. */
const mostMessages = 10_000

export const queueRoutes: readonly Route[] = [
  get('queues', 'management', (context, request) => ({
    list: visible(context, request).flatMap((vhost) => queueViews(context, vhost)),
  })),
  get('queues/:vhost', 'management', (context, request, { vhost }) => ({
    list: queueViews(context, vhostOf(context, request, vhost!)),
  })),
  get('queues/:vhost/:name', 'management', (context, request, { vhost: at, name }) => {
    const vhost = vhostOf(context, request, at!)
    return { object: queueDetail(context, vhost, anyQueue(vhost, name!)) }
  }),
  put('queues/:vhost/:name', 'management', (context, request, { vhost, name }) => {
    const isNew = declareQueue(
      request.user,
      vhostOf(context, request, vhost!),
      name!,
      bodyObject(request.body),
    )
    return { status: isNew ? 201 : 204 }
  }),
  del('queues/:vhost/:name', 'management', (context, request, { vhost, name }) => {
    deleteQueue(request.user, vhostOf(context, request, vhost!), name!, {
      ifUnused: request.query.get('if-unused') === 'true',
      ifEmpty: request.query.get('if-empty') === 'true',
    })
    return { status: 204 }
  }),
  get('queues/:vhost/:name/bindings', 'management', (context, request, { vhost: at, name }) => {
    const vhost = vhostOf(context, request, at!)
    const queue = anyQueue(vhost, name!)
    const bound = [...bindingsOf(vhost, { destination: queue.name, kind: 'queue' })]
    return { list: [defaultBindingView(vhost, queue), ...bound.map((each) => bindingView(vhost, each))] }
  }),
  del('queues/:vhost/:name/contents', 'management', (context, request, { vhost: at, name }) => {
    const vhost = vhostOf(context, request, at!)
    const queue = queueOf(vhost, name!)
    authorize(request.user, vhost.name, 'read', 'queue', queue.name)
    queue.purge()
    return { status: 204 }
  }),
  post('queues/:vhost/:name/get', 'management', (context, request, { vhost: at, name }) => {
    const vhost = vhostOf(context, request, at!)
    authorize(request.user, vhost.name, 'read', 'queue', name!)
    return { object: look(vhost, vhost.queue(name!, {}), bodyObject(request.body)) as never }
  }),
  post('queues/:vhost/:name/actions', 'administrator', (context, request, { vhost: at, name }) => {
    queueOf(vhostOf(context, request, at!), name!)
    const action = textAt(bodyObject(request.body), 'action')
    // Of mirrors, of which there are none: whatever was to be done is done.
    if (action !== 'sync' && action !== 'cancel_sync') throw badRequest(`unknown action ${action}`)
    return { status: 204 }
  }),
  get('consumers', 'management', (context, request) => ({
    list: visible(context, request).flatMap((vhost) => consumerViews(context, vhost)),
  })),
  get('consumers/:vhost', 'management', (context, request, { vhost }) => ({
    list: consumerViews(context, vhostOf(context, request, vhost!)),
  })),
]

/** The virtual hosts that the user may look into. */
export function visible({ registry }: ManagementContext, { user }: ApiRequest): Vhost[] {
  return [...registry.vhosts.values()].filter(({ name }) => sees(user, name))
}

function queueViews(context: ManagementContext, vhost: Vhost): View[] {
  return [...vhost.queues.values()].map((queue) => queueView(context, vhost, queue))
}

/** Also one that a connection owns. */
function anyQueue(vhost: Vhost, name: string): Queue {
  return vhost.queues.get(name) ?? queueOf(vhost, name)
}

function consumerViews(context: ManagementContext, vhost: Vhost): View[] {
  return [...vhost.queues.values()].flatMap((queue) =>
    queue.consumers
      .filter((consumer) => consumer instanceof ChannelConsumer)
      .map((consumer) => consumerView(context, consumer)),
  )
}

type AckMode = 'ack_requeue_true' | 'reject_requeue_true' | 'ack_requeue_false' | 'reject_requeue_false'
const ackModes: readonly string[] = [
  'ack_requeue_true',
  'reject_requeue_true',
  'ack_requeue_false',
  'reject_requeue_false',
] satisfies AckMode[]

function look(vhost: Vhost, queue: Queue, body: ReturnType<typeof bodyObject>): View[] {
  need(body, 'count', 'ackmode', 'encoding')
  const ackMode = textAt(body, 'ackmode')
  if (!ackModes.includes(ackMode)) throw badRequest(`ackmode should be one of ${ackModes.join(', ')}`)
  const encoding = textAt(body, 'encoding')
  if (encoding !== 'auto' && encoding !== 'base64') throw badRequest(`unsupported encoding ${encoding}`)
  const truncate = body.truncate === undefined ? Number.POSITIVE_INFINITY : wholeAt(body, 'truncate')
  if (truncate < 0) throw badRequest('truncate should not be negative')
  const count = Math.min(wholeAt(body, 'count'), mostMessages)
  const entries: Entry[] = []
  const views: View[] = []
  for (let i = 0; i < count; i++) {
    const entry = queue.take()
    if (!entry) break
    entries.push(entry)
    views.push(entryView(queue, entry, encoding, truncate))
  }
  const { pastCounts } = vhost
  if (entries.length < count) pastCounts.getEmpty++
  if (ackMode === 'ack_requeue_false') pastCounts.getNoAck += entries.length
  else pastCounts.get += entries.length
  settle(queue, entries, ackMode as AckMode)
  return views
}

function settle(queue: Queue, entries: Entry[], ackMode: AckMode): void {
  if (ackMode.endsWith('requeue_true')) queue.requeue(entries.reverse())
  else
    for (const entry of entries) {
      if (ackMode === 'reject_requeue_false') queue.reject(entry)
      else queue.settle(entry)
    }
}

function entryView(queue: Queue, entry: Entry, encoding: string, truncate: number): View {
  const { message, redelivered } = entry
  const properties = propertiesJson(message.properties)
  const body = bodyOf(message.content)
  const payload = body.subarray(0, truncate)
  const asText = encoding === 'auto' && isUtf8(payload)
  return {
    payload_bytes: body.length,
    redelivered,
    exchange: message.exchange,
    routing_key: message.routingKey,
    message_count: queue.messageCount,
    // An empty object is an empty list to RabbitMQ; its clients expect that.
    properties: Object.keys(properties).length > 0 ? properties : [],
    payload: payload.toString(asText ? 'utf8' : 'base64'),
    payload_encoding: asText ? 'string' : 'base64',
  }
}
