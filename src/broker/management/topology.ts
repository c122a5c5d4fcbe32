// Changing queues, exchanges and bindings for a user of the management API: the rights and refusals of AMQP.
import { channelError } from '#kit/amqp/error.ts'
import type { Table } from '#kit/amqp/table.ts'
import { flagAt, objectAt, textAt } from '../admin/read.ts'
import { notFound } from '../admin/refusal.ts'
import { shortText, tableOf } from '../admin/table-json.ts'
import type { User } from '../admin/user.ts'
import { type Binding, type Exchange, exchangeType } from '../core/exchange.ts'
import type { JsonObject } from '../core/json.ts'
import type { Queue } from '../core/queue.ts'
import type { Vhost } from '../core/vhost.ts'
import { authorize, authorizeTopic } from '../server/user.ts'
import { propertiesKey } from './view.ts'

/** The default exchange in paths, where an empty part would get lost. */
export const defaultExchange = 'amq.default'

/** Nobody's: exclusive queues of connections are not to be had. */
const session = {}

/** True where it is new. */
export function declareQueue(user: User, vhost: Vhost, name: string, spec: JsonObject): boolean {
  shortText(name, 'the name of the queue')
  const isNew = !vhost.queues.has(name)
  if (isNew) refuseReserved('queue', name)
  authorize(user, vhost.name, 'configure', 'queue', name)
  const table = tableOf(objectAt(spec, 'arguments'))
  const letters = table['x-dead-letter-exchange']
  if (typeof letters === 'string') {
    authorize(user, vhost.name, 'read', 'queue', name)
    authorize(user, vhost.name, 'write', 'exchange', letters)
  }
  const [durable, autoDelete] = [flagAt(spec, 'durable'), flagAt(spec, 'auto_delete')]
  vhost.declareQueue({ name, durable, autoDelete, exclusive: false, arguments: table }, session)
  return isNew
}

export function declareExchange(user: User, vhost: Vhost, name: string, spec: JsonObject): boolean {
  refuseDefault(shortText(name, 'the name of the exchange'))
  const type = exchangeType(textAt(spec, 'type', 'direct'))
  const isNew = !vhost.exchanges.has(name)
  if (isNew) refuseReserved('exchange', name)
  authorize(user, vhost.name, 'configure', 'exchange', name)
  const table = tableOf(objectAt(spec, 'arguments'))
  const alternate = table['alternate-exchange']
  if (typeof alternate === 'string') {
    authorize(user, vhost.name, 'read', 'exchange', name)
    authorize(user, vhost.name, 'write', 'exchange', alternate)
  }
  vhost.declareExchange({
    name,
    type,
    durable: flagAt(spec, 'durable'),
    autoDelete: flagAt(spec, 'auto_delete'),
    internal: flagAt(spec, 'internal'),
    arguments: table,
  })
  return isNew
}

export function deleteExchange(user: User, vhost: Vhost, name: string, ifUnused: boolean): void {
  refuseDefault(name)
  refuseReserved('exchange', name)
  authorize(user, vhost.name, 'configure', 'exchange', name)
  if (!vhost.exchanges.has(name)) throw notFound()
  vhost.deleteExchange(name, ifUnused)
}

export function deleteQueue(
  user: User,
  vhost: Vhost,
  name: string,
  only: { ifUnused: boolean; ifEmpty: boolean },
): void {
  authorize(user, vhost.name, 'configure', 'queue', name)
  const queue = queueOf(vhost, name)
  const where = vhost.where('queue', name)
  if (only.ifUnused && queue.consumers.length > 0) throw channelError(406, `${where} in use`)
  if (only.ifEmpty && queue.messageCount > 0) throw channelError(406, `${where} not empty`)
  vhost.deleteQueue(queue)
}

/** 404 as the management API says it; 405 where a connection owns it. */
export function queueOf(vhost: Vhost, name: string): Queue {
  if (!vhost.queues.has(name)) throw notFound()
  return vhost.queue(name, session)
}

export type Ends = { source: Exchange; destination: Exchange | Queue }

/** With the rights of queue.bind. */
export function endsOf(
  user: User,
  vhost: Vhost,
  path: { source: string; destination: string; kind: string; routingKey: string },
): Ends {
  refuseDefault(path.source)
  const kind = path.kind === 'q' ? 'queue' : path.kind === 'e' ? 'exchange' : undefined
  if (!kind) throw notFound()
  authorize(user, vhost.name, 'write', kind, path.destination)
  authorize(user, vhost.name, 'read', 'exchange', path.source)
  const destination =
    kind === 'queue' ? vhost.queue(path.destination, session) : vhost.exchange(path.destination)
  const source = vhost.exchange(path.source)
  if (source.spec.type === 'topic') authorizeTopic(user, vhost.name, 'read', source.name, path.routingKey)
  return { source, destination }
}

/** The part of a Location header behind the destination. */
export function bind({ source, destination }: Ends, vhost: Vhost, routingKey: string, table: Table): string {
  vhost.bind(source, destination, shortText(routingKey, 'routing_key'), table)
  return encodeURIComponent(propertiesKey(routingKey, table)).replaceAll('%7E', '~')
}

/** Those from `source` to what is called `destination`, or all with one end left open. */
export function* bindingsOf(
  vhost: Vhost,
  only: { source?: string; destination?: string; kind?: 'queue' | 'exchange' } = {},
): Generator<Binding> {
  const sources = only.source === undefined ? vhost.exchanges.values() : [vhost.exchanges.get(only.source)]
  for (const exchange of sources)
    for (const binding of exchange?.bindings.values() ?? []) {
      const { destination } = binding
      if (only.kind !== undefined && destination.kind !== only.kind) continue
      if (only.destination === undefined || destination.name === only.destination) yield binding
    }
}

export function refuseDefault(name: string): void {
  if (name === '' || name === defaultExchange)
    throw channelError(403, 'operation not permitted on the default exchange')
}

function refuseReserved(kind: 'queue' | 'exchange', name: string): void {
  if (name.startsWith('amq.'))
    throw channelError(403, `${kind} name '${name}' contains reserved prefix 'amq.*'`)
}
