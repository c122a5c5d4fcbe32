// Calls and casts: the sending half of the bus.
import type { ClientChannel } from '../amqp/client/channel.ts'
import { AmqpError } from '../amqp/error.ts'
import type { Properties } from '../amqp/property.ts'
import { CloudError } from '../errors/cloud-error.ts'
import { type Journal, loud, type NewEvent, type Trace } from '../journal/journal.ts'
import type { World } from '../world/world.ts'
import type { SpeaksFor } from './asker.ts'
import type { Caller, SendOptions } from './bus.ts'
import { problemOf } from './check.ts'
import type { Contract, MethodSpec, Methods } from './contract.ts'
import { fromBroker, isLoss, type Link, type Session } from './link.ts'
import { jsonBody, parseJson, type Request, requestProperties, resultOf } from './message.ts'
import {
  declareReplyQueue,
  exchangeOf,
  fanoutExchange,
  hostQueue,
  needFanoutExchange,
  needTopicExchange,
  replyQueue,
} from './topology.ts'

export const defaultTimeoutMs = 60_000
/** A call doesn't wait longer for a lost connection to come back; a cast waits for all of its time. */
const reconnectPatienceMs = 5_000
/**
 * A quorum queue whose leader was lost refuses for a moment. In RabbitMQ 3.10 it refuses a channel for good that publishes to it
 * for the first time then: the channel goes on asking the node that is gone, and only another channel finds the new leader.
 */
const refusedPauseMs = 200
const mostRefusals = 10
/** Leaders of queues are elected anew within a few seconds. */
const confirmPatienceMs = 10_000

type Waiting = {
  /** That the answer must come from, where it must. */
  host: string | undefined
  resolve: (reply: unknown) => void
  reject: (error: Error) => void
}
type Route = { exchange: string; routingKey: string }

export class Sender {
  readonly #world: World
  readonly #link: Link
  readonly #journal: Journal
  /** The bus user that we are: in every message, checked by the broker. */
  readonly user: string
  readonly #speaksFor: SpeaksFor
  readonly #waiting = new Map<string, Waiting>()
  #replyQueue = ''

  constructor(parts: { world: World; link: Link; journal: Journal; user: string; speaksFor: SpeaksFor }) {
    this.#world = parts.world
    this.#link = parts.link
    this.#journal = parts.journal
    this.#speaksFor = parts.speaksFor
    this.user = parts.user
  }

  /** On each new connection: the queue for replies, and the end of the calls that waited on the old one. */
  readonly setup = async (session: Session): Promise<void> => {
    const channel = await session.connection.openChannel()
    const queue = replyQueue(this.user, this.#world.random.hexId())
    await declareReplyQueue(session, channel, queue)
    await this.#listen(channel, queue, session)
    this.#replyQueue = queue
  }

  caller<M extends Methods>(contract: Contract<M>, service: string): Caller<M> {
    const journal = this.#journal.as(service)
    const send = (name: string, spec: MethodSpec) => (params: unknown, given: SendOptions) => {
      const options = spec.routine ? given : { ...given, trace: loud(given.trace) }
      const work =
        spec.kind === 'call'
          ? this.#call(contract, journal, name, params, options)
          : this.#cast(contract, journal, name, params, options)
      return this.#world.activity.track(work)
    }
    return Object.fromEntries(
      Object.entries(contract.methods).map(([name, spec]) => [name, send(name, spec)]),
    ) as Caller<M>
  }

  /** Until the broker has it; sent again over the next connection if this one is lost first. */
  async publishSafely(
    publish: (session: Session) => Promise<'routed' | 'returned'>,
    timeoutMs: number,
  ): Promise<'routed' | 'returned'> {
    const until = this.#world.clock.monotonic() + timeoutMs
    for (let refusals = 0; ; ) {
      const left = until - this.#world.clock.monotonic()
      if (left <= 0) throw new CloudError('unavailable', 'The message broker did not take a message in time')
      const session = await this.#link.session(left)
      try {
        return await this.#within(left, this.#confirmed(session, publish(session)))
      } catch (error) {
        if (error instanceof AmqpError && !isLoss(error)) throw fromBroker(error)
        if (isRefusal(error)) {
          if (++refusals === mostRefusals) this.#link.giveUp(session, 'messages are refused')
          await this.#world.timers.sleep(refusedPauseMs)
        } else if (!session.connection.over) throw error
      }
    }
  }

  /** Gives the connection up where the confirm is long in coming: a node that was cut off says nothing. */
  #confirmed<T>(session: Session, sent: Promise<T>): Promise<T> {
    const late = () => {
      if (session.connection.blocked === undefined) this.#link.giveUp(session, 'nothing is confirmed')
    }
    const cancel = this.#world.timers.after(confirmPatienceMs, late, { background: true })
    return sent.finally(cancel)
  }

  async #listen(channel: ClientChannel, queue: string, session: Session): Promise<void> {
    const replied = ({ properties, body }: { properties: Properties; body: Buffer }) => {
      // A late answer to a call that has timed out finds nobody.
      const waiting = this.#waiting.get(properties.correlationId ?? '')
      if (!waiting) return
      const { host } = waiting
      if (host === undefined || this.#speaksFor(properties.userId, host)) waiting.resolve(parseJson(body))
      else
        session.log.warn(
          { user: properties.userId, host },
          'an answer came from another than the host that was asked',
        )
    }
    const cancelled = () => void session.connection.close()
    await channel.consume(queue, 'replies', { noAck: true }, replied, cancelled)
    channel.onClosed = (error) => {
      const lost = new CloudError(
        'unavailable',
        'The connection to the message broker was lost during a call',
        { cause: error },
      )
      for (const { reject } of [...this.#waiting.values()]) reject(lost)
      void session.connection.close()
    }
  }

  async #call(
    contract: Contract,
    journal: Journal,
    method: string,
    params: unknown,
    options: SendOptions,
  ): Promise<unknown> {
    if (options.fanout)
      throw new CloudError('internal', `${contract.topic}.${method} is a call: it can't go to all servers`)
    const trace = journal.childOf(options.trace)
    const event = eventOf(contract, method, options)
    const started = this.#world.clock.monotonic()
    const sentAt = this.#world.clock.now()
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs
    const messageId = this.#world.random.hexId()
    const route = routeOf(contract, options)
    const facts = { messageId, ...route }
    const finish = (outcome: 'ok' | 'error', error?: string) =>
      journal.record(journal.childOf(trace), {
        ...event,
        kind: 'rpc.result',
        durationMs: this.#world.clock.monotonic() - started,
        outcome,
        error,
        data: { messageId, queue: this.#replyQueue },
      })
    try {
      const patienceMs = Math.min(timeoutMs, reconnectPatienceMs)
      const session = await this.#link.session(patienceMs, { unlessRefused: true })
      // A cast has time until that is over; whoever waits for an answer is told now.
      if (this.#link.blocked !== undefined)
        throw new CloudError(
          'unavailable',
          `The message broker takes no messages for now${this.#whyBlocked()}`,
        )
      journal.record(trace, {
        ...event,
        kind: 'rpc.call',
        at: sentAt,
        data: { ...facts, replyQueue: this.#replyQueue },
      })
      const request = {
        ...requestOf(contract, method, params, options, trace),
        messageId,
        deadline: sentAt + timeoutMs,
      }
      const reply = await this.#within(
        timeoutMs,
        this.#ask(session, route, request, contract.servedBy === 'host' ? options.host : undefined),
        `${contract.topic}.${method}`,
      )
      const result = resultOf(reply)
      const spec = contract.methods[method]!
      const problem = spec.kind === 'call' ? problemOf(spec.result, result) : undefined
      if (problem)
        throw new CloudError(
          'badGateway',
          `${contract.topic}.${method} answered with a wrong shape: ${problem}`,
        )
      finish('ok')
      return result
    } catch (thrown) {
      const error = fromBroker(thrown)
      finish('error', error.message)
      throw error
    } finally {
      this.#waiting.delete(messageId)
    }
  }

  async #ask(session: Session, route: Route, request: Request, host: string | undefined): Promise<unknown> {
    await needTopicExchange(session, route.exchange)
    const reply = new Promise<unknown>((resolve, reject) =>
      this.#waiting.set(request.messageId, { host, resolve, reject }),
    )
    const asked = { ...request, replyTo: this.#replyQueue }
    const properties = requestProperties(asked, this.user, this.#world.clock.now())
    const sent = this.#confirmed(
      session,
      session.sender.publish(route.exchange, route.routingKey, properties, jsonBody(request.params), true),
    )
    // The reply may come before the confirm; only a failed or returned request ends the wait for it.
    const failed = sent.then(
      (outcome) => (outcome === 'returned' ? Promise.reject(nobodyListens(route)) : reply),
      (error) => {
        if (isRefusal(error)) this.#link.giveUp(session, 'messages are refused')
        throw error
      },
    )
    return Promise.race([reply, failed])
  }

  async #cast(
    contract: Contract,
    journal: Journal,
    method: string,
    params: unknown,
    options: SendOptions,
  ): Promise<void> {
    const trace = journal.childOf(options.trace)
    const route = routeOf(contract, options)
    const messageId = this.#world.random.hexId()
    const request = { ...requestOf(contract, method, params, options, trace), messageId }
    const body = jsonBody(params)
    const event: NewEvent = {
      ...eventOf(contract, method, options),
      kind: 'rpc.cast',
      at: this.#world.clock.now(),
      data: { messageId, ...route, fanout: options.fanout === true },
    }
    const send = async (session: Session) => {
      if (options.fanout) await needFanoutExchange(session, contract.topic)
      else await needTopicExchange(session, route.exchange)
      const properties = requestProperties(request, this.user, this.#world.clock.now())
      return session.sender.publish(route.exchange, route.routingKey, properties, body, !options.fanout)
    }
    try {
      const outcome = await this.publishSafely(send, options.timeoutMs ?? defaultTimeoutMs)
      if (outcome === 'returned') throw nobodyListens(route)
      journal.record(trace, event)
    } catch (error) {
      journal.record(trace, { ...event, outcome: 'error', error: fromBroker(error).message })
      throw error
    }
  }

  /** ': low on memory', where the broker has said so. */
  #whyBlocked(): string {
    const { blocked } = this.#link
    return blocked === undefined ? '' : `: ${blocked}`
  }

  #within<T>(ms: number, work: Promise<T>, what?: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = () =>
        reject(
          what === undefined
            ? new CloudError(
                'timeout',
                `The message broker did not take a message in time${this.#whyBlocked()}`,
              )
            : new CloudError('timeout', `${what} was not answered within ${ms / 1000} s`),
        )
      const cancel = this.#world.timers.after(ms, late, { background: true })
      work.then(resolve, reject).finally(cancel)
    })
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof CloudError && error.type === 'MessageRefused'
}

function requestOf(
  contract: Contract,
  method: string,
  params: unknown,
  options: SendOptions,
  trace: Trace,
): Omit<Request, 'messageId'> {
  const { version } = contract
  return { method, version, trace, deadline: undefined, replyTo: undefined, subject: options.subject, params }
}

function eventOf(contract: Contract, method: string, { subject }: SendOptions): Omit<NewEvent, 'kind'> {
  return { name: `${contract.topic}.${method}`, subject }
}

function routeOf(contract: Contract, { host, fanout }: SendOptions): Route {
  const { topic, servedBy } = contract
  if (!fanout && host === undefined && servedBy === 'host')
    throw new CloudError('internal', `${topic} is served by hosts: a message to it names one, or goes to all`)
  if (fanout) return { exchange: fanoutExchange(topic), routingKey: '' }
  return { exchange: exchangeOf(contract), routingKey: host === undefined ? topic : hostQueue(topic, host) }
}

function nobodyListens({ routingKey }: Route): CloudError {
  return new CloudError('unavailable', `Nothing listens on ${routingKey}`)
}
