// What a queue is for all its life, by its arguments: how many priorities, who may consume, what kind it is.
import { channelError } from '#kit/amqp/error.ts'
import type { QueueSpec } from './queue.ts'

export type QueueShape = {
  /** 0 is none. */
  maxPriority: number
  singleActiveConsumer: boolean
  quorum: boolean
}

/** `where` names the queue in errors. */
export function queueShape({ arguments: table }: QueueSpec, where: string): QueueShape {
  const invalid = (name: string) =>
    channelError(406, `invalid arg '${name}' for ${where}: ${JSON.stringify(table[name])}`)
  const maxPriority = table['x-max-priority'] ?? 0
  if (
    typeof maxPriority !== 'number' ||
    !Number.isInteger(maxPriority) ||
    maxPriority < 0 ||
    maxPriority > 255
  )
    throw invalid('x-max-priority')
  const singleActiveConsumer = table['x-single-active-consumer'] ?? false
  if (typeof singleActiveConsumer !== 'boolean') throw invalid('x-single-active-consumer')
  const quorum = table['x-queue-type'] === 'quorum'
  return { maxPriority, singleActiveConsumer, quorum }
}
