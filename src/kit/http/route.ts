// A route is data: method, path, who may, what comes in, what goes out, and the op that decides.
import type { Readable } from 'node:stream'
import type { Journal, Trace } from '../journal/journal.ts'
import type { Log } from '../log/log.ts'
import type { PolicyRule, PolicyTarget } from '../policy/policy.ts'
import type { AuditNote } from './audit.ts'
import type { Body } from './body.ts'
import type { Caller } from './caller.ts'
import type { Since, Version } from './version.ts'

export type Context<App> = {
  readonly app: App
  readonly caller: Caller
  readonly trace: Trace
  readonly journal: Journal
  readonly log: Log
  readonly requestId: string
  /** The id that the first client gave, carried through all services. */
  readonly globalRequestId: string | undefined
  readonly version: Version | undefined
  /** Scheme, host and port as the client sees them, for links. */
  readonly origin: string
  /** Throws 'forbidden' naming the rule; ops call it with the object at hand. */
  authorize(rule: PolicyRule, target: PolicyTarget): void
  allows(rule: PolicyRule, target: PolicyTarget): boolean
  /** Tells the audit what the request alone doesn't say. */
  audit(note: AuditNote): void
}

export type Incoming<B> = {
  params: Record<string, string>
  query: Query
  body: B
  headers: Record<string, string | undefined>
  /** The unread body of a request whose media type isn't JSON. */
  stream: Readable | undefined
  /** Address of whoever holds the connection, a proxy perhaps; 'local' without a socket. */
  from: string
}

/** Query arguments; a repeated one keeps all its values. */
export type Query = {
  /** The last value, as OpenStack takes it. */
  get(name: string): string | undefined
  all(name: string): string[]
  names(): string[]
  has(name: string): boolean
}

export type Reply = {
  status?: number
  headers?: Record<string, string>
  body?: unknown
  /** Called with each chunk of a stream that has gone to the client, where that is at the other end of a connection. */
  spent?: (chunk: Uint8Array) => void
}

/** For an answer that needs another status or headers than the route's own. */
export class Answer {
  readonly reply: Reply
  constructor(reply: Reply) {
    this.reply = reply
  }
}
export function answer(reply: Reply): Answer {
  return new Answer(reply)
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export type Route<App> = Since & {
  method: Method
  /** Below the service's prefix: '/servers/:id'. */
  path: string
  /** One of several routes on one path, chosen by the body's only key: server actions. */
  action?: string
  /**
   * Checked before the op with the caller's own project as the target; ops check again on the object itself.
   * 'public' needs no token; 'token' takes any valid one.
   */
  policy: PolicyRule | 'public' | 'token'
  // biome-ignore lint/suspicious/noExplicitAny: routes of one service differ in their bodies
  body?: Body<any> | 'stream'
  /** The most bytes of a JSON body, where it isn't the service's usual number. */
  bodyLimit?: number
  /** The status of a plain answer; 200 with a body and 204 without one are the defaults. */
  status?: number
  /** Left out of the service's version prefix: '/', '/healthcheck'. */
  root?: boolean
  // biome-ignore lint/suspicious/noExplicitAny: see above
  handle: (context: Context<App>, incoming: Incoming<any>) => Promise<unknown>
}

/** Types a route of one service: `const route = routeOf<ComputeApp>()`. */
export function routeOf<App>() {
  return <B = unknown>(
    method: Method,
    path: string,
    spec: Omit<Route<App>, 'method' | 'path' | 'body' | 'handle'> & {
      body?: Body<B> | 'stream'
      handle: (context: Context<App>, incoming: Incoming<B>) => Promise<unknown>
    },
  ): Route<App> => ({ method, path, ...spec })
}
