// The settings that a policy may hold, each with its check, in the words of RabbitMQ 3.10.
// Mirroring (ha-*), queue-mode, queue-version and the like are accepted and shown, and change nothing: on one node there
// is no mirror, and every queue keeps its backlog on disk. docs/decisions/0008 says what each means here.
import { isObject, type JsonObject, type JsonValue } from '../core/json.ts'
import { pairTerms, term } from './refusal.ts'

/** Undefined where the value is right. */
type Check = (value: JsonValue) => string | undefined

const whole =
  (least: number, what: string): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= least
      ? undefined
      : `${term(value)} is not a valid ${what}`
const text =
  (what: string): Check =>
  (value) =>
    typeof value === 'string' ? undefined : `${term(value)} is not a valid ${what}`
const oneOf =
  (what: string, ...words: JsonValue[]): Check =>
  (value) =>
    words.includes(value) ? undefined : `${term(value)} ${what}`

/** An operator policy bounds users' numbers, so it has only these. */
const numbers: Record<string, Check> = {
  expires: whole(1, 'queue expiry'),
  'message-ttl': whole(0, 'message TTL'),
  'max-length': whole(0, 'maximum length'),
  'max-length-bytes': whole(0, 'maximum length in bytes'),
  'delivery-limit': whole(0, 'delivery limit'),
  'max-in-memory-length': whole(0, 'maximum memory length'),
  'max-in-memory-bytes': whole(0, 'maximum memory in bytes'),
}

const settings: Record<string, Check> = {
  ...numbers,
  overflow: oneOf('is not a valid overflow value', 'drop-head', 'reject-publish', 'reject-publish-dlx'),
  'dead-letter-exchange': text('dead letter exchange name'),
  'dead-letter-routing-key': text('dead letter routing key'),
  'dead-letter-strategy': oneOf('is not a valid dead letter strategy', 'at-most-once', 'at-least-once'),
  'alternate-exchange': text('alternate exchange name'),
  'consumer-timeout': whole(0, 'consumer timeout'),
  'queue-mode': oneOf('is not a valid queue-mode value', 'default', 'lazy'),
  'queue-version': oneOf('is not a valid queue-version value', 1, 2),
  'queue-master-locator': oneOf(
    'invalid queue-master-locator value',
    'min-masters',
    'client-local',
    'random',
  ),
  'queue-leader-locator': oneOf(
    'is not a valid queue leader locator value',
    'client-local',
    'balanced',
    'random',
    'least-leaders',
  ),
  'initial-cluster-size': whole(1, 'cluster size'),
  'max-age': text('max age'),
  'stream-max-segment-size-bytes': whole(1, 'segment size'),
  'ha-mode': oneOf('is not a valid ha-mode value', 'all', 'exactly', 'nodes'),
  'ha-params': () => undefined,
  'ha-sync-mode': oneOf('is not a valid ha-sync-mode value', 'automatic', 'manual'),
  'ha-sync-batch-size': whole(1, 'sync batch size'),
  'ha-promote-on-shutdown': oneOf('is not a valid ha-promote-on-shutdown value', 'always', 'when-synced'),
  'ha-promote-on-failure': oneOf('is not a valid ha-promote-on-failure value', 'always', 'when-synced'),
}

/** Empty where all is right. */
export function definitionProblems(definition: JsonValue, isOperator: boolean): string[] {
  if (!isObject(definition)) return [`definition should be an object, actually was ${term(definition)}`]
  if (Object.keys(definition).length === 0) return ['no policy provided']
  const known = isOperator ? numbers : settings
  const unknown = Object.entries(definition).filter(([key]) => !Object.hasOwn(known, key))
  if (unknown.length > 0) return [`${pairTerms(unknown)} are not recognised policy settings`]
  const problems = Object.entries(definition).flatMap(([key, value]) => known[key]!(value) ?? [])
  return [...problems, ...mirroringProblems(definition)]
}

function mirroringProblems(definition: JsonObject): string[] {
  const mode = definition['ha-mode']
  const params = definition['ha-params']
  if (mode === undefined)
    return Object.keys(definition).some((key) => key.startsWith('ha-'))
      ? ['ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown']
      : []
  const given = params === undefined ? 'none' : term(params)
  if (mode === 'exactly' && !(Number.isInteger(params) && (params as number) > 0))
    return [`ha-mode="exactly" takes an integer, ${given} given`]
  const nodes = Array.isArray(params) && params.length > 0 && params.every((node) => typeof node === 'string')
  if (mode === 'nodes' && !nodes) return [`ha-mode="nodes" takes a list of strings, ${given} given`]
  return []
}
