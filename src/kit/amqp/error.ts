// An AMQP error: a reply code and how much of the connection it ends. The wire needs both, which CloudError can't carry.
import { type ReplyCode, replyName } from './protocol.ts'

export type ErrorScope = 'channel' | 'connection'

export class AmqpError extends Error {
  readonly code: ReplyCode
  readonly scope: ErrorScope

  /** `text` without the code's name, which is put before it as RabbitMQ does. */
  constructor(scope: ErrorScope, code: ReplyCode, text: string) {
    super(`${replyName[code]} - ${text}`)
    this.name = 'AmqpError'
    this.scope = scope
    this.code = code
  }
}

/** The peer sent octets that are no AMQP; such a connection can't go on. */
export function syntaxError(text: string): AmqpError {
  return new AmqpError('connection', 502, text)
}

export function frameError(text: string): AmqpError {
  return new AmqpError('connection', 501, text)
}

export function channelError(code: ReplyCode, text: string): AmqpError {
  return new AmqpError('channel', code, text)
}

export function connectionError(code: ReplyCode, text: string): AmqpError {
  return new AmqpError('connection', code, text)
}
