// What several of placement's answers share.
import { type Answer, answer } from '#kit/http/route.ts'
import type { PlacementContext } from '../app.ts'

const lastModifiedSince = 1015

/** From 1.15 on answers say when the thing last changed, and that they must not be cached. */
export function dated(context: PlacementContext, body: unknown, changedAt?: number, status?: number): Answer {
  const headers: Record<string, string> = {}
  if ((context.version ?? 0) >= lastModifiedSince) {
    headers['last-modified'] = new Date(changedAt ?? context.app.world.clock.now()).toUTCString()
    headers['cache-control'] = 'no-cache'
  }
  return answer({ status, headers, body })
}

/** The same of a body that is JSON already; names and ids here are ASCII. */
export function datedJson(context: PlacementContext, json: string): Answer {
  const { reply } = dated(context, Buffer.from(json, 'latin1'))
  return answer({ ...reply, headers: { ...reply.headers, 'content-type': 'application/json' } })
}

/** The same answer with where the thing is. */
export function located({ reply }: Answer, location: string): Answer {
  return answer({ ...reply, headers: { ...reply.headers, location } })
}

export const latest = (rows: readonly { updatedAt: number }[]) =>
  rows.reduce<number | undefined>((most, row) => Math.max(most ?? 0, row.updatedAt), undefined)
