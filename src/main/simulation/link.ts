// The way between a host and the controller, which can be cut and slow. What is sent over a cut way waits, as TCP sends again
// until somebody gives up, and goes on when the way is mended.
import { Duplex } from 'node:stream'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { HttpClient } from '#kit/http/client.ts'
import type { Connection, World } from '#kit/world/world.ts'

export type Slowness = { latencyMs: number; jitterMs: number }

export type Link = {
  /** The result ends it. */
  cut(): () => void
  slow(slowness: Slowness): () => void
  /** Resolves when something sent now arrives; undefined where that is at once. Rejects 'unavailable' after `patienceMs`. */
  pass(patienceMs?: number): Promise<void> | undefined
  connection(inner: Connection): Connection
  client(inner: HttpClient): HttpClient
}

/** As the HTTP client has it. */
const requestPatienceMs = 60_000
/** What a kernel's attempts to connect take before it gives up. */
const connectPatienceMs = 120_000

export function openLink({ timers, random }: Pick<World, 'timers' | 'random'>, what: string): Link {
  let cuts = 0
  const slows = new Set<Slowness>()
  const waiting = new Set<() => void>()

  const delayMs = () => {
    let ms = 0
    for (const { latencyMs, jitterMs } of slows) ms += latencyMs + random.int(0, jitterMs + 1)
    return ms
  }
  const mended = (patienceMs: number | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const go = () => {
        cancel?.()
        waiting.delete(go)
        resolve()
      }
      const cancel =
        patienceMs === undefined
          ? undefined
          : timers.after(patienceMs, () => {
              waiting.delete(go)
              reject(new CloudError('unavailable', `No answer from ${what}`, { detail: 'the link is cut' }))
            })
      waiting.add(go)
    })
  const through = async (patienceMs: number | undefined): Promise<void> => {
    if (cuts > 0) await mended(patienceMs)
    const ms = delayMs()
    if (ms > 0) await timers.sleep(ms)
    // It may have been cut anew meanwhile.
    if (cuts > 0) await through(patienceMs)
  }
  const pass = (patienceMs?: number) => (cuts === 0 && slows.size === 0 ? undefined : through(patienceMs))

  return {
    cut() {
      cuts++
      return () => {
        cuts--
        if (cuts === 0) for (const go of [...waiting]) go()
      }
    },
    slow(slowness) {
      slows.add(slowness)
      return () => void slows.delete(slowness)
    },
    pass,
    connection: (inner) => new LinkedConnection(inner, pass),
    client: (inner) => ({
      async request(request) {
        const patienceMs = request.timeoutMs ?? requestPatienceMs
        await pass(patienceMs)
        const answer = await inner.request(request)
        await pass(patienceMs)
        return answer
      },
      close: () => inner.close(),
    }),
  }
}

/** A new stream over the link: the handshake takes its time too. */
export async function connectOver(link: Link, connect: () => Promise<Connection>): Promise<Connection> {
  await link.pass(connectPatienceMs)
  return link.connection(await connect())
}

/** The octets of a stream, each part as late as the link has it, and in their order. */
class LinkedConnection extends Duplex implements Connection {
  readonly peer: string
  readonly local?: string
  readonly #inner: Connection
  readonly #coming: (deliver: () => void) => void
  readonly #going: (deliver: () => void) => void

  constructor(inner: Connection, pass: Link['pass']) {
    super({ allowHalfOpen: true })
    this.#inner = inner
    this.#coming = inOrder(pass)
    this.#going = inOrder(pass)
    this.peer = inner.peer
    if (inner.local !== undefined) this.local = inner.local
    const come = (deliver: () => void) =>
      this.#coming(() => {
        if (!this.destroyed) deliver()
      })
    inner.on('data', (chunk: Buffer) => come(() => void (this.push(chunk) || inner.pause())))
    inner.on('end', () => come(() => void this.push(null)))
    inner.on('error', (error) => come(() => void this.destroy(error)))
    inner.on('close', () => come(() => void this.destroy()))
  }

  override _read(): void {
    this.#inner.resume()
  }

  /** What is under way holds nobody up: the sender's own window is the bus's business. */
  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#going(() => void (this.#inner.destroyed || this.#inner.write(chunk)))
    done()
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#going(() => void this.#inner.end())
    done()
  }

  /** The other end learns of it when it can. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#going(() => void this.#inner.destroy())
    done(error)
  }
}

/** Each after the one before, and at once where nothing holds it up. */
function inOrder(pass: Link['pass']): (deliver: () => void) => void {
  let last: Promise<unknown> | undefined
  return (deliver) => {
    const wait = pass()
    if (wait || last) {
      const mine = Promise.all([last, wait]).then(() => {
        if (last === mine) last = undefined
        deliver()
      })
      last = mine
    } else deliver()
  }
}
