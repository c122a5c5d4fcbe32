// Answers as they leave: bodies as JSON, text or stream, and what a fault's wording depends on.
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasConnection } from './chunk.ts'
import type { FaultContext, FaultReply } from './fault.ts'
import type { Version } from './version.ts'

export function faultContext(
  request: FastifyRequest,
  requestId: string,
  at: Version | undefined,
): FaultContext {
  return {
    requestId,
    version: at,
    accept: header(request, 'accept'),
    method: request.method,
    path: (request.raw.url ?? '').split('?')[0]!,
  }
}

export function send(
  reply: FastifyReply,
  fault: FaultReply,
  headers: Record<string, string | string[]>,
): void {
  reply.code(fault.status).headers(headers)
  if (fault.headers) reply.headers(fault.headers)
  if (fault.contentType) reply.header('content-type', fault.contentType)
  sendBody(reply, fault.body, reply.request.method)
}

export function sendBody(
  reply: FastifyReply,
  body: unknown,
  method: string,
  spent?: (chunk: Uint8Array) => void,
): void {
  if (body === undefined) return void reply.send()
  if (isStream(body)) {
    if (spent) tellSpent(reply.raw, spent)
    return void reply.send(body)
  }
  const ready = typeof body === 'string' || Buffer.isBuffer(body)
  // As bytes: to text of this type fastify adds a charset, which JSON has none of, and strict clients compare.
  const text = ready ? body : Buffer.from(JSON.stringify(body))
  if (!reply.hasHeader('content-type'))
    reply.header('content-type', ready ? 'text/plain; charset=UTF-8' : 'application/json')
  if (method === 'HEAD') {
    reply.header('content-length', String(Buffer.byteLength(text)))
    return void reply.send()
  }
  reply.send(text)
}

/** Of each chunk that the connection has taken; what answers in this process itself keeps them. */
function tellSpent(raw: ServerResponse, spent: (chunk: Uint8Array) => void): void {
  if (!hasConnection(raw)) return
  const write = raw.write.bind(raw) as (chunk: Uint8Array, done: (error?: Error | null) => void) => boolean
  // Whoever pipes into an answer has no other way to learn when a chunk has left.
  raw.write = (chunk: Uint8Array) => write(chunk, (error) => error || spent(chunk))
}

export function isStream(body: unknown): body is Readable {
  return typeof body === 'object' && body !== null && typeof (body as Readable).pipe === 'function'
}

export function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}
