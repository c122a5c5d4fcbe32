// WebSockets on our HTTP servers: each is a stream of bytes that can be closed with a reason. https://www.rfc-editor.org/rfc/rfc6455
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { World } from '../world/world.ts'

/** 1000: done; 1008: the visitor may not; 1011: something behind us failed. */
export type CloseCode = 1000 | 1008 | 1011

export type WebSocketVisitor = {
  readonly path: string
  readonly query: URLSearchParams
  /** Bytes both ways, with back-pressure. Ends when either side closes. */
  readonly stream: Duplex
  /** `reason` is shown to the visitor; at most 123 bytes of it travel. */
  close(code: CloseCode, reason: string): void
}

export type WebSocketDoor = {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Cuts all visitors off. */
  close(): void
}

export type WebSocketOptions = {
  world: World
  /** Origins besides the host that was asked: 'https://dashboard.example'. A page of any other is turned away. */
  allowedOrigins: readonly string[]
  /** Bytes of one message; the default is 1 MiB. */
  maxMessageBytes?: number
  /** Owns the visitor until it is closed; what it throws ends the visit. */
  serve(visitor: WebSocketVisitor): Promise<void>
}

/** Middle boxes forget connections on which nothing is said. */
const pingMs = 30_000

export function openWebSocketDoor(options: WebSocketOptions): WebSocketDoor {
  const { world } = options
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: options.maxMessageBytes ?? 2 ** 20,
    perMessageDeflate: false,
    // Old clients insist on the sub-protocol that told bytes from base64 once.
    handleProtocols: (offered) => (offered.has('binary') ? 'binary' : false),
  })
  return {
    upgrade(request, socket, head) {
      if (!mayCome(request, options.allowedOrigins)) {
        socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
        return
      }
      server.handleUpgrade(request, socket, head, (webSocket) => {
        const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
        const stream = createWebSocketStream(webSocket)
        // Whoever serves learns of an end by the stream's own events; an error before that is no crash.
        stream.on('error', () => {})
        let stopPings = () => {}
        const ping = () => {
          webSocket.ping()
          stopPings = world.timers.after(pingMs, ping, { background: true })
        }
        stopPings = world.timers.after(pingMs, ping, { background: true })
        webSocket.once('close', () => stopPings())
        const visitor: WebSocketVisitor = {
          path: pathname,
          query: searchParams,
          stream,
          close: (code, reason) => webSocket.close(code, shorten(reason)),
        }
        options.serve(visitor).catch(() => webSocket.close(1011, 'The connection failed.'))
      })
    },
    close() {
      for (const client of server.clients) client.terminate()
      server.close()
    },
  }
}

/** A page of a foreign site must not open a console with what it got hold of in the browser. Programs send no origin. */
function mayCome({ headers }: IncomingMessage, allowed: readonly string[]): boolean {
  const { origin, host } = headers
  if (origin === undefined || allowed.includes(origin)) return true
  return URL.canParse(origin) && new URL(origin).host === host
}

const mostReasonBytes = 123

function shorten(reason: string): string {
  let text = reason
  while (Buffer.byteLength(text) > mostReasonBytes) text = text.slice(0, -1)
  return text
}
