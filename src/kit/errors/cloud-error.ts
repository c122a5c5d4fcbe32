// The one error class. `message` is for the caller and complete; `detail` is for the log alone.
// kit/http turns it into a status and a body in the words of each service's wire format. Neither holds a secret, whatever
// it is made of.
import { withoutSecrets } from '../redact/text.ts'

/** HTTP status of each kind of error that a caller may see. */
export const statusOf = {
  badRequest: 400,
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  methodNotAllowed: 405,
  notAcceptable: 406,
  timeout: 408,
  conflict: 409,
  gone: 410,
  lengthRequired: 411,
  preconditionFailed: 412,
  tooLarge: 413,
  unsupportedMedia: 415,
  rangeNotSatisfiable: 416,
  unprocessable: 422,
  tooManyRequests: 429,
  internal: 500,
  notImplemented: 501,
  badGateway: 502,
  unavailable: 503,
} as const

export type ErrorKind = keyof typeof statusOf

export type ErrorExtras = {
  cause?: unknown
  /** For the log, never for the caller. */
  detail?: string
  /** The service's own name for it, where clients match on one: 'PortNotFound', 'placement.concurrent_update'. */
  type?: string
  /** More response headers. */
  headers?: Record<string, string>
  /** More members of the error body, where the wire format has them. */
  body?: Record<string, unknown>
}

export class CloudError extends Error {
  readonly kind: ErrorKind
  readonly detail: string | undefined
  readonly type: string | undefined
  readonly headers: Record<string, string>
  readonly body: Record<string, unknown>

  constructor(kind: ErrorKind, message: string, extras: ErrorExtras = {}) {
    super(withoutSecrets(message), extras.cause === undefined ? undefined : { cause: extras.cause })
    this.name = 'CloudError'
    this.kind = kind
    this.detail = extras.detail === undefined ? undefined : withoutSecrets(extras.detail)
    this.type = extras.type
    this.headers = extras.headers ?? {}
    this.body = extras.body ?? {}
  }

  get status(): number {
    return statusOf[this.kind]
  }
}

/** Makes a thrown value of any type an Error with a message. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

const mostCauses = 10

/** The message and those of its causes, for a log line or a fault. */
export function fullMessage(thrown: unknown, causes = mostCauses): string {
  const error = asError(thrown)
  const own =
    error instanceof CloudError && error.detail ? `${error.message} (${error.detail})` : error.message
  // An error may be its own cause's cause.
  return error.cause === undefined || causes === 0 ? own : `${own}: ${fullMessage(error.cause, causes - 1)}`
}
