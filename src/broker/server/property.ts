// What the broker says of itself to each client.
import type { Table } from '#kit/amqp/table.ts'

/**
 * Clients go by product and version: kombu and oslo.messaging take basic.qos to mean what RabbitMQ means by it only
 * of a 'RabbitMQ', and amqplib's own tests ask for the name. It behaves as this version; platform says what it is.
 */
export const compatible = { product: 'RabbitMQ', version: '4.0.5' } as const

export const platform = `Nimbo 0.1.0 on Node.js ${process.versions.node}`

export function serverProperties(clusterName: string): Table {
  return {
    ...compatible,
    platform,
    copyright: 'The Nimbo authors',
    information: 'Licensed under Apache 2.0',
    cluster_name: clusterName,
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
}
