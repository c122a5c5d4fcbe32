// What a queue, an exchange or a channel counts of its messages, under the names of RabbitMQ's message_stats.

export class MessageCounts {
  publish = 0
  confirm = 0
  /** Mandatory, and no queue took it. */
  returnUnroutable = 0
  dropUnroutable = 0
  deliver = 0
  deliverNoAck = 0
  get = 0
  getNoAck = 0
  getEmpty = 0
  redeliver = 0
  ack = 0
  /** Of an exchange: what came in, and what it passed on. */
  publishIn = 0
  publishOut = 0

  /** Takes over what a thing that ends has counted. */
  add(other: MessageCounts): void {
    for (const name of countNames) this[name] += other[name]
  }
}

export type CountName = Exclude<keyof MessageCounts, 'add'>

export const countNames: readonly CountName[] = [
  'publish',
  'confirm',
  'returnUnroutable',
  'dropUnroutable',
  'deliver',
  'deliverNoAck',
  'get',
  'getNoAck',
  'getEmpty',
  'redeliver',
  'ack',
  'publishIn',
  'publishOut',
]
