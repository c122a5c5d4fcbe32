// One guest's question on its way: from the haproxy of its network, to the metadata service, signed. The last of the
// three hops (row 220); what nova answers goes back as it came.
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import type { HttpClient, Response } from '#kit/http/client.ts'
import type { PlainAnswer, PlainRequest } from '#kit/http/unix.ts'
import { formatTraceparent, type Journal, type Trace } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import { signInstance } from '#kit/metadata-tree/signature.ts'
import { type Owner, type Place, placeOf } from './lookup.ts'

export type Forwarding = {
  log: Log
  journal: Journal
  http: HttpClient
  /** Where the metadata service listens. */
  metadataUrl: () => string
  secret: string
  lookup(trace: Trace, place: Place): Promise<Owner | undefined>
}

/** Of a guest's own headers only these go on: nothing else means anything to the metadata service. */
const passedOn = ['accept', 'content-type', 'user-agent']
/** What the metadata service may answer without that being our failure. */
const passedBack = new Set([400, 404, 409, 502, 503, 504])

export async function forward(parts: Forwarding, request: PlainRequest): Promise<PlainAnswer> {
  const place = placeOf(request.headers)
  const at = place && { networkId: place.networkId, routerId: place.routerId, ip: place.ip }
  const [path] = request.url.split('?')
  // A trace that the guest sends is not taken over: it would write into other people's.
  const trace = parts.journal.newTrace()
  const event = {
    kind: 'request',
    name: 'metadata-proxy',
    data: { method: request.method, path, hop: 'haproxy to unix socket', ...at },
  } as const
  return parts.journal.span(trace, event, async (span) => {
    const owner = place && (await ownerOf(parts, span, place))
    if (!owner) {
      parts.log.warn({ ...at }, "a metadata request came from an address that is not exactly one port's")
      return plain(404, 'The resource could not be found.')
    }
    return ask(parts, span, request, place, owner)
  })
}

async function ownerOf(parts: Forwarding, trace: Trace, place: Place): Promise<Owner | undefined> {
  try {
    return await parts.lookup(trace, place)
  } catch (error) {
    throw new CloudError('unavailable', 'The network service cannot be asked whose address this is.', {
      cause: error,
    })
  }
}

async function ask(
  parts: Forwarding,
  trace: Trace,
  request: PlainRequest,
  place: Place,
  { instanceId, tenantId }: Owner,
): Promise<PlainAnswer> {
  const headers: Record<string, string> = {}
  for (const name of passedOn) {
    const value = request.headers[name]
    if (value !== undefined) headers[name] = value
  }
  const event = {
    kind: 'rest',
    name: `${request.method} ${request.url.split('?')[0]}`,
    subject: `server:${instanceId}`,
    data: { peer: 'nova-metadata', hop: 'metadata agent to nova' },
  } as const
  const answer = await parts.journal.span(trace, event, (span) =>
    parts.http.request({
      method: request.method,
      url: parts.metadataUrl() + request.url,
      headers: {
        ...headers,
        'X-Forwarded-For': place.ip,
        'X-Instance-ID': instanceId,
        'X-Tenant-ID': tenantId,
        'X-Instance-ID-Signature': signInstance(parts.secret, instanceId),
        traceparent: formatTraceparent(span),
      },
      body: request.body.length > 0 ? request.body : undefined,
      // User data may be any bytes: they must not pass for text.
      stream: true,
      timeoutMs: 30_000,
    }),
  )
  return judged(parts.log, instanceId, answer.status, answer.headers, await bytesOf(answer))
}

async function bytesOf({ stream, body }: Response): Promise<Buffer> {
  if (!stream) return Buffer.from(typeof body === 'string' ? body : '')
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

function judged(
  log: Log,
  serverId: string,
  status: number,
  headers: Record<string, string>,
  body: Buffer,
): PlainAnswer {
  const type = headers['content-type']
  const answer = { status, ...(type && { headers: { 'content-type': type } }), body }
  if (status < 300 || passedBack.has(status)) return answer
  if (status === 403) {
    log.warn({ serverId }, 'the metadata service refused the signature: do both sides have the same secret?')
    return answer
  }
  log.warn({ serverId, status }, 'the metadata service failed')
  return plain(500, 'Remote metadata server experienced an internal server error.')
}

function plain(status: number, message: string): PlainAnswer {
  return { status, body: `${message}\n` }
}

/** What a failure of ours says to the guest; the rest is in the log. */
export function failed(log: Log, error: unknown): PlainAnswer {
  log.warn({ error: fullMessage(error) }, 'a metadata request could not be answered')
  const away = error instanceof CloudError && error.kind === 'unavailable'
  return plain(away ? 503 : 500, 'An unknown error has occurred. Please try your request again.')
}
