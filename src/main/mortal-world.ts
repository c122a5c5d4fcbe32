// A world whose owner can be killed while the process lives on: as with SIGKILL, its timers never fire, what it awaits never
// answers, its sockets are reset, and nothing of it is tidied up. What it had written stays written.
import type { HttpClient } from '#kit/http/client.ts'
import type { Log } from '#kit/log/log.ts'
import type { Cancel, Connection, Files, Listener, Sockets, Timers, World } from '#kit/world/world.ts'

export type MortalWorld = {
  readonly world: World
  readonly alive: boolean
  /** The same for requests: one that is on its way may have its effect, but is answered to nobody. */
  client(http: HttpClient): HttpClient
  /** A connection that was made past `world`: it is reset too. */
  own(connection: Connection): Connection
  log(log: Log): Log
  kill(): void
}

/** Never settles: whoever awaited it is dead. */
const nothing = <T>(): Promise<T> => new Promise(() => {})

export function mortalWorld(inner: World): MortalWorld {
  let alive = true
  const held = new Set<() => void>()
  const holding = (release: () => void): Cancel => {
    held.add(release)
    return () => void held.delete(release)
  }
  /** A dead one's questions aren't asked any more, and answers that come are told to nobody. */
  const mortal = async <T>(ask: () => Promise<T>): Promise<T> => {
    if (!alive) return nothing()
    try {
      const answer = await ask()
      return alive ? answer : await nothing()
    } catch (error) {
      if (alive) throw error
      return nothing()
    }
  }
  const timers: Timers = {
    after(ms, fire, options) {
      if (!alive) return () => {}
      const letGo = holding(() => cancel())
      const cancel = inner.timers.after(
        ms,
        () => {
          letGo()
          fire()
        },
        options,
      )
      return () => {
        letGo()
        cancel()
      }
    },
    sleep: (ms, options) => mortal(() => inner.timers.sleep(ms, options)),
  }
  const own = (connection: Connection): Connection => {
    const letGo = holding(() => connection.destroy())
    connection.once('close', letGo)
    return connection
  }
  const listening = (listener: Listener): Listener => {
    const letGo = holding(() => void listener.close())
    return {
      address: listener.address,
      renew: (tls) => listener.renew(tls),
      close() {
        letGo()
        return listener.close()
      },
    }
  }
  const sockets: Sockets = {
    listen: (address, accept, options) =>
      mortal(async () =>
        listening(
          await inner.sockets.listen(
            address,
            (connection) => (alive ? accept(own(connection)) : void connection.destroy()),
            options,
          ),
        ),
      ),
    connect: (address, options) => mortal(async () => own(await inner.sockets.connect(address, options))),
    resolve: (name) => mortal(() => inner.sockets.resolve(name)),
  }
  return {
    world: { ...inner, timers, sockets, files: mortalFiles(inner.files, mortal) },
    get alive() {
      return alive
    },
    client: (http) => ({
      request: (request) => mortal(() => http.request(request)),
      close: () => http.close(),
    }),
    own,
    log(log) {
      const mortalLog = (inner: Log): Log => ({
        debug: (fields, message) => alive && inner.debug(fields, message),
        info: (fields, message) => alive && inner.info(fields, message),
        warn: (fields, message) => alive && inner.warn(fields, message),
        error: (fields, message) => alive && inner.error(fields, message),
        with: (fields) => mortalLog(inner.with(fields)),
      })
      return mortalLog(log)
    },
    kill() {
      alive = false
      for (const release of held) release()
      held.clear()
    },
  }
}

function mortalFiles(files: Files, mortal: <T>(ask: () => Promise<T>) => Promise<T>): Files {
  const { readSync, copyTreeSync, readStream, writeStream, ...asked } = files
  const wrapped = Object.entries(asked).map(([name, ask]) => {
    const call = ask as (...args: unknown[]) => Promise<unknown>
    return [name, (...args: unknown[]) => mortal(() => call(...args))] as const
  })
  // Open streams and files may write what they have begun: the kernel, too, finishes a write that it was given.
  return { ...(Object.fromEntries(wrapped) as typeof asked), readSync, copyTreeSync, readStream, writeStream }
}
