// Properties of messages: between AMQP's and JSON, as RabbitMQ's management API shows them.
import type { Properties } from '#kit/amqp/property.ts'
import { badRequest } from '../admin/refusal.ts'
import { tableJson, tableOf } from '../admin/table-json.ts'
import { isObject, type JsonObject } from '../core/json.ts'

const names = {
  content_type: 'contentType',
  content_encoding: 'contentEncoding',
  correlation_id: 'correlationId',
  reply_to: 'replyTo',
  expiration: 'expiration',
  message_id: 'messageId',
  type: 'type',
  user_id: 'userId',
  app_id: 'appId',
  cluster_id: 'clusterId',
} as const
const numbers = {
  delivery_mode: ['deliveryMode', 255],
  priority: ['priority', 255],
  timestamp: ['timestamp', Number.MAX_SAFE_INTEGER],
} as const

export function propertiesJson(properties: Properties): JsonObject {
  const shown: JsonObject = {}
  for (const [wire, own] of Object.entries(names)) {
    const value = properties[own]
    if (value !== undefined) shown[wire] = value
  }
  for (const [wire, [own]] of Object.entries(numbers)) {
    const value = properties[own]
    if (value !== undefined) shown[wire] = Number(value)
  }
  if (properties.headers) shown.headers = tableJson(properties.headers)
  return shown
}

/** Unknown members are left out, as RabbitMQ does. */
export function propertiesOf(object: JsonObject): Properties {
  const properties: Properties = {}
  for (const [wire, own] of Object.entries(names)) {
    const value = object[wire]
    if (value === undefined || value === null) continue
    if (typeof value !== 'string') throw badRequest(`property ${wire} should be a string`)
    if (Buffer.byteLength(value) > 255) throw badRequest(`property ${wire} is longer than 255 bytes`)
    properties[own] = value
  }
  for (const [wire, [own, most]] of Object.entries(numbers)) {
    const value = object[wire]
    if (value === undefined || value === null) continue
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most)
      throw badRequest(`property ${wire} should be a whole number from 0 to ${most}`)
    properties[own] = value
  }
  const { headers } = object
  if (isObject(headers)) properties.headers = tableOf(headers)
  else if (headers !== undefined && headers !== null && !(Array.isArray(headers) && headers.length === 0))
    throw badRequest('property headers should be an object')
  return properties
}
