// What the broker says of itself to each client.
import type { Table } from '#kit/amqp/table.ts'

export const serverProperties: Table = {
  product: 'Nimbo',
  version: '0.1.0',
  platform: `Node.js ${process.versions.node}`,
  copyright: 'The Nimbo authors',
  information: 'Apache License 2.0',
  capabilities: {
    publisher_confirms: true,
    exchange_exchange_bindings: true,
    'basic.nack': true,
    consumer_cancel_notify: true,
    'connection.blocked': true,
    consumer_priorities: true,
    authentication_failure_close: true,
    per_consumer_qos: true,
    direct_reply_to: true,
  },
}
