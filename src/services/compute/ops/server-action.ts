// Keeps account of what is done with servers: one action for a request, with an event for each long piece of work.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { World } from '#kit/world/world.ts'
import type { ComputeContext } from '../app.ts'
import { isAdmin } from '../resources/policy.ts'
import { pageOf, timeOf } from '../resources/query.ts'
import { type Server, serverTarget } from '../resources/server.ts'
import type { ServerActionRow, ShownEvent } from '../resources/server-action.ts'
import { serverRules } from '../resources/server-rule.ts'
import { hostIdOf } from '../resources/server-view.ts'
import * as store from '../store/server-action.ts'
import { loadServer } from './server-load.ts'

/** In the transaction of the change that it tells of. */
export async function recordAction(
  context: ComputeContext,
  db: Db,
  server: { id: string; projectId: string },
  action: string,
): Promise<void> {
  const now = context.app.world.clock.now()
  await store.insertAction(db, {
    serverId: server.id,
    requestId: context.requestId,
    action,
    projectId: context.caller.projectId ?? server.projectId,
    userId: context.caller.userId,
    startAt: now,
    updatedAt: now,
  })
}

type Piece = { serverId: string; requestId: string; event: string; host: string | null; projectId: string }

export async function beginEvent(world: World, db: Db, piece: Piece): Promise<void> {
  const action = await store.findAction(db, piece.serverId, piece.requestId)
  if (!action) return
  const known = await store.findEvent(db, action.number, piece.event)
  // A step that runs again goes on with the event that it began.
  if (known && known.finishAt === null) return
  await store.insertEvent(db, {
    actionNumber: action.number,
    event: piece.event,
    host: piece.host,
    hostId: hostIdOf(piece),
    startAt: world.clock.now(),
  })
}

export async function endEvent(
  world: World,
  db: Db,
  piece: Piece & { result: 'Success' | 'Error'; details?: string },
): Promise<void> {
  const action = await store.findAction(db, piece.serverId, piece.requestId)
  if (!action) return
  const now = world.clock.now()
  const known = await store.findEvent(db, action.number, piece.event)
  const end = { finishAt: now, result: piece.result, details: piece.details ?? null }
  const where = { host: piece.host, hostId: hostIdOf(piece) }
  if (known) await store.updateEvent(db, known.number, { ...end, ...where })
  else
    await store.insertEvent(db, {
      actionNumber: action.number,
      event: piece.event,
      startAt: now,
      ...end,
      ...where,
    })
  await store.updateAction(db, action.number, {
    updatedAt: now,
    ...(piece.result === 'Error' && { message: 'Error' }),
  })
}

export async function listActions(
  context: ComputeContext,
  serverId: string,
  query: Query,
): Promise<{ actions: ServerActionRow[]; next: string | undefined }> {
  const at = context.version ?? 2093
  const server = await loadServer(context, serverId, serverRules.actionList, { deletedToo: at >= 2021 })
  const paged = at >= 2058
  const { limit, marker } = paged
    ? pageOf(query, context.app.config.maxLimit)
    : { limit: context.app.config.maxLimit, marker: undefined }
  const { db } = context.app
  const before = marker === undefined ? undefined : await store.findAction(db, server.id, marker)
  if (marker !== undefined && !before) throw new CloudError('badRequest', `marker [${marker}] not found`)
  const rows = await store.listActions(db, server.id, {
    changedSince: paged ? timeOf(query, 'changes-since') : undefined,
    changedBefore: at >= 2066 ? timeOf(query, 'changes-before') : undefined,
    below: before?.number,
    limit: limit + 1,
  })
  const actions = rows.slice(0, limit)
  return { actions, next: paged && rows.length > limit ? actions.at(-1)?.requestId : undefined }
}

/** Events are shown to administrators, and from 2.51 on to all, then without what tells of hosts. */
export async function showAction(
  context: ComputeContext,
  serverId: string,
  requestId: string,
): Promise<{ action: ServerActionRow; events: ShownEvent[] | undefined }> {
  const at = context.version ?? 2093
  const server: Server = await loadServer(context, serverId, serverRules.actionShow, {
    deletedToo: at >= 2021,
  })
  const action = await store.findAction(context.app.db, server.id, requestId)
  if (!action)
    throw new CloudError('notFound', `Action for request_id ${requestId} on instance ${serverId} not found`)
  const seesTraceback = context.allows(serverRules.actionEvents, serverTarget(server))
  if (!seesTraceback && at < 2051) return { action, events: undefined }
  const seesDetails = context.allows(serverRules.actionDetails, serverTarget(server))
  const seesHost = context.allows(isAdmin, {})
  const events = await store.eventsOf(context.app.db, action.number)
  return { action, events: events.map((each) => ({ ...each, seesHost, seesTraceback, seesDetails })) }
}
