// The network of a universe: who listens where, connections, and HTTP between processes without a parser between them.
import type { Readable } from 'node:stream'
import { CloudError } from '../../errors/cloud-error.ts'
import { handshake, resolveHere } from '../memory-sockets.ts'
import type {
  Address,
  Clock,
  HttpAnswer,
  HttpNetwork,
  HttpRequest,
  ListenTls,
  Random,
  Sockets,
} from '../world.ts'
import { type Latency, openLinks } from './link.ts'
import type { Loop } from './loop.ts'
import type { Owner } from './queue.ts'
import { type Holder, openWire, type Wire, type WireWorld } from './wire.ts'

export type UniverseNetwork = {
  /** One way; of all ways between machines, or between two. Undefined is the usual one again. */
  latency(range: Latency | undefined, between?: readonly [string, string]): void
  /** Nothing goes between the two, and neither is told: what was sent waits until it heals. */
  cut(a: string, b: string): void
  isolate(machine: string): void
  /** All ways; those of one machine; the one between two. */
  heal(a?: string, b?: string): void
  /** Connections and HTTP requests under way between the two break with a reset; without names all. */
  breakConnections(a?: string, b?: string): void
  /** Another name, or an address, by which a machine is reached. */
  name(host: string, machine: string): void
  readonly connections: number
}

type Listening = {
  holder: Holder
  accept: (connection: never) => void
  clock: Clock
  tls: ListenTls | undefined
}
type Answering = { holder: Holder; answer: (request: HttpRequest) => Promise<HttpAnswer> }

export type OpenNetwork = UniverseNetwork & {
  sockets(holder: Holder, clock: Clock): Sockets
  http(holder: Holder): HttpNetwork
  /** What it held is gone. */
  drop(holder: Holder, silently: boolean): void
}

const usualConnectMs = 10_000
const usualRequestMs = 60_000

export function openNetwork(
  loop: Loop,
  random: Random,
  universe: Owner,
  isDark: (machine: string) => boolean,
): OpenNetwork {
  const links = openLinks(loop, random, universe)
  const wireWorld: WireWorld = { loop, links, random, isDark }
  const names = new Map<string, string>()
  const listening = new Map<string, Listening>()
  const answering = new Map<string, Answering>()
  const wires = new Set<Wire>()
  const requests = new Set<{ client: Holder; server: Holder; fail: () => void }>()
  let nextPort = 40_000

  const machineOf = (host: string, own: string): string =>
    host === '127.0.0.1' || host === 'localhost' || host === '0.0.0.0' || host === '::' || host === '::1'
      ? own
      : (names.get(host) ?? host)
  const placeOf = (address: Address, own: string): { machine: string; place: string } => {
    if ('path' in address) return { machine: own, place: `${own} ${address.path}` }
    const machine = machineOf(address.host, own)
    return { machine, place: `${machine} ${address.port}` }
  }
  const show = (address: Address) => ('path' in address ? address.path : `${address.host}:${address.port}`)
  const join = (near: Parameters<typeof openWire>[1], far: Parameters<typeof openWire>[2]) => {
    const joined = openWire(wireWorld, near, far)
    wires.add(joined.wire)
    let open = 2
    const gone = () => {
      if (--open === 0) wires.delete(joined.wire)
    }
    joined.near.onGone = gone
    joined.far.onGone = gone
    return joined
  }
  /** Runs at the other machine once it is reached. */
  const travel = (from: string, to: string, owner: Owner, kind: string, arrived: () => void): void => {
    loop.after(owner, links.delay(from, to), kind, () => {
      if (links.isCut(from, to)) links.onceOpen(from, to, () => travel(from, to, owner, kind, arrived))
      else arrived()
    })
  }

  const sockets = (holder: Holder, clock: Clock): Sockets => ({
    listen(address, accept, options = {}) {
      const bound = 'port' in address && address.port === 0 ? { ...address, port: nextPort++ } : address
      const { place } = placeOf('path' in bound ? bound : { ...bound, host: 'localhost' }, holder.machine)
      return new Promise((resolve, reject) => {
        loop.soon(holder, () => {
          if (listening.has(place) && 'port' in bound)
            return reject(new CloudError('unavailable', `Cannot listen on ${show(bound)}: in use`))
          const entry: Listening = { holder, accept, clock, tls: options.tls }
          listening.set(place, entry)
          resolve({
            address: bound,
            renew(tls) {
              if (!entry.tls)
                throw new CloudError('internal', `The listener on ${show(bound)} has no TLS to renew`)
              entry.tls = { ...entry.tls, cert: tls.cert, key: tls.key, ca: tls.ca }
            },
            async close() {
              if (listening.get(place) === entry) listening.delete(place)
              for (const wire of wires) if (wire.holders[1] === holder && wire.place === place) wire.reset()
            },
          })
        })
      })
    },

    connect(address, options = {}) {
      const { machine, place } = placeOf(address, holder.machine)
      const refuse = (why: string, code?: string) =>
        new CloudError('unavailable', `Cannot connect to ${show(address)}: ${why}`, {
          cause: code && Object.assign(new Error(code), { code }),
        })
      return new Promise((resolve, reject) => {
        let over = false
        const cancel = loop.after(holder, options.timeoutMs ?? usualConnectMs, 'timer', () => {
          over = true
          reject(refuse('no answer in time'))
        })
        const back = (settle: () => void) =>
          travel(machine, holder.machine, holder, 'connect', () => {
            if (over) return
            cancel()
            settle()
          })
        travel(holder.machine, machine, universe, 'connect', () => {
          if (isDark(machine)) return
          const entry = listening.get(place)
          if (!entry?.holder.alive) return back(() => reject(refuse('nobody listens', 'ECONNREFUSED')))
          const { tls } = entry
          if ((tls === undefined) !== (options.tls === undefined))
            return back(() => reject(refuse(tls ? 'it speaks TLS' : 'it speaks no TLS')))
          const ends = tls && options.tls ? handshake(address, tls, options.tls, clock.now()) : undefined
          if (typeof ends === 'string') return back(() => reject(refuse(ends)))
          const port = nextPort++
          const { near, far, wire } = join(
            { holder, local: `${holder.machine}:${port}`, tls: ends?.near },
            { holder: entry.holder, local: show(address), tls: ends?.far },
          )
          wire.place = place
          // Until its process has it, a reset is no error that the process could hear.
          const nobody = () => {}
          near.on('error', nobody)
          far.on('error', nobody)
          loop.soon(entry.holder, () => {
            far.off('error', nobody)
            if (!far.destroyed) entry.accept(far as never)
          })
          back(() => {
            near.off('error', nobody)
            if (near.destroyed) reject(refuse('read ECONNRESET', 'ECONNRESET'))
            else resolve(near)
          })
        })
      })
    },

    resolve: resolveHere,
  })

  const http = (holder: Holder): HttpNetwork => ({
    listen(address, answer) {
      const bound = address.port === 0 ? { ...address, port: nextPort++ } : address
      const { place } = placeOf({ ...bound, host: 'localhost' }, holder.machine)
      return new Promise((resolve, reject) => {
        loop.soon(holder, () => {
          if (answering.get(place)?.holder.alive)
            return reject(new CloudError('unavailable', `Cannot listen on ${show(bound)}: in use`))
          const entry: Answering = { holder, answer }
          answering.set(place, entry)
          resolve({
            address: bound,
            async close() {
              if (answering.get(place) === entry) answering.delete(place)
            },
          })
        })
      })
    },

    request(address, request, options = {}) {
      const { machine, place } = placeOf(address, holder.machine)
      return new Promise((resolve, reject) => {
        let over = false
        const finish = (settle: () => void) => {
          if (over) return
          over = true
          cancel()
          settle()
        }
        const fail = (why: string, code: string) =>
          finish(() =>
            reject(
              new CloudError('unavailable', `No answer from ${show(address)}`, {
                cause: Object.assign(new Error(why), { code }),
              }),
            ),
          )
        const cancel = loop.after(holder, options.timeoutMs ?? usualRequestMs, 'timer', () =>
          fail('no answer in time', 'ETIMEDOUT'),
        )
        const back = (arrived: () => void) =>
          travel(machine, holder.machine, holder, 'answer', () => {
            if (!over) arrived()
          })
        const trap = holder.trap?.('send')
        if (trap?.before) trap.fire()
        if (!holder.alive) return
        travel(holder.machine, machine, universe, 'request', () => {
          if (isDark(machine)) return
          const entry = answering.get(place)
          if (!entry?.holder.alive) return back(() => fail('connect ECONNREFUSED', 'ECONNREFUSED'))
          const pending = {
            client: holder,
            server: entry.holder,
            fail: () => {
              requests.delete(pending)
              back(() => fail('socket hang up', 'ECONNRESET'))
            },
          }
          requests.add(pending)
          const body = isStream(request.body) ? carry(request.body, holder, entry.holder) : request.body
          loop.soon(entry.holder, () => {
            entry.answer({ ...request, body }).then(
              (answer) => {
                const trap = entry.holder.trap?.('send')
                if (trap?.before) trap.fire()
                if (!requests.delete(pending)) return
                const stream = answer.stream && carry(answer.stream, entry.holder, holder)
                back(() => finish(() => resolve({ ...answer, stream })))
                if (trap && !trap.before) trap.fire()
              },
              () => pending.fail(),
            )
          })
        })
        if (trap && !trap.before) trap.fire()
      })
    },
  })
  /** A body from one process to another, as it is read. */
  const carry = (body: Readable, from: Holder, to: Holder): Readable => {
    const { near, far } = join({ holder: from, local: from.machine }, { holder: to, local: to.machine })
    near.isBody = true
    far.isBody = true
    body.once('error', () => near.destroy(new Error('the body broke')))
    near.on('error', (error) => body.destroy(error))
    near.resume()
    body.pipe(near)
    return far
  }

  return {
    latency: links.latency,
    cut: links.cut,
    isolate: links.isolate,
    heal: links.heal,
    breakConnections(a, b) {
      const between = (x: string, y: string) =>
        a === undefined ||
        (b === undefined ? x === a || y === a : (x === a && y === b) || (x === b && y === a))
      for (const wire of [...wires])
        if (between(wire.holders[0].machine, wire.holders[1].machine)) wire.reset()
      for (const each of [...requests]) if (between(each.client.machine, each.server.machine)) each.fail()
    },
    name: (host, machine) => void names.set(host, machine),
    get connections() {
      return wires.size
    },
    sockets,
    http,
    drop(holder, silently) {
      for (const [place, entry] of listening) if (entry.holder === holder) listening.delete(place)
      for (const [place, entry] of answering) if (entry.holder === holder) answering.delete(place)
      for (const wire of [...wires]) {
        if (!wire.holders.includes(holder)) continue
        wire.drop(holder, silently)
        wires.delete(wire)
      }
      for (const each of [...requests]) {
        if (each.server === holder) silently ? requests.delete(each) : each.fail()
        else if (each.client === holder) requests.delete(each)
      }
    },
  }
}

function isStream(body: unknown): body is Readable {
  return typeof body === 'object' && body !== null && typeof (body as Readable).pipe === 'function'
}
