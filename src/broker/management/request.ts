// One request of the management API, read: path, query, body; and its answer, written.
import type { CloudError } from '#kit/errors/cloud-error.ts'
import type { PlainAnswer, PlainRequest } from '#kit/http/plain.ts'
import { badRequest } from '../admin/refusal.ts'
import type { User } from '../admin/user.ts'
import { isObject, type JsonObject, type JsonValue } from '../core/json.ts'

/** A view may leave members out by setting them to undefined. */
export type View = { [key: string]: JsonValue | undefined | View | View[] }

export type ApiRequest = {
  readonly method: string
  readonly path: readonly string[]
  readonly query: ReadonlyMap<string, string>
  readonly headers: PlainRequest['headers']
  readonly user: User
  readonly body: Buffer
}

/** A list is filtered, sorted and paged as the query asks before it goes out. */
export type ApiAnswer =
  | { list: View[] }
  | { object: View | JsonValue }
  | { text: string; type: string }
  | { status: 201 | 204; location?: string }
  | { status: 503; object: View }

export function pathOf(url: string): { path: string[]; query: Map<string, string> } {
  const at = url.indexOf('?')
  const text = at < 0 ? url : url.slice(0, at)
  const query = new Map(at < 0 ? [] : new URLSearchParams(url.slice(at + 1)))
  const path = text.split('/').slice(1).map(decoded)
  // A slash at the end counts for nothing.
  if (path.length > 1 && path.at(-1) === '') path.pop()
  return { path, query }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw badRequest('the path is not well percent-encoded')
  }
}

/** An empty body is an empty object. */
export function bodyObject(body: Buffer): JsonObject {
  if (body.length === 0) return {}
  let value: JsonValue
  try {
    value = JSON.parse(body.toString())
  } catch {
    throw badRequest('not_json')
  }
  if (!isObject(value)) throw badRequest('not_json')
  if (isDeeper(value, deepest)) throw badRequest(`objects and lists are nested deeper than ${deepest}`)
  return value
}

/** As deep as AMQP's tables may be here, and no stack overflows. */
const deepest = 32

function isDeeper(value: JsonValue, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1))
}

export function jsonAnswer(
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): PlainAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-cache', ...headers },
    body: JSON.stringify(value),
  }
}

const errorNames: Partial<Record<CloudError['kind'], string>> = {
  badRequest: 'bad_request',
  unauthorized: 'not_authorized',
  forbidden: 'not_authorised',
  tooLarge: 'payload_too_large',
  methodNotAllowed: 'method_not_allowed',
  conflict: 'bad_request',
  internal: 'internal_server_error',
}

/** RabbitMQ says 401 also to those whom it knows and refuses, and 400 where something is in the way. */
const statuses: Partial<Record<CloudError['kind'], number>> = { forbidden: 401, conflict: 400 }

export function refusal(error: CloudError): PlainAnswer {
  const status = statuses[error.kind] ?? error.status
  const value = { error: error.type ?? errorNames[error.kind] ?? error.kind, reason: error.message }
  return jsonAnswer(status, value, error.headers)
}
