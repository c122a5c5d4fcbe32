// What a request's headers alone forbid: an answer in another form than JSON, and a body in another one.
import type { IncomingHttpHeaders } from 'node:http'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { malformedJson } from '#kit/http/json.ts'
import type { Route } from '#kit/http/route.ts'
import { acceptsJson } from '../fault.ts'

export function admit<App>({
  method,
  headers,
  route,
}: {
  method: string
  headers: IncomingHttpHeaders
  route: Route<App>
}): void {
  const type = headers['content-type']
  const length = Number(headers['content-length'] ?? 0)
  if (!type && length > 0)
    throw new CloudError('badRequest', 'content-type header required when content-length > 0')
  if (route.body !== undefined && mediaType(type) !== 'application/json')
    throw new CloudError(
      'unsupportedMedia',
      `The media type ${type ?? 'None'} is not supported, use application/json`,
    )
  if (route.body !== undefined && length === 0 && headers['transfer-encoding'] === undefined)
    throw new CloudError('badRequest', 'The body is empty.', { type: malformedJson })
  if (method === 'GET' && !route.root && !acceptsJson(headers.accept))
    throw new CloudError('notAcceptable', 'Only application/json is provided')
}

const mediaType = (header = '') => header.split(';', 1)[0]!.trim().toLowerCase()
