// Errors in a service's own wire format. Each service gives one FaultFormat; this file has what they share.
import { CloudError, fullMessage } from '../errors/cloud-error.ts'

export type FaultContext = {
  requestId: string
  version: number | undefined
  accept: string | undefined
  method: string
  path: string
}
export type FaultReply = {
  status: number
  headers?: Record<string, string>
  body: unknown
  contentType?: string
}

export type FaultFormat = {
  /** An error of a known kind. */
  fault(error: CloudError, at: FaultContext): FaultReply
  /** No route has this path or method; compute and identity word it in a way of their own. */
  unrouted?(at: FaultContext): FaultReply
}

/** The reason phrases that OpenStack's bodies carry as `title`. */
export const titles: Record<number, string> = {
  300: 'Multiple Choices',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  416: 'Requested Range Not Satisfiable',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
}

/** What keystonemiddleware says before the service itself sees the request. */
export function unauthorizedFault({ message }: CloudError): FaultReply {
  return { status: 401, body: { error: { code: 401, title: titles[401], message } } }
}

/** How compute and volume name an error by its status. */
export function faultName(status: number): string {
  return faultNames[status] ?? 'computeFault'
}
const faultNames: Record<number, string> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  405: 'badMethod',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  429: 'overLimit',
  501: 'notImplemented',
  503: 'serviceUnavailable',
}

/** What compute and volume say where no route is. */
export function unroutedFault(): FaultReply {
  return {
    status: 404,
    body: {
      message: 'The resource could not be found.<br /><br />\n\n\n',
      code: '404 Not Found',
      title: 'Not Found',
    },
  }
}

/** A member of the body, as compute and volume have it, where a header says when to come again. */
export function retryAfter(error: CloudError): { retryAfter?: string } {
  const seconds = error.headers['retry-after']
  return seconds === undefined ? {} : { retryAfter: seconds }
}

/** Anything but a CloudError is a bug: the caller learns the request id, the log learns all. */
export function toCloudError(thrown: unknown, requestId: string): CloudError {
  if (thrown instanceof CloudError) return thrown
  return new CloudError(
    'internal',
    `An unexpected error prevented the server from fulfilling your request. (Request-ID: ${requestId})`,
    {
      cause: thrown,
      detail: fullMessage(thrown),
    },
  )
}
