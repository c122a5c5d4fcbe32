// An AMQP error: a reply code and how much of the connection it ends. The wire needs both, which CloudError can't carry.
import { type ReplyCode, replyName } from './protocol.ts'

export type ErrorScope = 'channel' | 'connection'

export class AmqpError extends Error {
  readonly code: ReplyCode
  readonly scope: ErrorScope

  constructor(scope: ErrorScope, code: ReplyCode, message: string) {
    super(message)
    this.name = 'AmqpError'
    this.scope = scope
    this.code = code
  }
}

/** The code's name goes before the text, as RabbitMQ does it. */
export function channelError(code: ReplyCode, text: string): AmqpError {
  return new AmqpError('channel', code, `${replyName[code]} - ${text}`)
}

export function connectionError(code: ReplyCode, text: string): AmqpError {
  return new AmqpError('connection', code, `${replyName[code]} - ${text}`)
}

/** The peer sent octets that are no AMQP; such a connection can't go on. */
export function syntaxError(text: string): AmqpError {
  return connectionError(502, text)
}

export function frameError(text: string): AmqpError {
  return connectionError(501, text)
}

/** What the peer closed a channel or connection with. */
export function receivedError(scope: ErrorScope, code: number, text: string): AmqpError {
  return new AmqpError(scope, code in replyName ? (code as ReplyCode) : 541, text)
}
