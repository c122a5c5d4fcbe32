// Definitions: everything of a broker but its messages, in RabbitMQ's JSON, to carry from one broker to another.
// https://www.rabbitmq.com/docs/definitions
import type { Binding, Exchange } from '../core/exchange.ts'
import { exchangeType } from '../core/exchange.ts'
import type { JsonObject } from '../core/json.ts'
import type { Queue } from '../core/queue.ts'
import type { Vhost } from '../core/vhost.ts'
import { flagAt, objectAt, objectsAt, textAt } from './read.ts'
import { badRequest, notFound } from './refusal.ts'
import type { Registry } from './registry.ts'
import { exportSettings, importSettings } from './settings.ts'
import { shortText, tableJson, tableOf } from './table-json.ts'

/** Of the whole broker, or of one virtual host: then without users and rights, and without the host's name in it. */
export function exportDefinitions(registry: Registry, only?: Vhost): JsonObject {
  const settings = exportSettings(registry)
  const vhosts = only ? [only] : [...registry.vhosts.values()]
  const topology = {
    queues: vhosts.flatMap((vhost) => sharedQueues(vhost).map((queue) => queueJson(vhost, queue))),
    exchanges: vhosts.flatMap((vhost) =>
      declaredExchanges(vhost).map((exchange) => exchangeJson(vhost, exchange)),
    ),
    bindings: vhosts.flatMap((vhost) => bindingsJson(vhost)),
  }
  if (!only) return { ...settings, ...topology }
  const own = (list: unknown) =>
    (list as JsonObject[]).filter(({ vhost }) => vhost === only.name).map(({ vhost: _, ...each }) => each)
  return {
    parameters: own(settings.parameters),
    policies: own(settings.policies),
    queues: own(topology.queues),
    exchanges: own(topology.exchanges),
    bindings: own(topology.bindings),
  }
}

/** Adds to what is there; what is there already and differs is refused. `only` is where all of it goes. */
export function importDefinitions(registry: Registry, definitions: JsonObject, only?: Vhost): void {
  importSettings(registry, definitions, only?.name)
  const at = (each: JsonObject): Vhost => {
    const vhost = only ?? registry.vhosts.get(textAt(each, 'vhost'))
    if (!vhost) throw notFound('vhost_not_found')
    return vhost
  }
  for (const each of objectsAt(definitions, 'queues'))
    at(each).declareQueue(
      {
        name: shortText(textAt(each, 'name'), 'the name of a queue'),
        durable: flagAt(each, 'durable'),
        autoDelete: flagAt(each, 'auto_delete'),
        exclusive: false,
        arguments: tableOf(objectAt(each, 'arguments')),
      },
      registry,
    )
  for (const each of objectsAt(definitions, 'exchanges')) {
    const name = shortText(textAt(each, 'name'), 'the name of an exchange')
    // There in every virtual host.
    if (name === '' || name.startsWith('amq.')) continue
    at(each).declareExchange({
      name,
      type: exchangeType(textAt(each, 'type')),
      durable: flagAt(each, 'durable'),
      autoDelete: flagAt(each, 'auto_delete'),
      internal: flagAt(each, 'internal'),
      arguments: tableOf(objectAt(each, 'arguments')),
    })
  }
  for (const each of objectsAt(definitions, 'bindings')) importBinding(registry, at(each), each)
}

function importBinding(registry: Registry, vhost: Vhost, each: JsonObject): void {
  const [source, destination] = [textAt(each, 'source'), textAt(each, 'destination')]
  // Every queue has its binding to the default exchange.
  if (source === '') return
  const kind = textAt(each, 'destination_type')
  if (kind !== 'queue' && kind !== 'exchange') throw badRequest(`destination_type ${kind} is not known`)
  vhost.bind(
    vhost.exchange(source),
    kind === 'queue' ? vhost.queue(destination, registry) : vhost.exchange(destination),
    shortText(textAt(each, 'routing_key'), 'a routing key'),
    tableOf(objectAt(each, 'arguments')),
  )
}

/** Transient ones too, as RabbitMQ does; not those of one connection. */
function sharedQueues({ queues }: Vhost): Queue[] {
  return [...queues.values()].filter(({ owner }) => owner === undefined)
}

function declaredExchanges({ exchanges }: Vhost): Exchange[] {
  return [...exchanges.values()].filter(({ name }) => !name.startsWith('amq.'))
}

function queueJson(vhost: Vhost, { name, spec }: Queue): JsonObject {
  const { durable, autoDelete } = spec
  return { name, vhost: vhost.name, durable, auto_delete: autoDelete, arguments: tableJson(spec.arguments) }
}

function exchangeJson(vhost: Vhost, { name, spec }: Exchange): JsonObject {
  const { type, durable, autoDelete, internal } = spec
  const given = { name, vhost: vhost.name, type, durable, auto_delete: autoDelete, internal }
  return { ...given, arguments: tableJson(spec.arguments) }
}

function bindingsJson(vhost: Vhost): JsonObject[] {
  const shown: JsonObject[] = []
  for (const { bindings } of vhost.exchanges.values())
    for (const binding of bindings.values()) {
      const { destination } = binding
      if (destination.kind !== 'queue' || !destination.owner) shown.push(bindingJson(vhost, binding))
    }
  return shown
}

/** As definitions and the HTTP API show it. */
export function bindingJson(
  vhost: Vhost,
  { source, destination, routingKey, arguments: table }: Binding,
): JsonObject {
  return {
    source: source.name,
    vhost: vhost.name,
    destination: destination.name,
    destination_type: destination.kind,
    routing_key: routingKey,
    arguments: tableJson(table),
  }
}
