// SQL of usage: the servers that ran at some time of a span.
import type { Db } from '#kit/db/database.ts'
import { type Server, server } from '../resources/server.ts'
import type { Span } from '../resources/usage.ts'

export type UsageList = Span & {
  projectId?: string
  limit?: number
  after?: { projectId: string; id: string }
}

/** By project and id, so that a page goes on where the last one ended. */
export function serversWithin(db: Db, list: UsageList): Promise<Server[]> {
  const { from, to, projectId, limit, after } = list
  return server.find(
    db,
    (q) => {
      let query = q
        .where('launchedAt', '<', to)
        .where((e) => e.or([e('terminatedAt', 'is', null), e('terminatedAt', '>', from)]))
      if (projectId !== undefined) query = query.where('projectId', '=', projectId)
      if (after)
        query = query.where((e) =>
          e.or([
            e('projectId', '>', after.projectId),
            e.and([e('projectId', '=', after.projectId), e('id', '>', after.id)]),
          ]),
        )
      return query
    },
    {
      orderBy: [
        ['projectId', 'asc'],
        ['id', 'asc'],
      ],
      limit,
    },
  )
}
