// Rates: every few seconds all counters are read, and what grew since the last time, per second, is the rate.
// A bounded row of samples is kept for charts: of the whole broker always, of a queue, a connection and so on while somebody
// asks for it, and otherwise only the last.
import type { Cancel, World } from '#kit/world/world.ts'
import type { Broker } from '../broker.ts'
import { countNames, MessageCounts } from '../core/count.ts'
import { lifeNames } from '../core/life.ts'
import type { Queue } from '../core/queue.ts'
import type { Vhost } from '../core/vhost.ts'
import type { ServerConnection } from '../server/connection.ts'

/** RabbitMQ's own interval. */
const sampleMs = 5000
/** Ten minutes, RabbitMQ's shortest retention. */
const keptSamples = 120
/** A row that nobody asks for any more goes. */
const watchMs = 300_000
/** How many rows at most, besides the broker's: some 3 MB a hundred. */
const mostWatched = 1000

export const lengthNames = ['messages', 'messagesReady', 'messagesUnacked'] as const
export const octetNames = ['octetsReceived', 'octetsSent'] as const
export const numberNames = [...lengthNames, ...octetNames, ...countNames, ...lifeNames] as const
export type NumberName = (typeof numberNames)[number]
export type Numbers = Partial<Record<NumberName, number>>

const places = new Map(numberNames.map((name, place) => [name as string, place]))
/** Lengths fall as well as grow. */
const firstCounter = lengthNames.length
const firstCount = firstCounter + octetNames.length

type Last = { at: number; values: Float64Array; rates: Float64Array }
export type Sample = { at: number; values: Float64Array }

export class Sampler {
  readonly #world: World
  readonly #broker: Broker
  readonly #last = new WeakMap<object, Last>()
  readonly #history: Sample[] = []
  /** Of the subject that is being noted: a large broker has ten thousand, and an object for each would cost more than the rest. */
  readonly #row = new Float64Array(numberNames.length)
  readonly #watched = new Map<object, { history: Sample[]; askedAt: number }>()
  #cancel: Cancel = () => {}

  constructor(world: World, broker: Broker) {
    this.#world = world
    this.#broker = broker
  }

  start(): void {
    this.#sample()
    this.#cancel = this.#world.timers.after(sampleMs, () => this.start(), { background: true })
  }

  stop(): void {
    this.#cancel()
  }

  /** Milliseconds since the epoch. */
  get now(): number {
    return this.#world.clock.now()
  }

  /** Per second; 0 until there are two samples of the subject. The broker itself stands for the totals, a list for a sum. */
  rate(subject: object | readonly object[], name: NumberName): number {
    if (Array.isArray(subject)) return subject.reduce((sum, each) => sum + this.rate(each, name), 0)
    return this.#last.get(subject)?.rates[placeOf(name)] ?? 0
  }

  /** Oldest first; each holds `numberNames` in order. From the first question on there are more of them. */
  historyOf(subject: object): readonly Sample[] {
    if (subject === this.#broker) return this.#history
    const last = this.#last.get(subject)
    if (!last) return []
    const askedAt = this.#world.clock.monotonic()
    const watched = this.#watched.get(subject)
    if (watched) {
      watched.askedAt = askedAt
      return watched.history
    }
    const history = [{ at: this.#world.clock.now(), values: last.values.slice() }]
    if (this.#watched.size < mostWatched) this.#watched.set(subject, { history, askedAt })
    return history
  }

  #sample(): void {
    const { vhosts, connections } = this.#broker
    const { clock } = this.#world
    const at = clock.monotonic()
    const row = this.#row
    const counted = (subject: { counts: MessageCounts }) => {
      for (let i = 0; i < countNames.length; i++) row[firstCount + i] = subject.counts[countNames[i]!]
      this.#note(subject, at)
    }
    const ofVhosts: Numbers[] = []
    for (const vhost of vhosts.values()) {
      for (const queue of vhost.queues.values()) {
        this.#fill(lengthsOf(queue))
        counted(queue)
      }
      row.fill(0)
      for (const exchange of vhost.exchanges.values()) counted(exchange)
      const numbers = vhostNumbers(vhost, connections)
      ofVhosts.push(numbers)
      this.#fill(numbers)
      this.#note(vhost, at)
    }
    for (const connection of connections) {
      this.#fill(octetsOf(connection))
      this.#note(connection, at)
      row.fill(0)
      for (const channel of connection.channels.values()) counted(channel)
    }
    this.#fill(sumOf(ofVhosts, this.#broker))
    this.#note(this.#broker, at)
    this.#keep(this.#broker, this.#history)
    for (const [subject, { history, askedAt }] of this.#watched) {
      if (at - askedAt > watchMs) this.#watched.delete(subject)
      else this.#keep(subject, history)
    }
  }

  #keep(subject: object, history: Sample[]): void {
    const { values } = this.#last.get(subject)!
    history.push({ at: this.#world.clock.now(), values: values.slice() })
    if (history.length > keptSamples) history.shift()
  }

  /** Into the row; what they don't say is 0. */
  #fill(numbers: Numbers): void {
    this.#row.fill(0)
    for (const name in numbers) this.#row[placeOf(name as NumberName)] = numbers[name as NumberName]!
  }

  /** What is in the row. */
  #note(subject: object, at: number): void {
    const row = this.#row
    const last = this.#last.get(subject)
    if (!last) {
      this.#last.set(subject, { at, values: row.slice(), rates: new Float64Array(row.length) })
      return
    }
    const seconds = (at - last.at) / 1000
    if (seconds <= 0) return
    const { values, rates } = last
    for (let place = 0; place < row.length; place++) {
      const rate = (row[place]! - values[place]!) / seconds
      // A counter falls only where something that counted is gone.
      rates[place] = place < firstCounter ? rate : Math.max(0, rate)
    }
    values.set(row)
    last.at = at
  }
}

export function placeOf(name: NumberName): number {
  return places.get(name)!
}

export function lengthsOf({ messageCount, unacked }: Queue) {
  return { messages: messageCount + unacked, messagesReady: messageCount, messagesUnacked: unacked }
}

export function octetsOf({ intake, outbox }: ServerConnection) {
  return { octetsReceived: intake.octets, octetsSent: outbox.sentOctets }
}

/** Queues' lengths, and what its channels have counted, past ones too. */
export function vhostNumbers(vhost: Vhost, connections: Iterable<ServerConnection>): Numbers {
  const counts = new MessageCounts()
  counts.add(vhost.pastCounts)
  let [messagesReady, messagesUnacked, octetsReceived, octetsSent] = [0, 0, 0, 0]
  for (const { messageCount, unacked } of vhost.queues.values()) {
    messagesReady += messageCount
    messagesUnacked += unacked
  }
  for (const connection of connections) {
    if (!connection.isOpen || connection.vhost !== vhost) continue
    octetsReceived += connection.intake.octets
    octetsSent += connection.outbox.sentOctets
    for (const channel of connection.channels.values()) counts.add(channel.counts)
  }
  const messages = messagesReady + messagesUnacked
  const { ...counted } = counts
  return { ...counted, messages, messagesReady, messagesUnacked, octetsReceived, octetsSent }
}

export function totals(broker: Broker): Required<Numbers> {
  const { vhosts, connections } = broker
  return sumOf(
    [...vhosts.values()].map((vhost) => vhostNumbers(vhost, connections)),
    broker,
  )
}

function sumOf(ofVhosts: readonly Numbers[], { lives }: Broker): Required<Numbers> {
  const sums = Object.fromEntries(numberNames.map((name) => [name, 0])) as Required<Numbers>
  for (const numbers of ofVhosts)
    for (const [name, value] of Object.entries(numbers)) sums[name as NumberName] += value
  return Object.assign(sums, lives)
}
