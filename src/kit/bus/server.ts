// Serves a contract: the receiving half of the bus.
import type { ClientChannel, Delivered } from '../amqp/client/channel.ts'
import { CloudError, type ErrorKind, fullMessage } from '../errors/cloud-error.ts'
import { formatTraceparent, type Journal, loud, type Trace } from '../journal/journal.ts'
import type { Log } from '../log/log.ts'
import type { World } from '../world/world.ts'
import { checkAsker, Refused, type SpeaksFor } from './asker.ts'
import type { Handlers, Incoming, Served } from './bus.ts'
import { problemOf } from './check.ts'
import type { Contract, Methods } from './contract.ts'
import type { Link, Session } from './link.ts'
import { jsonBody, type Reply, type Request, readRequest, wireError } from './message.ts'
import { openSeen } from './seen.ts'
import type { Sender } from './sender.ts'
import { openSlots, type Slots } from './slots.ts'
import {
  deadQueue,
  declareServer,
  exchangeOf,
  needDeadQueue,
  needTopicExchange,
  replyExchanges,
  replyQueuePrefix,
} from './topology.ts'

/** Handlers of one server that run at the same time, per queue. */
const running = 64
/** With those that wait for another try: so many may lack something before a queue stands still for the others. */
const prefetch = 256
/** A cast's handler is tried this often before the message goes to the dead queue. */
const attempts = 5
const firstRetryMs = 200
const longestRetryMs = 30_000
/** Of what the handler needs, such as its database or another service, and not of the message: tried longer. */
const passing: readonly ErrorKind[] = ['unavailable', 'timeout', 'badGateway']
/** A RabbitMQ closes the channel, with all that is in hand on it, over a message that nobody acknowledged for half an hour. */
const longestWaitMs = 1_200_000

export type Serving = {
  world: World
  log: Log
  journal: Journal
  link: Link
  sender: Sender
  speaksFor: SpeaksFor
}

const nobodyWaits = Symbol('nobody waits for it')

/** Where a message came from. */
type Source = { channel: ClientChannel; queue: string; slots: Slots }

type AnyHandler = (params: unknown, incoming: Incoming) => Promise<unknown>

export async function serve<M extends Methods>(
  serving: Serving,
  contract: Contract<M>,
  host: string,
  handlers: Handlers<M>,
): Promise<Served> {
  const server = new Server(serving, contract, host, handlers as unknown as Record<string, AnyHandler>)
  await serving.link.add(server.setup)
  return { stop: () => server.stop() }
}

class Server {
  readonly #serving: Serving
  readonly #contract: Contract
  readonly #host: string
  readonly #handlers: Record<string, AnyHandler>
  readonly #running = new Set<Promise<void>>()
  readonly #seen = openSeen()
  readonly #stopping = new AbortController()
  #channel: ClientChannel | undefined
  #queues: string[] = []

  constructor(serving: Serving, contract: Contract, host: string, handlers: Record<string, AnyHandler>) {
    this.#serving = serving
    this.#contract = contract
    this.#host = host
    this.#handlers = handlers
  }

  readonly setup = async (session: Session): Promise<void> => {
    const { topic } = this.#contract
    const { log, world } = this.#serving
    const channel = await session.connection.openChannel()
    this.#channel = channel
    // A queue deleted under us, or a refused answer: everything is declared again over a new connection.
    channel.onClosed = () => void session.connection.close()
    const cancelled = () => {
      log.warn({ topic }, 'a queue of the bus was deleted; it will be declared again')
      void session.connection.close()
    }
    await channel.ask('basic.qos', { prefetchCount: prefetch })
    const queues = await declareServer(session, channel, {
      contract: this.#contract,
      host: this.#host,
      id: world.random.hexId(),
    })
    this.#queues = queues
    for (const queue of queues) {
      const from = { channel, queue, slots: openSlots(running) }
      await channel.consume(queue, queue, {}, (message) => this.#take(from, message), cancelled)
    }
  }

  /** No new messages, then the end of those in hand; what waits for another try goes back to the queue. */
  async stop(): Promise<void> {
    this.#serving.link.remove(this.setup)
    const channel = this.#channel
    // Where the connection is lost there is nothing to cancel.
    await Promise.allSettled(this.#queues.map((queue) => channel?.cancel(queue)))
    this.#stopping.abort(new CloudError('unavailable', 'The server is stopping'))
    await Promise.all(this.#running)
    await channel?.close()
  }

  #take(from: Source, message: Delivered): void {
    const work = this.#serving.world.activity
      .track(this.#handle(from, message))
      .catch((error) => {
        if (this.#stopping.signal.aborted) return
        // Not acknowledged: it comes again, here or at another server.
        this.#serving.log.error(
          { queue: from.queue, error: fullMessage(error) },
          'a message of the bus was not dealt with',
        )
      })
      .finally(() => this.#running.delete(work))
    this.#running.add(work)
  }

  async #handle(from: Source, message: Delivered): Promise<void> {
    const { channel } = from
    let request: Request
    try {
      request = readRequest(message.properties, message.body)
    } catch (error) {
      await this.#bury(message, error)
      return channel.ack(message.deliveryTag)
    }
    // A sender can't keep out of the journal what is worth a record.
    const { methods } = this.#contract
    const routine = Object.hasOwn(methods, request.method) && methods[request.method]!.routine
    if (request.trace && !routine) request.trace = loud(request.trace)
    // Another sender can't keep one from being handled by using its id.
    if (request.replyTo === undefined)
      await this.#seen.once(`${request.user} ${request.messageId}`, () => this.#cast(from, request, message))
    else if (request.user !== undefined && request.replyTo.startsWith(replyQueuePrefix(request.user)))
      await this.#call(from, request, request.replyTo, message.redelivered)
    // An answer there would be a forged one to somebody else's call.
    else
      this.#serving.log.warn(
        { method: request.method, user: request.user, replyTo: request.replyTo },
        "a call was ignored that wants its answer in a queue that isn't its sender's",
      )
    channel.ack(message.deliveryTag)
  }

  async #cast({ queue, slots }: Source, request: Request, message: Delivered): Promise<void> {
    const { clock, timers } = this.#serving.world
    const { signal } = this.#stopping
    const until = clock.monotonic() + longestWaitMs
    for (let attempt = 1; ; attempt++) {
      try {
        await slots.hold(signal, () => this.#run(queue, request, message.redelivered || attempt > 1))
        return
      } catch (error) {
        if (error === signal.reason) throw error
        const fields = {
          method: `${this.#contract.topic}.${request.method}`,
          messageId: request.messageId,
          attempt,
          error: fullMessage(error),
        }
        this.#serving.log.warn(fields, 'a handler of the bus failed')
        const passes = error instanceof CloudError && passing.includes(error.kind)
        const over = passes ? clock.monotonic() >= until : attempt >= attempts
        if (error instanceof Refused || over) return await this.#bury(message, error, request)
        const pauseMs = Math.min(firstRetryMs * 2 ** (attempt - 1), longestRetryMs)
        await timers.sleep(pauseMs, { signal })
      }
    }
  }

  async #call(from: Source, request: Request, replyTo: string, redelivered: boolean): Promise<void> {
    const { world, journal, log } = this.#serving
    // Nobody waits for it any more.
    const late = () => request.deadline !== undefined && request.deadline <= world.clock.now()
    if (late()) return
    const what = `${this.#contract.topic}.${request.method}`
    let trace = request.trace ?? journal.newTrace()
    let reply: Reply
    try {
      // The server that had it may have begun: calls run at most once, and the caller knows whether to ask again.
      if (redelivered) throw new CloudError('unavailable', `The server that took ${what} was lost`)
      const result = await from.slots.hold(this.#stopping.signal, async () =>
        late()
          ? nobodyWaits
          : this.#run(from.queue, request, false, (own) => {
              trace = own
            }),
      )
      if (result === nobodyWaits) return
      reply = { result }
    } catch (error) {
      reply = { failure: wireError(error, what) }
      if (reply.failure.kind === 'internal')
        log.error(
          { method: what, messageId: request.messageId, error: stackOf(error) },
          'a handler of the bus failed',
        )
    }
    await this.#reply(request, replyTo, reply, journal.childOf(trace))
  }

  async #reply(request: Request, replyTo: string, reply: Reply, trace: Trace): Promise<void> {
    const { journal, sender, log, speaksFor } = this.#serving
    const exchange = replyExchanges[speaksFor(request.user, undefined) ? 'controller' : 'host']
    const failure = 'failure' in reply ? reply.failure : undefined
    const properties = {
      contentType: 'application/json',
      messageId: request.messageId,
      userId: sender.user,
      correlationId: request.messageId,
      headers: { traceparent: formatTraceparent(trace) },
    }
    const body = jsonBody(reply)
    journal.record(trace, {
      kind: 'rpc.reply',
      name: `${this.#contract.topic}.${request.method}`,
      subject: request.subject,
      outcome: failure ? 'error' : 'ok',
      error: failure?.message,
      data: { messageId: request.messageId, routingKey: replyTo },
    })
    const left = (request.deadline ?? Infinity) - this.#serving.world.clock.now()
    const send = async (session: Session) => {
      await needTopicExchange(session, exchange)
      return session.sender.publish(exchange, replyTo, properties, body, true)
    }
    const outcome = await sender.publishSafely(send, Math.max(1, Math.min(left, 60_000)))
    if (outcome === 'returned')
      log.debug({ messageId: request.messageId }, 'a caller was gone before its answer')
  }

  /** Runs the handler and records it. */
  async #run(
    queue: string,
    request: Request,
    redelivered: boolean,
    began?: (trace: Trace) => void,
  ): Promise<unknown> {
    const { journal } = this.#serving
    const exchange = exchangeOf(this.#contract)
    const { topic } = this.#contract
    const { messageId, deadline, subject, user } = request
    const sender = request.trace ?? journal.newTrace()
    const event = {
      kind: 'rpc.consume' as const,
      name: `${topic}.${request.method}`,
      subject,
      data: { messageId, exchange, queue, redelivered },
    }
    return journal.span(sender, event, async (trace) => {
      began?.(trace)
      const handler = this.#handlerFor(request)
      checkAsker(this.#contract, request.method, request.params, user, this.#serving.speaksFor)
      return handler(request.params, { trace, messageId, deadline, redelivered, user })
    })
  }

  #handlerFor({ method, version, params }: Request): AnyHandler {
    const { topic, methods, version: ours } = this.#contract
    if (major(version) !== major(ours))
      throw new Refused(
        'notImplemented',
        `${topic} speaks version ${ours}, ${method} was asked for in version ${version}`,
        { type: 'UnsupportedVersion' },
      )
    const spec = Object.hasOwn(methods, method) ? methods[method] : undefined
    const handler = this.#handlers[method]
    if (!spec || !handler)
      throw new Refused('notImplemented', `${topic} ${ours} has no method ${method}`, {
        type: 'UnknownMethod',
      })
    const problem = problemOf(spec.params, params)
    if (problem)
      throw new Refused('badRequest', `${topic}.${method} was asked with wrong parameters: ${problem}`, {
        type: 'InvalidParameters',
      })
    return handler
  }

  /** To the dead queue, with the reason; it is safe there before it leaves this one. */
  async #bury(message: Delivered, error: unknown, request?: Request): Promise<void> {
    const { exchange, topic } = this.#contract
    const { log, sender, journal } = this.#serving
    const reason = fullMessage(error)
    const { expiration: _, replyTo: __, userId, ...kept } = message.properties
    const headers = {
      ...kept.headers,
      'x-topic': message.routingKey,
      'x-error': reason.slice(0, 2000),
      'x-user': userId,
    }
    const outcome = await sender.publishSafely(async (session) => {
      await needDeadQueue(session, exchange)
      const properties = { ...kept, headers, deliveryMode: 2, userId: sender.user }
      return session.sender.publish(exchange, deadQueue(exchange), properties, message.body, true)
    }, 60_000)
    // Of a host, where no controller has declared the queue again: better kept where it is.
    if (outcome === 'returned')
      throw new CloudError('unavailable', `There is no queue ${deadQueue(exchange)} to put a message aside`, {
        cause: error,
      })
    const fields = {
      topic,
      queue: deadQueue(exchange),
      messageId: message.properties.messageId,
      error: reason,
    }
    log.error(fields, 'a message of the bus could not be handled and was put aside')
    if (request)
      journal.record(request.trace ? journal.childOf(request.trace) : journal.newTrace(), {
        kind: 'rpc.consume',
        name: `${topic}.${request.method}`,
        subject: request.subject,
        outcome: 'error',
        error: `It was put aside in ${fields.queue}: ${reason}`,
        data: { messageId: request.messageId, queue: fields.queue },
      })
  }
}

function major(version: string): string {
  return version.split('.')[0]!
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
