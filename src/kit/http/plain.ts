// A small HTTP server on the World's sockets: no tokens, no routes, one handler. For peers on the same host, and for
// programs that must stay small; services use server.ts.
import * as http from 'node:http'
import { CloudError, fullMessage } from '../errors/cloud-error.ts'
import type { Log } from '../log/log.ts'
import type { Address, ListenTls, World } from '../world/world.ts'

export type PlainRequest = {
  method: string
  /** Path and query, as they came. */
  url: string
  /** Names in lower case; repeated ones are joined by commas. */
  headers: Record<string, string | undefined>
  body: Buffer
}
export type PlainAnswer = { status: number; headers?: Record<string, string>; body: Buffer | string }

export type PlainHttpSpec = {
  /** Bytes of a request's body. */
  bodyLimit: number
  handle(request: PlainRequest): Promise<PlainAnswer>
  /** What a CloudError becomes; text unless given. */
  refuse?(error: CloudError): PlainAnswer
}

export type PlainHttpServer = {
  listen(address: Address, options?: { tls?: ListenTls }): Promise<PlainListener>
  close(): Promise<void>
}
export type PlainListener = { readonly address: Address; renew(tls: ListenTls): void }

/** A peer that sends nothing must not hold a connection for ever. */
const headersTimeoutMs = 20_000
const requestTimeoutMs = 60_000

export function plainHttpServer(world: World, log: Log, spec: PlainHttpSpec): PlainHttpServer {
  // Node counts these by the host's clock, which is not that of every world.
  const byHost = world.http === undefined
  const server = http.createServer({
    headersTimeout: byHost ? headersTimeoutMs : 0,
    requestTimeout: byHost ? requestTimeoutMs : 0,
    connectionsCheckingInterval: headersTimeoutMs,
  })
  const refuse =
    spec.refuse ?? (({ status, message }: CloudError): PlainAnswer => ({ status, body: `${message}\n` }))
  server.on('request', (request, response) => {
    const end = world.activity.begin()
    answer(spec, request)
      .catch((error): PlainAnswer => {
        if (error instanceof CloudError && error.kind !== 'internal') return refuse(error)
        log.error({ url: request.url, error: fullMessage(error) }, 'a request failed unexpectedly')
        const sorry = 'An unknown error has occurred. Please try your request again.'
        return refuse(new CloudError('internal', sorry))
      })
      .then(({ status, headers, body }) => {
        // What the client still sends of a body that nobody reads would be taken for its next request.
        const unread = request.complete ? {} : { connection: 'close' }
        response.writeHead(status, {
          'content-type': 'text/plain; charset=UTF-8',
          ...headers,
          ...unread,
          'content-length': Buffer.byteLength(body),
        })
        response.end(request.method === 'HEAD' ? undefined : body)
      })
      .catch((error) => {
        // An answer with a header that Node refuses to send.
        log.error({ url: request.url, error: fullMessage(error) }, 'a request could not be answered')
        response.destroy()
      })
      .finally(end)
  })
  const listeners = new Set<{ close(): Promise<void> }>()
  return {
    async listen(address, options) {
      const listener = await world.sockets.listen(
        address,
        (connection) => server.emit('connection', connection),
        options,
      )
      listeners.add(listener)
      return listener
    },
    async close() {
      await Promise.all([...listeners].map((listener) => listener.close()))
      server.closeAllConnections()
    },
  }
}

async function answer(spec: PlainHttpSpec, request: http.IncomingMessage): Promise<PlainAnswer> {
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
