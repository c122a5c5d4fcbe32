// The messages of a call, a cast and a reply: what is in the headers, what in the body.
import type { Properties } from '../amqp/property.ts'
import { asError, CloudError, type ErrorKind, fullMessage, statusOf } from '../errors/cloud-error.ts'
import { formatTraceparent, parseQuietTraceparent, type Trace } from '../journal/journal.ts'

export type Request = {
  messageId: string
  /** Received: the bus user who sent it. */
  user?: string
  method: string
  /** Of the sender's contract. */
  version: string
  trace: Trace | undefined
  /** Milliseconds since the epoch; calls only. */
  deadline: number | undefined
  /** The queue that waits for the answer; calls only. */
  replyTo: string | undefined
  subject: string | undefined
  params: unknown
}

/** The broker takes it only from the user that it names. */
export function requestProperties(request: Request, user: string, nowMs: number): Properties {
  const { messageId, replyTo, deadline } = request
  return {
    contentType: 'application/json',
    messageId,
    userId: user,
    headers: {
      method: request.method,
      version: request.version,
      traceparent: request.trace && formatTraceparent(request.trace),
      deadline,
      subject: request.subject,
    },
    // A call that nobody waits for any more isn't worth the disk, nor the handler's time.
    ...(replyTo === undefined ? { deliveryMode: 2 } : { deliveryMode: 1, replyTo, correlationId: messageId }),
    ...(deadline === undefined ? {} : { expiration: String(Math.max(1, Math.ceil(deadline - nowMs))) }),
  }
}

/** Throws kind 'badRequest' where it is no request of ours. */
export function readRequest(properties: Properties, body: Buffer): Request {
  const headers = properties.headers ?? {}
  const text = (name: string) => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  const method = text('method')
  const version = text('version')
  if (properties.messageId === undefined || method === undefined || version === undefined)
    throw new CloudError('badRequest', 'A message on the bus lacks its id, method or version')
  return {
    messageId: properties.messageId,
    user: properties.userId,
    method,
    version,
    trace: parseQuietTraceparent(text('traceparent')),
    deadline: typeof headers.deadline === 'number' ? headers.deadline : undefined,
    replyTo: properties.replyTo,
    subject: text('subject'),
    params: parseJson(body),
  }
}

export function jsonBody(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value ?? null))
}

export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch (error) {
    throw new CloudError('badRequest', 'A message on the bus is no JSON', { cause: error })
  }
}

/** An error as it travels: what the far caller may see, and for its log. */
export type WireError = {
  kind: ErrorKind
  message: string
  type?: string
  detail?: string
  body?: Record<string, unknown>
}
export type Reply = { result: unknown } | { failure: WireError }

/** Errors that are bugs keep their text in `detail`, for the log alone. */
export function wireError(thrown: unknown, what: string): WireError {
  if (thrown instanceof CloudError) {
    const { kind, message, type, body } = thrown
    const detail = [thrown.detail, thrown.cause === undefined ? undefined : fullMessage(thrown.cause)]
    return {
      kind,
      message,
      type,
      detail: detail.filter((part) => part !== undefined).join(': ') || undefined,
      body,
    }
  }
  return {
    kind: 'internal',
    message: `An unexpected error occurred in ${what}`,
    detail: fullMessage(asError(thrown)),
  }
}

/** The reply's result; throws the far error as if it had been thrown here. */
export function resultOf(reply: unknown): unknown {
  if (typeof reply !== 'object' || reply === null)
    throw new CloudError('badGateway', 'A reply on the bus is malformed')
  if (!('failure' in reply)) return (reply as { result?: unknown }).result
  const { kind, message, type, detail, body } = reply.failure as WireError
  throw new CloudError(kind in statusOf ? kind : 'internal', String(message), { type, detail, body })
}
