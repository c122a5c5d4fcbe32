// A client of an OVSDB server: transactions, and one monitor that keeps a copy of chosen tables up to date.
// It stays connected for as long as the server lives; who opened it opens another when `closed` resolves.
import { asError, CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import { jsonSplitter } from './framing.ts'
import type { Row } from './value.ts'

export type Operation = { op: string; [field: string]: unknown }
export type OperationResult = { count?: number; uuid?: ['uuid', string]; rows?: Row[] }

/** By table, then by the row's uuid; `new` is absent where the row went, `old` holds only what changed. */
export type TableUpdates = Record<string, Record<string, { old?: Row; new?: Row }>>

export type OvsdbClient = {
  /** All of it or nothing. Kind 'unavailable' where the connection is lost, 'internal' where the server refuses. */
  transact(database: string, operations: readonly Operation[]): Promise<OperationResult[]>
  /** Resolves with the rows as they are; `update` then tells each change, in order. */
  monitor(
    database: string,
    tables: Record<string, readonly string[]>,
    update: (updates: TableUpdates) => void,
  ): Promise<TableUpdates>
  /** With the reason, once. */
  readonly closed: Promise<Error>
  close(): void
}

type Reply = { id: unknown; method?: string; params?: unknown[]; result?: unknown; error?: unknown }
type Waiting = { resolve: (result: unknown) => void; reject: (error: Error) => void; cancel: () => void }

const answerTimeoutMs = 20_000

export async function connectOvsdb(world: World, path: string): Promise<OvsdbClient> {
  const connection = await world.sockets.connect({ path })
  const waiting = new Map<number, Waiting>()
  let nextId = 1
  let ended: Error | undefined
  let onUpdate: ((updates: TableUpdates) => void) | undefined
  let tellClosed: (reason: Error) => void
  const closed = new Promise<Error>((resolve) => {
    tellClosed = resolve
  })

  const end = (reason: Error) => {
    if (ended) return
    ended = reason
    for (const one of waiting.values()) {
      one.cancel()
      one.reject(new CloudError('unavailable', 'The connection to Open vSwitch was lost', { cause: reason }))
    }
    waiting.clear()
    connection.destroy()
    tellClosed(reason)
  }

  const take = (message: unknown) => {
    const reply = message as Reply
    if (reply.method === 'echo') {
      connection.write(JSON.stringify({ id: reply.id, result: reply.params, error: null }))
    } else if (reply.method === 'update') {
      onUpdate?.(reply.params?.[1] as TableUpdates)
    } else if (typeof reply.id === 'number') {
      const asked = waiting.get(reply.id)
      if (!asked) return
      waiting.delete(reply.id)
      asked.cancel()
      if (reply.error === null || reply.error === undefined) asked.resolve(reply.result)
      else asked.reject(refusal(reply.error))
    }
  }
  const split = jsonSplitter(take)
  connection.on('data', (chunk: Buffer) => {
    try {
      split(chunk)
    } catch (error) {
      end(asError(error))
    }
  })
  connection.once('error', (error: Error) => end(error))
  connection.once('end', () => end(new Error('the server ended the connection')))
  connection.once('close', () => end(new Error('the server closed the connection')))

  const ask = (method: string, params: unknown[]) =>
    new Promise<unknown>((resolve, reject) => {
      if (ended)
        return reject(
          new CloudError('unavailable', 'The connection to Open vSwitch was lost', { cause: ended }),
        )
      const id = nextId++
      const cancel = world.timers.after(
        answerTimeoutMs,
        () => {
          waiting.delete(id)
          reject(new CloudError('timeout', `Open vSwitch's database did not answer '${method}' in time`))
        },
        { background: true },
      )
      waiting.set(id, { resolve, reject, cancel })
      connection.write(JSON.stringify({ method, params, id }))
    })

  return {
    async transact(database, operations) {
      const results = (await ask('transact', [database, ...operations])) as ({
        error?: string
        details?: string
      } & OperationResult)[]
      const failed = results.find((result) => result?.error)
      if (failed) throw refusal(failed)
      return results
    },
    async monitor(database, tables, update) {
      onUpdate = update
      const requests = Object.fromEntries(
        Object.entries(tables).map(([table, columns]) => [table, { columns }]),
      )
      return (await ask('monitor', [database, 'watch', requests])) as TableUpdates
    },
    closed,
    close: () => end(new Error('closed by us')),
  }
}

function refusal(error: unknown): CloudError {
  const { error: name, details } = error as { error?: string; details?: string }
  return new CloudError('internal', "Open vSwitch's database refused a change", {
    detail: [name, details].filter(Boolean).join(': ') || JSON.stringify(error),
  })
}
