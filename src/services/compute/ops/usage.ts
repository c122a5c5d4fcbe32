// How much projects have used in a span of time.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Page } from '#kit/http/page.ts'
import type { ComputeContext } from '../app.ts'
import type { Server } from '../resources/server.ts'
import { type ProjectUsage, type ServerUsage, type Span, usageRules } from '../resources/usage.ts'
import { findAnyServer } from '../store/server.ts'
import { serversWithin } from '../store/usage.ts'

export type UsageWish = Span & {
  /** From 2.40 on: pages count servers, whatever their projects. */
  page?: Page
}
export type FoundUsage = { usages: ProjectUsage[] /** The server to go on from. */; next: string | undefined }

export async function listUsage(context: ComputeContext, wish: UsageWish): Promise<FoundUsage> {
  context.authorize(usageRules.list, {})
  return usageOf(context, wish, undefined)
}

export async function showUsage(
  context: ComputeContext,
  projectId: string,
  wish: UsageWish,
): Promise<{ usage: ProjectUsage; next: string | undefined }> {
  context.authorize(usageRules.show, { project_id: projectId })
  const { usages, next } = await usageOf(context, wish, projectId)
  const nothing = { projectId, from: wish.from, to: wish.to, servers: [] }
  return { usage: usages[0] ?? nothing, next }
}

async function usageOf(
  context: ComputeContext,
  { from, to, page }: UsageWish,
  projectId: string | undefined,
): Promise<FoundUsage> {
  if (to < from)
    throw new CloudError('badRequest', 'Invalid start time. The start time cannot occur after the end time.')
  const { db, world } = context.app
  const after = page?.marker === undefined ? undefined : await markerOf(context, page.marker)
  const servers = await serversWithin(db, { from, to, projectId, after, limit: page?.limit })
  const now = world.clock.now()
  const usages = Map.groupBy(servers, (each) => each.projectId)
    .entries()
    .map(([id, own]) => ({
      projectId: id,
      from,
      to,
      servers: own.map((each) => usageOfServer(each, { from, to }, now)),
    }))
  const full = page !== undefined && servers.length > 0 && servers.length >= page.limit
  return { usages: [...usages], next: full ? servers.at(-1)!.id : undefined }
}

async function markerOf(context: ComputeContext, marker: string) {
  const found = marker.length > 36 ? undefined : await findAnyServer(context.app.db, marker)
  if (!found) throw new CloudError('badRequest', `marker [${marker}] not found`)
  return { projectId: found.projectId, id: found.id }
}

function usageOfServer(server: Server, { from, to }: Span, now: number): ServerUsage {
  const started = server.launchedAt ?? to
  const began = Math.max(started, from)
  const ended = Math.min(server.terminatedAt ?? to, to)
  return {
    server,
    hours: Math.max(0, ended - began) / 3_600_000,
    uptimeSeconds: Math.max(0, Math.floor(((server.terminatedAt ?? now) - started) / 1000)),
  }
}
