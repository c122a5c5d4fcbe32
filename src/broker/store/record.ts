// What the store keeps of the broker's live objects.
import type { Binding, ExchangeSpec } from '../core/exchange.ts'
import type { Queue } from '../core/queue.ts'
import type { BindingRecord, ExchangeRecord, QueueRecord } from './store.ts'

export function exchangeRecord(vhost: string, spec: ExchangeSpec): ExchangeRecord {
  const { name, type, autoDelete, internal } = spec
  return { vhost, name, type, autoDelete, internal, arguments: spec.arguments }
}

export function queueRecord(vhost: string, { id, spec }: Queue): QueueRecord {
  return { vhost, name: spec.name, id, autoDelete: spec.autoDelete, arguments: spec.arguments }
}

export function bindingRecord(vhost: string, binding: Binding): BindingRecord {
  return {
    vhost,
    source: binding.source.name,
    destination: binding.destination.name,
    toQueue: binding.destination.kind === 'queue',
    routingKey: binding.routingKey,
    arguments: binding.arguments,
  }
}
