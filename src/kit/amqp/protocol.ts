// Numbers of AMQP 0-9-1 and of RabbitMQ's extensions to it.
// https://www.rabbitmq.com/resources/specs/amqp0-9-1.extended.xml

export const frameType = { method: 1, header: 2, body: 3, heartbeat: 8 } as const

/** Ends every frame. */
export const frameEnd = 0xce

/** Type, channel and size before a frame's payload, and the end octet after it. */
export const frameOverhead = 8

/** The least frame size that both ends must accept, so all that is sent before tuning fits in it. */
export const minimumFrameMax = 4096

/** "AMQP", 0, and version 0-9-1: the first eight octets of a client. */
export const protocolHeader: Buffer = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1])

export const basicClass = 60

/** The names that reply texts begin with, by reply code. */
export const replyName = {
  200: 'REPLY_SUCCESS',
  311: 'CONTENT_TOO_LARGE',
  312: 'NO_ROUTE',
  313: 'NO_CONSUMERS',
  320: 'CONNECTION_FORCED',
  402: 'INVALID_PATH',
  403: 'ACCESS_REFUSED',
  404: 'NOT_FOUND',
  405: 'RESOURCE_LOCKED',
  406: 'PRECONDITION_FAILED',
  501: 'FRAME_ERROR',
  502: 'SYNTAX_ERROR',
  503: 'COMMAND_INVALID',
  504: 'CHANNEL_ERROR',
  505: 'UNEXPECTED_FRAME',
  506: 'RESOURCE_ERROR',
  530: 'NOT_ALLOWED',
  540: 'NOT_IMPLEMENTED',
  541: 'INTERNAL_ERROR',
} as const

export type ReplyCode = keyof typeof replyName
