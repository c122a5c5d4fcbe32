// The bus client's connection to the broker: kept up, and set up again after each loss.

import type { ClientChannel } from '../amqp/client/channel.ts'
import { type ClientConnection, connectAmqp } from '../amqp/client/connection.ts'
import { AmqpError } from '../amqp/error.ts'
import { asError, CloudError, fullMessage } from '../errors/cloud-error.ts'
import type { Log } from '../log/log.ts'
import type { Connection, World } from '../world/world.ts'

export type LinkOptions = {
  world: World
  log: Log
  /** A new stream to the broker; called again after each loss. Of several brokers, the next one (kit/bus/transport.ts). */
  connect: () => Promise<Connection>
  user: string
  password: string
  vhost?: string
  /** Shown in the broker's list of connections. */
  name: string
  heartbeatSeconds?: number
  /** The user has a host's rights alone: what hosts share is awaited, not declared. */
  limited?: boolean
  /** Opening fails where there is no connection by then; without it, it goes on trying. */
  patienceMs?: number
  /** Of queues that outlive their broker; the default is classic. */
  durableQueueType?: 'classic' | 'quorum'
}

/** One connection's life. */
export type Session = {
  readonly world: World
  readonly log: Log
  readonly limited: boolean
  readonly durableQueueType: 'classic' | 'quorum'
  readonly connection: ClientConnection
  /** Publishes with confirms. */
  readonly sender: ClientChannel
  /** Exchanges and queues that were declared or found on it. */
  readonly declared: Map<string, Promise<void>>
  /** Setups that have run on it. */
  readonly ready: Set<Setup>
}

/** Runs on each new connection, before anybody sends on it. */
export type Setup = (session: Session) => Promise<void>

type Waiter = {
  resolve: (session: Session) => void
  reject: (error: Error) => void
  /** Waits for a broker that is away, and not for one that doesn't let us in. */
  unlessRefused: boolean
}

const firstWaitMs = 100
const longestWaitMs = 5_000
/** Until a first connection the broker is taken to be starting, as we are ourselves: asked often, and not complained of. */
const startingMs = 5_000
const startingWaitMs = 25
/** After a loss the broker is taken to be starting again, which takes some seconds: whatever waits for an agent waits for this. */
const returningMs = 15_000
const returningWaitMs = 400
const giveUpEveryMs = 10_000

export class Link {
  readonly #options: LinkOptions
  readonly #setups = new Set<Setup>()
  readonly #waiting = new Set<Waiter>()
  #session: Session | undefined
  #closed = false
  #wake = new AbortController()
  #idle = false
  #gaveUpAt = Number.NEGATIVE_INFINITY
  #running: Promise<void> | undefined
  /** Why the last attempt failed. */
  #failure: unknown
  /** The broker answered it, and refused user or password. */
  #refused = false

  constructor(options: LinkOptions) {
    this.#options = options
  }

  get connected(): boolean {
    return this.#session !== undefined && !this.#session.connection.over
  }

  /** Why the broker takes no messages for now: it is short of memory or disk. */
  get blocked(): string | undefined {
    return this.#session?.connection.blocked
  }

  /** Resolves with the first connection, `first` done on it; goes on trying until then. */
  async open(first: Setup): Promise<void> {
    this.#setups.add(first)
    this.#running = this.#run()
    try {
      await this.session(this.#options.patienceMs)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /**
   * The connection, or the next one if there is none; kind 'unavailable' when `timeoutMs` are over first. `unlessRefused`: at
   * once, too, where the broker refuses the login. That of a host that was sent away is never good again, and its
   * agents, which ask over and over, would always have somebody waiting.
   */
  session(timeoutMs?: number, { unlessRefused = false } = {}): Promise<Session> {
    if (this.#session && !this.#session.connection.over) return Promise.resolve(this.#session)
    if (this.#closed) return Promise.reject(closedError())
    if (unlessRefused && this.#refused) return Promise.reject(this.#notReachable())
    return new Promise((resolve, reject) => {
      const late = () => waiter.reject(this.#notReachable())
      const cancel =
        timeoutMs === undefined
          ? () => {}
          : this.#options.world.timers.after(timeoutMs, late, { background: true })
      const done = () => {
        cancel()
        this.#waiting.delete(waiter)
      }
      const waiter: Waiter = {
        unlessRefused,
        resolve: (session: Session) => {
          done()
          resolve(session)
        },
        reject: (error: Error) => {
          done()
          reject(error)
        },
      }
      this.#waiting.add(waiter)
      // Somebody needs it now: a pause in which nobody waited is over.
      if (this.#idle) this.#wake.abort()
    })
  }

  /** Runs now, if connected, and on each new connection. Rejects as the first run does, and is forgotten then. */
  async add(setup: Setup): Promise<void> {
    this.#setups.add(setup)
    for (;;) {
      const session = await this.session()
      try {
        await run(setup, session)
        return
      } catch (error) {
        // Lost meanwhile: the next connection runs it with all the others.
        if (session.connection.over && isLoss(error)) continue
        this.#setups.delete(setup)
        throw fromBroker(error)
      }
    }
  }

  remove(setup: Setup): void {
    this.#setups.delete(setup)
  }

  /** For another one; not too often, as the next may be no better. */
  giveUp({ connection }: Session, why: string): void {
    const { world, log } = this.#options
    const now = world.clock.monotonic()
    if (connection.over || now - this.#gaveUpAt < giveUpEveryMs) return
    this.#gaveUpAt = now
    log.warn({ why }, 'a connection to the message broker is given up for another one')
    connection.abandon(why)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#wake.abort()
    for (const { reject } of this.#waiting) reject(closedError())
    await this.#session?.connection.close()
    await this.#running
  }

  async #run(): Promise<void> {
    const { world, log } = this.#options
    let wait = firstWaitMs
    let failures = 0
    let startingUntil = world.clock.monotonic() + startingMs
    let returningUntil = 0
    while (!this.#closed) {
      try {
        const session = await world.activity.track(this.#connect())
        if (this.#closed) void session.connection.close()
        else if (failures > 0) log.info({ failures }, 'connected to the message broker')
        wait = firstWaitMs
        failures = 0
        startingUntil = 0
        this.#refused = false
        const reason = await session.connection.ended
        this.#session = undefined
        returningUntil = world.clock.monotonic() + returningMs
        if (!this.#closed)
          log.warn({ error: fullMessage(reason) }, 'the connection to the message broker was lost')
      } catch (error) {
        this.#failure = error
        this.#refused = isRefusedLogin(error)
        if (this.#refused)
          for (const waiter of [...this.#waiting])
            if (waiter.unlessRefused) waiter.reject(this.#notReachable())
        if (world.clock.monotonic() < startingUntil) {
          await this.#pause(startingWaitMs)
          continue
        }
        // Said once: a broker that is down for an hour isn't a thousand events.
        const say = failures++ === 0 ? log.warn : log.debug
        say({ error: fullMessage(error) }, 'cannot connect to the message broker; trying again')
      }
      if (this.#closed) return
      await this.#pause(world.random.int(Math.ceil(wait / 2), wait + 1))
      wait = Math.min(wait * 2, world.clock.monotonic() < returningUntil ? returningWaitMs : longestWaitMs)
    }
  }

  async #connect(): Promise<Session> {
    const { world, log, connect, user, password, vhost = '/', name, heartbeatSeconds } = this.#options
    const { limited = false, durableQueueType = 'classic' } = this.#options
    const stream = await connect()
    stream.setNoDelay?.(true)
    const connection = await connectAmqp({ world, stream, user, password, vhost, name, heartbeatSeconds })
    connection.onBlocked = (reason) => {
      if (reason === undefined) log.info({}, 'the message broker takes messages again')
      else log.warn({ reason }, 'the message broker takes no messages for now: they wait here')
    }
    try {
      const sender = await connection.openChannel()
      await sender.confirmPublishing()
      const session: Session = {
        world,
        log,
        limited,
        durableQueueType,
        connection,
        sender,
        declared: new Map(),
        ready: new Set(),
      }
      // A channel that the broker closed takes the whole session with it: all is set up again in one way.
      sender.onClosed = () => {
        if (this.#session === session) this.#session = undefined
        void connection.close()
      }
      for (const setup of [...this.#setups]) await run(setup, session)
      this.#session = session
      for (const { resolve } of [...this.#waiting]) resolve(session)
      return session
    } catch (error) {
      await connection.close()
      throw asError(error)
    }
  }

  #notReachable(): CloudError {
    const extras = this.#failure ? { cause: this.#failure } : {}
    const why = this.#refused ? `: the broker refuses the login of ${this.#options.user}` : ''
    return new CloudError('unavailable', `The message bus is not reachable${why}`, extras)
  }

  /** With somebody waiting it counts as work, so that virtual time moves on; otherwise it is idle. */
  async #pause(ms: number): Promise<void> {
    this.#wake = new AbortController()
    this.#idle = this.#waiting.size === 0
    const { signal } = this.#wake
    await this.#options.world.timers.sleep(ms, { background: this.#idle, signal }).catch(() => {
      // Woken: that is what the signal is for.
    })
    this.#idle = false
  }
}

async function run(setup: Setup, session: Session): Promise<void> {
  if (session.ready.has(setup)) return
  session.ready.add(setup)
  await setup(session)
}

/** ACCESS_REFUSED, before there is a connection on which a channel could be refused anything. */
function isRefusedLogin(error: unknown): boolean {
  return error instanceof AmqpError && error.scope === 'connection' && error.code === 403
}

/** The connection ended, and not by what was asked on it: its broker went, or was told to go. */
export function isLoss(error: unknown): boolean {
  return !(error instanceof AmqpError) || (error.scope === 'connection' && endings.has(error.code))
}
/** CONNECTION_FORCED and INTERNAL_ERROR. */
const endings: ReadonlySet<number> = new Set([320, 541])

function closedError(): CloudError {
  return new CloudError('unavailable', 'The message bus client is closed')
}

/** A broker's refusal in our own kinds. */
export function fromBroker(thrown: unknown): Error {
  if (!(thrown instanceof AmqpError)) return asError(thrown)
  const kinds: Partial<Record<AmqpError['code'], 'forbidden' | 'notFound' | 'conflict'>> = {
    403: 'forbidden',
    404: 'notFound',
    405: 'conflict',
    406: 'conflict',
  }
  return new CloudError(
    kinds[thrown.code] ?? 'unavailable',
    `The message broker refused: ${thrown.message}`,
    { cause: thrown },
  )
}
