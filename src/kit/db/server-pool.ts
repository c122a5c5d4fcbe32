// A few connections to a database server, shared: opened when they are needed, dropped when they break, opened elsewhere
// where the server is a cluster and its first member is gone.
import { CloudError } from '../errors/cloud-error.ts'
import type { World } from '../world/world.ts'
import { type Connection, isTrouble, type Pool } from './connection.ts'
import type { Outcome, SqlValue } from './database.ts'
import { repeatedly } from './repeat.ts'
import type { ServerAddress } from './server-url.ts'
import { openTurns } from './turn.ts'

/** One connection of a driver. Whatever it rejects with is in our words (connection.ts). */
export type Line = {
  run(sql: string, values: readonly SqlValue[], rows: 'objects' | 'arrays'): Promise<Outcome>
  /** True once nothing can be asked of it any more. */
  readonly broken: boolean
  /** Says goodbye. */
  end(): Promise<void>
  /** At once: what is under way on it fails as lost. */
  destroy(): void
}

export type LinePlan = {
  world: World
  addresses: readonly ServerAddress[]
  connect(address: ServerAddress): Promise<Line>
  /** Begins a transaction that is serializable. */
  begin: string
  most: number
}

/**
 * A server that says nothing for so long is gone with its machine: TCP alone would wait for a quarter of an hour. Far
 * longer than any statement of ours takes.
 */
const statementMs = 60_000

/** May be done twice where nobody knows whether it was done. */
const onlyReads = /^\s*select\b/i

export function openServerPool({ world, addresses, connect, begin, most }: LinePlan): Pool {
  const idle: Line[] = []
  const waiting: { take(line: Line): void; fail(error: unknown): void }[] = []
  const lines = new Set<Line>()
  let opening = 0
  let closed = false
  /** The address that answered last. */
  let preferred = 0

  const open = async (): Promise<Line> => {
    let failure: unknown
    for (let tries = 0; tries < addresses.length; tries++) {
      const index = (preferred + tries) % addresses.length
      try {
        const line = await world.activity.outside(connect(addresses[index]!))
        preferred = index
        lines.add(line)
        return line
      } catch (error) {
        failure = error
        if (!isTrouble(error, 'lost')) throw error
      }
    }
    throw failure
  }
  /** For the longest waiting, where there may be one more. */
  const openForWaiting = () => {
    if (waiting.length === 0 || lines.size + opening >= most) return
    opening++
    open().then(
      (line) => {
        opening--
        give(line)
      },
      (error) => {
        opening--
        // Who waits would wait in vain, and asks again if he likes.
        waiting.shift()?.fail(error)
        openForWaiting()
      },
    )
  }
  const take = async (): Promise<Line> => {
    if (closed) throw new CloudError('unavailable', 'The database is closed.', { type: 'db.closed' })
    for (let line = idle.pop(); line; line = idle.pop()) {
      if (!line.broken) return line
      lines.delete(line)
    }
    return new Promise((take, fail) => {
      waiting.push({ take, fail })
      openForWaiting()
    })
  }
  const give = (line: Line) => {
    if (line.broken) {
      lines.delete(line)
      openForWaiting()
      return
    }
    const next = waiting.shift()
    if (next) next.take(line)
    else if (closed) void drop(line)
    else idle.push(line)
  }
  const drop = async (line: Line) => {
    lines.delete(line)
    // It is going anyway.
    await line.end().catch(() => line.destroy())
  }
  const runOn = async (
    line: Line,
    sql: string,
    values: readonly SqlValue[],
    rows: 'objects' | 'arrays' = 'objects',
    limited = true,
  ): Promise<Outcome> => {
    const cancel = limited
      ? world.timers.after(statementMs, () => line.destroy(), { background: true })
      : undefined
    try {
      return await world.activity.outside(line.run(sql, values, rows))
    } catch (error) {
      // Also where the connection stands: its server follows another now, or has lost its cluster.
      if (isTrouble(error, 'lost')) line.destroy()
      throw error
    } finally {
      cancel?.()
    }
  }

  const held = new WeakMap<Connection, Line>()
  return {
    async execute(sql, values, rows) {
      const once = async () => {
        const line = await take()
        try {
          return await runOn(line, sql, values, rows)
        } finally {
          give(line)
        }
      }
      return repeatedly(world, world.activity.pauseOutside, once, () => onlyReads.test(sql))
    },
    async acquire({ patient = false } = {}) {
      const line = await take()
      const plain = async (sql: string) => void (await runOn(line, sql, [], 'objects', !patient))
      const connection: Connection = {
        execute: (sql, values, rows) => runOn(line, sql, values, rows, !patient),
        begin: () => plain(begin),
        commit: () => plain('commit'),
        rollback: () => plain('rollback'),
      }
      held.set(connection, line)
      return connection
    },
    release(connection, broken) {
      const line = held.get(connection)!
      if (broken) line.destroy()
      give(line)
    },
    turns: openTurns(),
    pause: world.activity.pauseOutside,
    async close() {
      closed = true
      await Promise.all(idle.splice(0).map(drop))
    },
  }
}
