// exchange.*: declare, delete, and bindings between exchanges.
import { channelError } from '#kit/amqp/error.ts'
import type { MethodFields } from '#kit/amqp/methods.ts'
import { exchangeType } from '../core/exchange.ts'
import type { Channel } from './channel.ts'
import type { Handlers } from './handlers.ts'
import { allow, bindingEnds, cleaned, refuseDefault, refuseReserved } from './name.ts'

export const exchangeHandlers: Handlers = {
  'exchange.declare'(channel, fields) {
    const name = cleaned(fields.exchange)
    if (fields.passive) {
      refuseDefault(name)
      channel.host.vhost.exchange(name)
    } else declare(channel, name, fields)
    if (!fields.noWait) channel.replyWhenSafe('exchange.declare-ok', {})
  },

  'exchange.delete'(channel, fields) {
    const name = cleaned(fields.exchange)
    const { vhost } = channel.host
    refuseDefault(name)
    if (name.startsWith('amq.'))
      throw channelError(403, `deletion of system ${vhost.where('exchange', name)} not allowed`)
    allow(channel, 'configure', 'exchange', name)
    vhost.deleteExchange(name, fields.ifUnused)
    if (!fields.noWait) channel.replyWhenSafe('exchange.delete-ok', {})
  },

  'exchange.bind'(channel, fields) {
    const { source, destination } = bindingEnds(channel, 'exchange', fields, false)!
    channel.host.vhost.bind(source, destination, fields.routingKey, fields.arguments)
    if (!fields.noWait) channel.replyWhenSafe('exchange.bind-ok', {})
  },

  'exchange.unbind'(channel, fields) {
    const ends = bindingEnds(channel, 'exchange', fields, true)
    if (ends) channel.host.vhost.unbind(ends.source, ends.destination, fields.routingKey, fields.arguments)
    if (!fields.noWait) channel.replyWhenSafe('exchange.unbind-ok', {})
  },
}

function declare(channel: Channel, name: string, fields: MethodFields<'exchange.declare'>): void {
  const { vhost } = channel.host
  const type = exchangeType(fields.type)
  refuseDefault(name)
  allow(channel, 'configure', 'exchange', name)
  if (!vhost.exchanges.has(name)) {
    refuseReserved('exchange', name)
    const alternate = fields.arguments['alternate-exchange']
    if (typeof alternate === 'string') {
      allow(channel, 'read', 'exchange', name)
      allow(channel, 'write', 'exchange', alternate)
    }
  }
  const { durable, autoDelete, internal } = fields
  vhost.declareExchange({ name, type, durable, autoDelete, internal, arguments: fields.arguments })
}
