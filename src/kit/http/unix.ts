// A small HTTP server behind a unix socket, for peers on the same host: no tokens, no routes, one handler.
import * as http from 'node:http'
import { CloudError, fullMessage } from '../errors/cloud-error.ts'
import type { Log } from '../log/log.ts'
import type { World } from '../world/world.ts'

export type PlainRequest = {
  method: string
  /** Path and query, as they came. */
  url: string
  /** Names in lower case; repeated ones are joined by commas. */
  headers: Record<string, string | undefined>
  body: Buffer
}
export type PlainAnswer = { status: number; headers?: Record<string, string>; body: Buffer | string }

export type UnixHttpSpec = {
  /** The socket; one that an earlier run left is replaced. At most 107 bytes, by the kernel's limit. */
  path: string
  /** Of the socket's file: who may connect. */
  mode: number
  /** Bytes of a request's body. */
  bodyLimit: number
  handle(request: PlainRequest): Promise<PlainAnswer>
}

const longestPath = 107
/** A peer that sends nothing must not hold a connection for ever. */
const headersTimeoutMs = 20_000
const requestTimeoutMs = 60_000

export async function unixHttpServer(
  world: World,
  log: Log,
  spec: UnixHttpSpec,
): Promise<{ close(): Promise<void> }> {
  if (Buffer.byteLength(spec.path) > longestPath)
    throw new CloudError('badRequest', `The path of a socket has at most ${longestPath} bytes: ${spec.path}`)
  const server = http.createServer({
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: headersTimeoutMs,
  })
  server.on('request', (request, response) => {
    const end = world.activity.begin()
    answer(spec, request)
      .catch((error): PlainAnswer => {
        if (error instanceof CloudError && error.kind !== 'internal')
          return { status: error.status, body: `${error.message}\n` }
        log.error({ url: request.url, error: fullMessage(error) }, 'a request failed unexpectedly')
        return { status: 500, body: 'An unknown error has occurred. Please try your request again.\n' }
      })
      .then(({ status, headers, body }) => {
        response.writeHead(status, {
          'content-type': 'text/plain; charset=UTF-8',
          ...headers,
          'content-length': Buffer.byteLength(body),
        })
        response.end(request.method === 'HEAD' ? undefined : body)
      })
      .finally(end)
  })
  const listener = await world.sockets.listen({ path: spec.path, mode: spec.mode }, (connection) =>
    server.emit('connection', connection),
  )
  return {
    async close() {
      await listener.close()
      server.closeAllConnections()
    },
  }
}

async function answer(spec: UnixHttpSpec, request: http.IncomingMessage): Promise<PlainAnswer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > spec.bodyLimit) throw new CloudError('tooLarge', 'The request body is too large')
    chunks.push(chunk)
  }
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  )
  return spec.handle({
    method: request.method ?? 'GET',
    url: request.url ?? '/',
    headers,
    body: Buffer.concat(chunks),
  })
}
