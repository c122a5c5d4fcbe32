// Memory and disk alarms: while one is up, publishers aren't read, so that consumers can make room.
// https://www.rabbitmq.com/docs/alarms
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { Cancel, World } from '#kit/world/world.ts'

export type Resource = 'memory' | 'disk'

/** A share of what the machine or the container has (0 to 1), or octets. Zero raises the alarm at once. */
export type Watermark = { relative: number } | { absolute: number }

export type AlarmOptions = {
  /** The default is 40 per cent, as in RabbitMQ. */
  memory?: Watermark
  /** Where the broker's files are; without it there is no disk to watch. */
  folder?: string
  /** Free octets below which the alarm is raised; the default is 50 MB. */
  diskFreeLimit?: number
}

const lookEveryMs = 2_500
const defaultDiskFree = 50_000_000

export class Alarms {
  /** The process's resident octets when they were last looked at. */
  memoryUsed = 0
  /** Undefined until it was looked at, or where there is no folder. */
  diskFree: number | undefined
  diskFreeLimit: number
  readonly #world: World
  readonly #log: Log
  readonly #folder: string | undefined
  readonly #raised = new Set<Resource>()
  readonly #listeners = new Set<() => void>()
  #watermark: Watermark
  #storeTrouble = false
  #cancel: Cancel = () => {}
  #stopped = false

  constructor(world: World, log: Log, options: AlarmOptions = {}) {
    this.#world = world
    this.#log = log
    this.#folder = options.folder
    this.#watermark = options.memory ?? { relative: 0.4 }
    this.diskFreeLimit = options.diskFreeLimit ?? defaultDiskFree
  }

  get raised(): ReadonlySet<Resource> {
    return this.#raised
  }

  /** In connection.blocked, in RabbitMQ's words. */
  get reason(): string {
    return `low on ${[...this.#raised].sort().reverse().join(' & ')}`
  }

  get watermark(): Watermark {
    return this.#watermark
  }

  /** Octets of memory above which the alarm is raised. */
  get memoryLimit(): number {
    const mark = this.#watermark
    return 'absolute' in mark
      ? mark.absolute
      : Math.floor(mark.relative * this.#world.processes.ownMemory().limitBytes)
  }

  /** In force at once. */
  async setWatermark(watermark: Watermark): Promise<void> {
    this.#watermark = watermark
    await this.look()
  }

  async setDiskFreeLimit(octets: number): Promise<void> {
    this.diskFreeLimit = octets
    await this.look()
  }

  /** The store can't write, whatever the disk says of its room. */
  storeTrouble(isThere: boolean): void {
    this.#storeTrouble = isThere
    this.#judge()
  }

  /** Calls `changed` after each alarm that comes or goes. */
  listen(changed: () => void): Cancel {
    this.#listeners.add(changed)
    return () => void this.#listeners.delete(changed)
  }

  start(): void {
    const again = () => {
      if (this.#stopped) return
      this.#cancel = this.#world.timers.after(lookEveryMs, tick, { background: true })
    }
    // Errors are reported where they happen, in `look`.
    const tick = () => void this.look().then(again)
    tick()
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  /** Measures, and raises or clears. */
  async look(): Promise<void> {
    this.memoryUsed = this.#world.processes.ownMemory().residentBytes
    if (this.#folder !== undefined) {
      try {
        this.diskFree = (await this.#world.files.space(this.#folder)).freeBytes
      } catch (error) {
        this.#log.warn({ error: fullMessage(error) }, 'the free space of the broker disk is unknown')
      }
    }
    if (!this.#stopped) this.#judge()
  }

  #judge(): void {
    const isLow = {
      memory: this.memoryUsed > this.memoryLimit,
      disk: this.#storeTrouble || (this.diskFree ?? Number.POSITIVE_INFINITY) < this.diskFreeLimit,
    }
    let isChanged = false
    for (const resource of ['memory', 'disk'] as const) {
      if (isLow[resource] === this.#raised.has(resource)) continue
      isChanged = true
      if (isLow[resource]) this.#raised.add(resource)
      else this.#raised.delete(resource)
      this.#log.warn(
        { resource, memoryUsed: this.memoryUsed, memoryLimit: this.memoryLimit, diskFree: this.diskFree },
        isLow[resource]
          ? 'the broker is short of it: publishers wait'
          : 'there is enough again: publishers go on',
      )
    }
    if (isChanged) for (const changed of [...this.#listeners]) changed()
  }
}
