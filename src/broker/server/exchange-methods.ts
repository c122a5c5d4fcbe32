// exchange.*: declare, delete, and bindings between exchanges.
import { exchangeType } from '../core/exchange.ts'
import type { Handlers } from './handlers.ts'
import { allow, exchangeFor, refuseDefault, refuseReserved } from './name.ts'

export const exchangeHandlers: Handlers = {
  'exchange.declare'(channel, fields) {
    const { vhost } = channel.host
    const name = fields.exchange
    if (fields.passive) {
      if (name !== '') vhost.exchange(name)
    } else {
      refuseDefault(name)
      const type = exchangeType(fields.type)
      if (!vhost.exchanges.has(name)) refuseReserved('exchange', name)
      allow(channel, 'configure', 'exchange', name)
      const alternate = fields.arguments['alternate-exchange']
      if (typeof alternate === 'string') {
        allow(channel, 'read', 'exchange', name)
        allow(channel, 'write', 'exchange', alternate)
      }
      const { durable, autoDelete, internal } = fields
      vhost.declareExchange({ name, type, durable, autoDelete, internal, arguments: fields.arguments })
    }
    if (!fields.noWait) channel.replyWhenSafe('exchange.declare-ok', {})
  },

  'exchange.delete'(channel, fields) {
    refuseDefault(fields.exchange)
    refuseReserved('exchange', fields.exchange)
    allow(channel, 'configure', 'exchange', fields.exchange)
    channel.host.vhost.deleteExchange(fields.exchange, fields.ifUnused)
    if (!fields.noWait) channel.replyWhenSafe('exchange.delete-ok', {})
  },

  'exchange.bind'(channel, fields) {
    const destination = exchangeFor(channel, 'write', fields.destination)
    const source = exchangeFor(channel, 'read', fields.source)
    channel.host.vhost.bind(source, destination, fields.routingKey, fields.arguments)
    if (!fields.noWait) channel.replyWhenSafe('exchange.bind-ok', {})
  },

  'exchange.unbind'(channel, fields) {
    const destination = exchangeFor(channel, 'write', fields.destination)
    const source = exchangeFor(channel, 'read', fields.source)
    channel.host.vhost.unbind(source, destination, fields.routingKey, fields.arguments)
    if (!fields.noWait) channel.replyWhenSafe('exchange.unbind-ok', {})
  },
}
