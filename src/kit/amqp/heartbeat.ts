// Heartbeats of one end of a connection: sends one when it was silent, and notices a peer that is.
import type { Cancel, World } from '#kit/world/world.ts'
import type { Outbox } from './outbox.ts'

/**
 * Some clients give up after one silent interval. Looking three times in each, something goes out at least every two
 * thirds of it, whenever the last octets went.
 */
const ticksPerInterval = 3
/** Two intervals without a sign of the peer, as the specification has it. */
const deadAfterTicks = 2 * ticksPerInterval

export type Heartbeat = {
  /** Something arrived. */
  heard(): void
  /** While we don't read, silence says nothing of the peer. */
  listen(on: boolean): void
  stop(): void
}

export function startHeartbeat(world: World, outbox: Outbox, seconds: number, dead: () => void): Heartbeat {
  let silentTicks = 0
  let cancel: Cancel = () => {}
  let stopped = false
  let listening = true
  const arm = () => {
    if (!stopped) cancel = world.timers.after((seconds * 1000) / ticksPerInterval, tick, { background: true })
  }
  const tick = () => {
    if (listening && ++silentTicks > deadAfterTicks) {
      dead()
      return
    }
    if (!outbox.active) outbox.heartbeat()
    outbox.active = false
    // Armed again only after a turn of the event loop, so that after a stall, or a jump of virtual time, what has
    // arrived meanwhile is read before it counts as missing.
    setImmediate(arm)
  }
  if (seconds > 0) arm()
  return {
    heard() {
      silentTicks = 0
    },
    listen(on) {
      listening = on
      silentTicks = 0
    },
    stop() {
      stopped = true
      cancel()
    },
  }
}
