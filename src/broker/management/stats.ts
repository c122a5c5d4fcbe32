// Numbers with their rates, as RabbitMQ's management API shows them: `publish` beside `publish_details.rate`.
import type { CountName, MessageCounts } from '../core/count.ts'
import type { View } from './request.ts'
import { lengthNames, type NumberName, placeOf, type Sampler } from './sample.ts'

/** The names on the wire. */
export const wireNames: Record<NumberName, string> = {
  messages: 'messages',
  messagesReady: 'messages_ready',
  messagesUnacked: 'messages_unacknowledged',
  octetsReceived: 'recv_oct',
  octetsSent: 'send_oct',
  publish: 'publish',
  confirm: 'confirm',
  returnUnroutable: 'return_unroutable',
  dropUnroutable: 'drop_unroutable',
  deliver: 'deliver',
  deliverNoAck: 'deliver_no_ack',
  get: 'get',
  getNoAck: 'get_no_ack',
  getEmpty: 'get_empty',
  redeliver: 'redeliver',
  ack: 'ack',
  publishIn: 'publish_in',
  publishOut: 'publish_out',
  connectionCreated: 'connection_created',
  connectionClosed: 'connection_closed',
  channelCreated: 'channel_created',
  channelClosed: 'channel_closed',
  queueDeclared: 'queue_declared',
  queueCreated: 'queue_created',
  queueDeleted: 'queue_deleted',
}

/** What counts as a delivery of any kind. */
const deliveries = ['deliver', 'deliverNoAck', 'get', 'getNoAck'] as const
export const publishNames = ['publish', 'confirm', 'returnUnroutable', 'dropUnroutable'] as const
export const deliverNames = [...deliveries, 'getEmpty', 'redeliver', 'ack'] as const
export const passNames = ['publishIn', 'publishOut'] as const

/** `?msg_rates_age=60&msg_rates_incr=5`: samples of the last 60 seconds, one for every 5. */
export type Span = { ageMs: number; stepMs: number } | undefined

export function spanOf(
  query: ReadonlyMap<string, string>,
  kind: 'msg_rates' | 'lengths' | 'data_rates',
): Span {
  const [age, step] = [Number(query.get(`${kind}_age`)), Number(query.get(`${kind}_incr`))]
  return age > 0 && step > 0 ? { ageMs: age * 1000, stepMs: step * 1000 } : undefined
}

export function numbersView(
  sampler: Sampler,
  subject: object,
  numbers: Partial<Record<NumberName, number>>,
  names: readonly NumberName[],
  span?: Span,
): View {
  const view: View = {}
  for (const name of names) {
    const samples = span && samplesOf(sampler, name, span)
    view[wireNames[name]] = numbers[name] ?? 0
    view[`${wireNames[name]}_details`] = { rate: rounded(sampler.rate(subject, name)), ...samples }
  }
  return view
}

/** Undefined where nothing was ever counted, as RabbitMQ leaves it out. */
export function messageStats(
  sampler: Sampler,
  subject: object,
  counts: MessageCounts | Partial<Record<CountName, number>>,
  names: readonly CountName[],
  span?: Span,
): View | undefined {
  if (!names.some((name) => (counts[name] ?? 0) > 0)) return undefined
  const view = numbersView(sampler, subject, counts as Partial<Record<NumberName, number>>, names, span)
  if (!names.includes('deliver')) return view
  let [total, rate] = [0, 0]
  for (const name of deliveries) {
    total += counts[name] ?? 0
    rate += sampler.rate(subject, name)
  }
  return {
    ...view,
    deliver_get: total,
    deliver_get_details: { rate: rounded(rate), ...deliverySamples(sampler, span) },
  }
}

export const lengthsView = (
  sampler: Sampler,
  subject: object,
  numbers: Partial<Record<NumberName, number>>,
  span?: Span,
): View => numbersView(sampler, subject, numbers, lengthNames, span)

function samplesOf(sampler: Sampler, name: NumberName, span: NonNullable<Span>): View {
  return row(sampler, span, (values) => values[placeOf(name)]!)
}

function deliverySamples(sampler: Sampler, span: Span): View | undefined {
  return (
    span && row(sampler, span, (values) => deliveries.reduce((sum, name) => sum + values[placeOf(name)]!, 0))
  )
}

/** Newest first, as RabbitMQ has them; timestamps in milliseconds. */
function row(
  { history }: Sampler,
  { ageMs, stepMs }: NonNullable<Span>,
  read: (values: Float64Array) => number,
): View {
  const newest = history.at(-1)
  if (!newest) return { samples: [], avg: 0, avg_rate: 0 }
  const samples: { sample: number; timestamp: number }[] = []
  let next = newest.at
  for (let i = history.length - 1; i >= 0; i--) {
    const { at, values } = history[i]!
    if (newest.at - at > ageMs) break
    if (at > next) continue
    samples.push({ sample: read(values), timestamp: at })
    next = at - stepMs
  }
  const [first, last] = [samples.at(-1)!, samples[0]!]
  const seconds = (last.timestamp - first.timestamp) / 1000
  const sum = samples.reduce((total, { sample }) => total + sample, 0)
  return {
    samples,
    avg: rounded(sum / samples.length),
    avg_rate: seconds > 0 ? rounded((last.sample - first.sample) / seconds) : 0,
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}

export const allCounts: readonly CountName[] = [...publishNames, ...deliverNames]
