// Rates: every few seconds all counters are read, and what grew since the last time, per second, is the rate.
// A bounded row of samples is kept for charts: of the whole broker always, of a queue, a connection and so on while somebody
// asks for it, and otherwise only the last.
import type { Cancel, World } from '#kit/world/world.ts'
import type { Broker } from '../broker.ts'
import { type CountName, countNames, MessageCounts } from '../core/count.ts'
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

type Last = { at: number; values: Float64Array; rates: Float64Array }
export type Sample = { at: number; values: Float64Array }

export class Sampler {
  readonly #world: World
  readonly #broker: Broker
  readonly #last = new WeakMap<object, Last>()
  readonly #history: Sample[] = []
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
    for (const vhost of vhosts.values()) {
      for (const queue of vhost.queues.values())
        this.#note(queue, { ...lengthsOf(queue), ...countsOf(queue.counts) })
      for (const exchange of vhost.exchanges.values()) this.#note(exchange, countsOf(exchange.counts))
      this.#note(vhost, vhostNumbers(vhost, connections))
    }
    for (const connection of connections) {
      this.#note(connection, octetsOf(connection))
      for (const channel of connection.channels.values()) this.#note(channel, countsOf(channel.counts))
    }
    this.#note(this.#broker, totals(this.#broker))
    this.#keep(this.#broker, this.#history)
    const { clock } = this.#world
    for (const [subject, { history, askedAt }] of this.#watched) {
      if (clock.monotonic() - askedAt > watchMs) this.#watched.delete(subject)
      else this.#keep(subject, history)
    }
  }

  #keep(subject: object, history: Sample[]): void {
    const { values } = this.#last.get(subject)!
    history.push({ at: this.#world.clock.now(), values: values.slice() })
    if (history.length > keptSamples) history.shift()
  }

  #note(subject: object, numbers: Numbers): void {
    const at = this.#world.clock.monotonic()
    const last = this.#last.get(subject)
    if (!last) {
      const values = Float64Array.from(numberNames, (name) => numbers[name] ?? 0)
      this.#last.set(subject, { at, values, rates: new Float64Array(numberNames.length) })
      return
    }
    const seconds = (at - last.at) / 1000
    if (seconds <= 0) return
    for (const [place, name] of numberNames.entries()) {
      const value = numbers[name] ?? 0
      const rate = (value - last.values[place]!) / seconds
      // A counter falls only where something that counted is gone.
      last.rates[place] = place < firstCounter ? rate : Math.max(0, rate)
      last.values[place] = value
    }
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

function countsOf(counts: MessageCounts): Record<CountName, number> {
  return Object.fromEntries(countNames.map((name) => [name, counts[name]])) as Record<CountName, number>
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
  return { ...countsOf(counts), messages, messagesReady, messagesUnacked, octetsReceived, octetsSent }
}

export function totals({ vhosts, connections, lives }: Broker): Required<Numbers> {
  const sums = Object.fromEntries(numberNames.map((name) => [name, 0])) as Required<Numbers>
  for (const vhost of vhosts.values())
    for (const [name, value] of Object.entries(vhostNumbers(vhost, connections)))
      sums[name as NumberName] += value
  return Object.assign(sums, lives)
}
