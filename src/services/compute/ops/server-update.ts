// Changes of what a server says of itself: name, addresses, metadata, tags.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { canonicalAddress } from '#kit/net/address.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { ComputeContext } from '../app.ts'
import type { Server } from '../resources/server.ts'
import { checkAddress, type ServerChange } from '../resources/server-body.ts'
import { serverRules } from '../resources/server-rule.ts'
import { updateServer } from '../store/server.ts'
import { checkMetadataQuota } from './quota.ts'
import { loadServer, requireState, requireUnlocked } from './server-load.ts'

export async function changeDetails(
  context: ComputeContext,
  id: string,
  wish: ServerChange,
): Promise<Server> {
  const server = await loadServer(context, id, serverRules.update)
  requireUnlocked(context, server)
  const address = (name: 'accessIPv4' | 'accessIPv6', kind: 4 | 6) => {
    const given = wish[name]
    if (given === undefined) return undefined
    if (given !== '') checkAddress(name, given, kind)
    return given === '' ? null : canonicalAddress(given)
  }
  const change: Partial<Server> = {
    name: wish.name,
    description: wish.description,
    hostname: wish.hostname,
    diskConfig: wish.diskConfig,
    accessIpV4: address('accessIPv4', 4),
    accessIpV6: address('accessIPv6', 6),
    updatedAt: context.app.world.clock.now(),
  }
  await updateServer(context.app.db, id, change)
  return { ...server, ...withoutHoles(change) }
}

function withoutHoles<T extends object>(change: T): T {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as T
}

type Metadata = Record<string, string>

/** `next` gives what the metadata become; the limit on their number is checked on that. */
export async function changeMetadata(
  context: ComputeContext,
  id: string,
  rule: PolicyRule,
  next: (now: Metadata) => Metadata,
): Promise<Metadata> {
  const { app } = context
  const server = await loadServer(context, id, rule)
  requireUnlocked(context, server)
  requireState(server, 'updateMetadata', 'update metadata')
  const metadata = next(server.metadata)
  await checkMetadataQuota(
    app.db,
    app.config,
    { projectId: server.projectId, userId: server.userId },
    metadata,
  )
  await updateServer(app.db, id, { metadata, updatedAt: app.world.clock.now() })
  return metadata
}

export function oneMetadata(metadata: Metadata, key: string): string {
  const value = metadata[key]
  if (value === undefined) throw new CloudError('notFound', 'Metadata item was not found')
  return value
}

const mostTags = 50
const longestTag = 60

export function readTag(given: string): string {
  if (given.length < 1 || given.length > longestTag || /[,/]/.test(given))
    throw new CloudError(
      'badRequest',
      `Tag '${given.slice(0, 80)}' is invalid. It must be a text of at most ${longestTag} characters without commas and slashes.`,
    )
  return given
}

export async function changeTags(
  context: ComputeContext,
  id: string,
  rule: PolicyRule,
  next: (now: readonly string[]) => string[],
): Promise<{ tags: string[]; before: readonly string[] }> {
  const server = await loadServer(context, id, rule)
  if (server.vmState === 'building' && server.taskState === 'deleting')
    throw new CloudError('conflict', `Cannot update tags of instance ${id} while it is being deleted`)
  const tags = next(server.tags)
  if (tags.length > mostTags)
    throw new CloudError('badRequest', `The number of tags exceeded the per-server limit ${mostTags}`)
  await updateServer(context.app.db, id, { tags })
  return { tags, before: server.tags }
}
