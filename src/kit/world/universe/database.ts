// One SQLite database on a machine's disk: real SQLite, in memory, with real locks between its connections; and what a
// power cut would leave of it. That is its last checkpoint and the commits since, of which WAL without a flush for each
// (synchronous = NORMAL) may lose the newest.
import { DatabaseSync } from 'node:sqlite'
import type { Random } from '../world.ts'

type Value = string | number | bigint | null | Uint8Array
export type Written = { readonly sql: string; readonly values: readonly Value[] }
type Commit = { readonly at: number; readonly flushed: boolean; readonly written: readonly Written[] }

/** At least so many commits lie between two checkpoints, and more in a large database, whose checkpoint costs more. */
const checkpointCommits = 300
const checkpointBytesEach = 20_000
/** The kernel writes out what is older than this by itself: Linux's dirty_expire_centisecs. */
const expireMs = 30_000

export class StoredDatabase {
  /** Its name among the process's databases in memory. */
  #name: string
  readonly #nextName: () => string
  #anchor: DatabaseSync
  #checkpoint: Uint8Array | undefined
  #commits: Commit[] = []
  /** So many of them were flushed after they were made. */
  #flushed = 0
  /** How many faults keep it locked. */
  locked = 0

  constructor(nextName: () => string) {
    this.#nextName = nextName
    this.#name = nextName()
    this.#anchor = new DatabaseSync(urlOf(this.#name), { timeout: 0 })
  }

  connect(foreignKeys: boolean): DatabaseSync {
    return new DatabaseSync(urlOf(this.#name), { timeout: 0, enableForeignKeyConstraints: foreignKeys })
  }

  query(sql: string, values: readonly Value[]): Record<string, unknown>[] {
    return this.#anchor.prepare(sql).all(...values)
  }

  committed(at: number, flushed: boolean, written: readonly Written[]): void {
    this.#commits.push({ at, flushed, written })
    const bytes = this.#checkpoint?.length ?? 0
    if (this.#commits.length < Math.max(checkpointCommits, bytes / checkpointBytesEach)) return
    this.#checkpoint = this.#anchor.serialize()
    this.#commits = []
    this.#flushed = 0
  }

  flush(): void {
    this.#flushed = this.#commits.length
  }

  /** All its connections are closed. */
  losePower(now: number, random: Random): void {
    const commits = this.#commits
    let kept = commits.length
    while (kept > this.#flushed && !commits[kept - 1]!.flushed && commits[kept - 1]!.at > now - expireMs)
      kept--
    kept += random.int(0, commits.length - kept + 1)
    if (kept === commits.length) return
    this.#commits = commits.slice(0, kept)
    this.#flushed = kept
    this.#anchor.close()
    this.#name = this.#nextName()
    const anchor = new DatabaseSync(urlOf(this.#name), { timeout: 0 })
    this.#anchor = anchor
    if (this.#checkpoint) {
      const before = new DatabaseSync(urlOf(this.#nextName()))
      before.deserialize(this.#checkpoint)
      before.exec(`vacuum into '${urlOf(this.#name).href}'`)
      before.close()
    }
    for (const { written } of this.#commits) replay(anchor, written)
  }

  close(): void {
    this.#anchor.close()
  }
}

/** One statement may be a script with transactions and pragmas of its own. */
function replay(database: DatabaseSync, written: readonly Written[]): void {
  if (written.length > 1) database.exec('begin')
  for (const { sql, values } of written) {
    if (values.length === 0) database.exec(sql)
    else database.prepare(sql).run(...values)
  }
  if (written.length > 1) database.exec('commit')
}

function urlOf(name: string): URL {
  return new URL(`file:///${name}?vfs=memdb`)
}
