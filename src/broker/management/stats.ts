// Numbers with their rates, as RabbitMQ's management API shows them: `publish` beside `publish_details.rate`.
import type { CountName, MessageCounts } from '../core/count.ts'
import type { View } from './request.ts'
import { lengthNames, type NumberName, octetNames, placeOf, type Sampler } from './sample.ts'

/** The names on the wire. */
const wireNames: Record<NumberName, string> = {
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
type Span = { ageMs: number; stepMs: number }
export type Spans = { counts?: Span; lengths?: Span; octets?: Span }

export function spansOf(query: ReadonlyMap<string, string>): Spans {
  const span = (kind: string): Span | undefined => {
    const [age, step] = [Number(query.get(`${kind}_age`)), Number(query.get(`${kind}_incr`))]
    return age > 0 && step > 0 ? { ageMs: age * 1000, stepMs: step * 1000 } : undefined
  }
  return { counts: span('msg_rates'), lengths: span('lengths'), octets: span('data_rates') }
}

/** What the numbers are of, with what was asked about their past. A list is shown as the sum of its members. */
type Stats = { sampler: Sampler; spans: Spans }
type Subject = object | readonly object[]
type Numbers = Partial<Record<NumberName, number>>

export function numbersView(
  stats: Stats,
  subject: Subject,
  numbers: Numbers,
  names: readonly NumberName[],
): View {
  const view: View = {}
  for (const name of names) {
    view[wireNames[name]] = numbers[name] ?? 0
    view[`${wireNames[name]}_details`] = details(stats, subject, numbers, [name], spanFor(stats, name))
  }
  return view
}

/** Undefined where nothing was ever counted, as RabbitMQ leaves it out. */
export function messageStats(
  stats: Stats,
  subject: Subject,
  counts: MessageCounts | Partial<Record<CountName, number>>,
  names: readonly CountName[],
): View | undefined {
  if (!names.some((name) => (counts[name] ?? 0) > 0)) return undefined
  const view = numbersView(stats, subject, counts as Numbers, names)
  if (!names.includes('deliver')) return view
  const total = deliveries.reduce((sum, name) => sum + (counts[name] ?? 0), 0)
  return {
    ...view,
    deliver_get: total,
    deliver_get_details: details(stats, subject, counts as Numbers, deliveries, stats.spans.counts),
  }
}

export function lengthsView(stats: Stats, subject: Subject, numbers: Numbers): View {
  return numbersView(stats, subject, numbers, lengthNames)
}

function spanFor({ spans }: Stats, name: NumberName): Span | undefined {
  if ((lengthNames as readonly string[]).includes(name)) return spans.lengths
  return (octetNames as readonly string[]).includes(name) ? spans.octets : spans.counts
}

function details(
  { sampler }: Stats,
  subject: Subject,
  numbers: Numbers,
  names: readonly NumberName[],
  span: Span | undefined,
): View {
  const rate = rounded(names.reduce((sum, name) => sum + sampler.rate(subject, name), 0))
  if (!span || Array.isArray(subject)) return { rate }
  const samples = sampler.historyOf(subject).map(({ at, values }) => ({
    timestamp: at,
    sample: names.reduce((sum, name) => sum + values[placeOf(name)]!, 0),
  }))
  // What is newer than the last look has its present alone.
  const sample = names.reduce((sum, name) => sum + (numbers[name] ?? 0), 0)
  return { rate, ...row(samples.length > 0 ? samples : [{ timestamp: sampler.now, sample }], span) }
}

type Point = { sample: number; timestamp: number }

/** Newest first, as RabbitMQ has them; timestamps in milliseconds. */
function row(history: readonly Point[], { ageMs, stepMs }: Span): View {
  const newest = history.at(-1)!.timestamp
  const samples: Point[] = []
  let next = newest
  for (const point of history.toReversed()) {
    if (newest - point.timestamp > ageMs) break
    if (point.timestamp > next) continue
    samples.push(point)
    next = point.timestamp - stepMs
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
