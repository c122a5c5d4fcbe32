// A client that takes messages and never answers for them holds them back from everybody: its channel is closed.
// https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout
import { type AmqpError, channelError } from '#kit/amqp/error.ts'
import type { Cancel, World } from '#kit/world/world.ts'
import type { Channel } from './channel.ts'

/** As often as RabbitMQ looks. */
const lookEveryMs = 60_000

/** Looks as long as the channel has deliveries without an answer. Nothing is noted per delivery: only how far the tags were. */
export function watchDeliveries(
  world: World,
  channel: Channel,
  timeoutMs: number,
  expired: (error: AmqpError) => void,
): Cancel {
  /** Deliveries up to `tag` had been made at `at`. */
  let marks: { at: number; tag: number }[] = []
  let cancel: Cancel = () => {}
  const look = () => {
    const [oldest] = channel.unacked.keys()
    if (oldest === undefined) {
      channel.watch = undefined
      return
    }
    const now = world.clock.monotonic()
    marks = marks.filter(({ tag }) => tag >= oldest)
    if (marks.length > 0 && now - marks[0]!.at >= timeoutMs) {
      expired(
        channelError(
          406,
          `delivery acknowledgement on channel ${channel.number} timed out. Timeout value used: ${timeoutMs} ms. ` +
            'This timeout value can be configured, see consumers doc guide to learn more',
        ),
      )
      return
    }
    if (marks.at(-1)?.tag !== channel.lastDeliveryTag) marks.push({ at: now, tag: channel.lastDeliveryTag })
    arm()
  }
  const arm = () => {
    cancel = world.timers.after(Math.min(lookEveryMs, timeoutMs), look, { background: true })
  }
  arm()
  return () => cancel()
}
