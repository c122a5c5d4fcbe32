// RPC contracts as data: what may be asked over the bus, of whom, in which shape.
// A contract's fingerprint is locked (contracts.lock.json); a change of shape without a new version fails a test.
import type { Static, TSchema } from 'typebox'

/** `routine`: comes round all the time, and need leave no trace in the journal where its sender says so. */
export type CallSpec = { kind: 'call'; params: TSchema; result: TSchema; routine?: boolean }
export type CastSpec = { kind: 'cast'; params: TSchema; routine?: boolean }
export type MethodSpec = CallSpec | CastSpec
export type Methods = Record<string, MethodSpec>

export type Contract<M extends Methods = Methods> = {
  /** The control exchange, as oslo.messaging names it: 'nova', 'neutron', 'cinder'. */
  exchange: string
  /** The topic that servers listen on: queues `topic` and `topic.host`, fan-out exchange `topic_fanout`. No dots. */
  topic: string
  version: string
  methods: M
  servedBy: 'controller' | 'host'
}

/** Waits for a reply. */
export function call<P extends TSchema, R extends TSchema>(
  params: P,
  result: R,
  how: { routine?: true } = {},
): { kind: 'call'; params: P; result: R; routine?: true } {
  return { kind: 'call', params, result, ...how }
}

/** Does not wait; delivered at least once, so its handler must be idempotent by the ids in `params`. */
export function cast<P extends TSchema>(
  params: P,
  how: { routine?: true } = {},
): { kind: 'cast'; params: P; routine?: true } {
  return { kind: 'cast', params, ...how }
}

/**
 * Served by controllers, which share `topic`. A parameter `host` of its methods names the host that asks: a host's agent can
 * name no other, and what it asks without one is refused (asker.ts).
 */
export function contract<const M extends Methods>(
  exchange: string,
  topic: string,
  version: string,
  methods: M,
): Contract<M> {
  return { exchange, topic, version, methods, servedBy: 'controller' }
}

/** Served by hosts: each under its own name and for all, none for another. Only controllers ask. */
export function hostContract<const M extends Methods>(
  exchange: string,
  topic: string,
  version: string,
  methods: M,
): Contract<M> {
  return { exchange, topic, version, methods, servedBy: 'host' }
}

export type ParamsOf<S extends MethodSpec> = Static<S['params']>
// A cast's handler may end without a word; `undefined` would make it say so.
// biome-ignore lint/suspicious/noConfusingVoidType: see above
export type ResultOf<S extends MethodSpec> = S extends CallSpec ? Static<S['result']> : void
