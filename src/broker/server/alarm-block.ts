// A connection that publishes isn't read while memory or disk are short, and is told so where it asked to be.
import type { Outbox } from '#kit/amqp/outbox.ts'
import type { Cancel } from '#kit/world/world.ts'
import type { Alarms } from '../core/alarm.ts'
import type { Intake } from './intake.ts'

export class AlarmBlock {
  isBlocked = false
  readonly #alarms: Alarms
  readonly #intake: Intake
  readonly #outbox: Outbox
  #unlisten: Cancel | undefined

  constructor(alarms: Alarms, intake: Intake, outbox: Outbox) {
    this.#alarms = alarms
    this.#intake = intake
    this.#outbox = outbox
  }

  /** Alarms concern the connection. */
  get isWatching(): boolean {
    return this.#unlisten !== undefined
  }

  /** From its first message on. */
  watch(isTold: boolean): void {
    const changed = () => this.#block(this.#alarms.raised.size > 0, isTold)
    this.#unlisten = this.#alarms.listen(changed)
    changed()
  }

  stop(): void {
    this.#unlisten?.()
  }

  #block(isShort: boolean, isTold: boolean): void {
    if (isShort === this.isBlocked) return
    this.isBlocked = isShort
    if (isShort) {
      this.#intake.pause('alarm')
      if (isTold) this.#outbox.method(0, 'connection.blocked', { reason: this.#alarms.reason })
    } else {
      this.#intake.resume('alarm')
      if (isTold) this.#outbox.method(0, 'connection.unblocked', {})
    }
  }
}
