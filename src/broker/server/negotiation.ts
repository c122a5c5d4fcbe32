// Which frame size, number of channels and heartbeat both ends keep to.
import { connectionError } from '#kit/amqp/error.ts'
import type { MethodFields } from '#kit/amqp/methods.ts'
import { minimumFrameMax } from '#kit/amqp/protocol.ts'

/** What is offered to every client; 0 in its answer takes ours. */
export const offer = { channelMax: 2047, frameMax: 131072 }

export type Tuned = { channelMax: number; frameMax: number; heartbeatSeconds: number }

/** Throws 530 in RabbitMQ's words. */
export function negotiate(answer: MethodFields<'connection.tune-ok'>): Tuned {
  const refuse = (name: string, value: number, than: string, bound: number) =>
    connectionError(530, `negotiated ${name} = ${value} is ${than} allowed value (${bound})`)
  const { channelMax, frameMax, heartbeat } = answer
  if (frameMax !== 0 && frameMax < minimumFrameMax)
    throw refuse('frame_max', frameMax, 'lower than the minimum', minimumFrameMax)
  if (frameMax > offer.frameMax)
    throw refuse('frame_max', frameMax, 'higher than the maximum', offer.frameMax)
  if (channelMax > offer.channelMax)
    throw refuse('channel_max', channelMax, 'higher than the maximum', offer.channelMax)
  return {
    channelMax: channelMax || offer.channelMax,
    frameMax: frameMax || offer.frameMax,
    heartbeatSeconds: heartbeat,
  }
}
