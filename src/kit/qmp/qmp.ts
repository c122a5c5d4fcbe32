// A client of QEMU's machine protocol: one JSON object per line over a unix socket, commands answered by id,
// events at any time. Protocol: docs/interop/qmp-spec.txt of QEMU. QEMU serves one client per socket at a time.
import { CloudError } from '../errors/cloud-error.ts'
import type { Connection, World } from '../world/world.ts'

export type QmpEvent = { name: string; data: Record<string, unknown> }

export type Qmp = {
  /** Of QEMU: '7.2.22'. */
  readonly version: string
  /** Rejects with the error's text and, as `type`, QEMU's error class; 'timeout' after 10 s unless told otherwise. */
  execute<T = unknown>(
    command: string,
    args?: Record<string, unknown>,
    options?: { timeoutMs?: number },
  ): Promise<T>
  events(listen: (event: QmpEvent) => void): () => void
  /** Resolves when the connection is over, by either side. */
  readonly closed: Promise<void>
  close(): void
}

type Answer = { resolve(value: unknown): void; reject(error: CloudError): void; cancel(): void }
type Message = {
  QMP?: { version?: { qemu?: { major: number; minor: number; micro: number } } }
  id?: number
  return?: unknown
  error?: { class: string; desc: string }
  event?: string
  data?: Record<string, unknown>
}

const defaultTimeoutMs = 10_000
/** QEMU's longest answers (all block nodes of a big guest) are far below; more is not QEMU talking. */
const longestLine = 16 * 2 ** 20

/** Connects, greets and enters command mode. */
export async function connectQmp(
  world: World,
  path: string,
  options: { timeoutMs?: number } = {},
): Promise<Qmp> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs
  const connection = await world.sockets.connect({ path }, { timeoutMs })
  const qmp = speak(world, connection)
  try {
    const version = await within(world, qmp.greeting, timeoutMs, `QEMU at ${path} did not greet`)
    await qmp.execute('qmp_capabilities', {}, { timeoutMs })
    return { ...qmp, version }
  } catch (error) {
    connection.destroy()
    throw error
  }
}

function speak(world: World, connection: Connection) {
  const waiting = new Map<number, Answer>()
  const listeners = new Set<(event: QmpEvent) => void>()
  let lastId = 0
  let over = false
  let greet: (version: string) => void = () => {}
  let refuse: (error: CloudError) => void = () => {}
  const greeting = new Promise<string>((resolve, reject) => {
    greet = resolve
    refuse = reject
  })
  greeting.catch(() => {}) // reported by whoever waits for it; nobody does after the greeting came

  function take(message: Message): void {
    if (message.QMP) {
      const { major = 0, minor = 0, micro = 0 } = message.QMP.version?.qemu ?? {}
      greet(`${major}.${minor}.${micro}`)
    } else if (message.event !== undefined) {
      for (const listen of [...listeners]) listen({ name: message.event, data: message.data ?? {} })
    } else if (message.id !== undefined) {
      const answer = waiting.get(message.id)
      if (!answer) return // it came after its deadline
      waiting.delete(message.id)
      answer.cancel()
      if (message.error)
        answer.reject(new CloudError('conflict', message.error.desc, { type: message.error.class }))
      else answer.resolve(message.return)
    }
  }

  const closed = new Promise<void>((resolve) => {
    connection.once('close', () => {
      over = true
      const lost = new CloudError('unavailable', 'The connection to QEMU ended', { type: 'QmpClosed' })
      refuse(lost)
      for (const answer of waiting.values()) {
        answer.cancel()
        answer.reject(lost)
      }
      waiting.clear()
      resolve()
    })
  })
  connection.on('end', () => connection.destroy())
  connection.on('error', () => connection.destroy()) // the 'close' that follows tells everybody
  readLines(connection, take)

  return {
    greeting,
    closed,
    execute<T>(
      command: string,
      args: Record<string, unknown> = {},
      options: { timeoutMs?: number } = {},
    ): Promise<T> {
      if (over)
        return Promise.reject(
          new CloudError('unavailable', 'The connection to QEMU ended', { type: 'QmpClosed' }),
        )
      const id = ++lastId
      return new Promise<T>((resolve, reject) => {
        const late = () => {
          waiting.delete(id)
          reject(new CloudError('timeout', `QEMU did not answer '${command}' in time`))
        }
        const cancel = world.timers.after(options.timeoutMs ?? defaultTimeoutMs, late)
        waiting.set(id, { resolve: (value) => resolve(value as T), reject, cancel })
        connection.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`)
      })
    },
    events(listen: (event: QmpEvent) => void) {
      listeners.add(listen)
      return () => void listeners.delete(listen)
    },
    close: () => void connection.destroy(),
  }
}

function readLines(connection: Connection, take: (message: Message) => void): void {
  let held: Buffer[] = []
  let size = 0
  connection.on('data', (chunk: Buffer) => {
    let rest = chunk
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = Buffer.concat([...held, rest.subarray(0, end)])
        .toString('utf8')
        .trim()
      held = []
      size = 0
      rest = rest.subarray(end + 1)
      if (line === '') continue
      const message = parse(line)
      if (!message) return void connection.destroy()
      take(message)
    }
    if (rest.length === 0) return
    held.push(rest)
    size += rest.length
    if (size > longestLine) connection.destroy()
  })
}

/** Undefined where it isn't JSON: then whatever speaks there isn't QEMU, or not sane. */
function parse(line: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

async function within<T>(world: World, work: Promise<T>, ms: number, what: string): Promise<T> {
  let cancel = () => {}
  const late = new Promise<never>((_, reject) => {
    cancel = world.timers.after(ms, () => reject(new CloudError('timeout', `${what} in ${ms} ms`)))
  })
  try {
    return await Promise.race([work, late])
  } finally {
    cancel()
  }
}
