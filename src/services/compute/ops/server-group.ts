// What may be done with server groups.
import type { Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { ComputeContext } from '../app.ts'
import { isAdmin } from '../resources/policy.ts'
import { pageOf } from '../resources/query.ts'
import {
  type GroupPolicy,
  type ServerGroup,
  type ShownGroup,
  serverGroupRules,
} from '../resources/server-group.ts'
import * as store from '../store/server-group.ts'
import { limitOf } from './quota.ts'

const noGroup = (id: string) => new CloudError('notFound', `Instance group ${id} could not be found.`)

async function loadGroup(context: ComputeContext, id: string): Promise<ServerGroup> {
  const found = id.length > 36 ? undefined : await store.findGroup(context.app.db, id)
  if (!found || (found.projectId !== context.caller.projectId && !context.allows(isAdmin, {})))
    throw noGroup(id)
  return found
}

const targetOf = (group: ServerGroup) => ({ project_id: group.projectId, user_id: group.userId })

export async function showGroup(context: ComputeContext, id: string): Promise<ShownGroup> {
  const group = await loadGroup(context, id)
  context.authorize(serverGroupRules.show, targetOf(group))
  const members = await store.membersOf(context.app.db, [id])
  return { ...group, members: members.get(id)! }
}

export async function listGroups(context: ComputeContext, query: Query): Promise<ShownGroup[]> {
  const { db, config } = context.app
  // The argument's presence counts, whatever its value.
  const all = query.has('all_projects') && context.allows(isAdmin, {})
  if (all) context.authorize(serverGroupRules.listAll, {})
  const { limit } = pageOf(query, config.maxLimit)
  const offset = query.get('offset') ?? '0'
  if (!/^\d{1,15}$/.test(offset))
    throw new CloudError('badRequest', `Invalid input for query parameters offset. Value: ${offset}.`)
  const groups = await store.listGroups(
    db,
    all ? undefined : (context.caller.projectId ?? ''),
    limit === 0 ? config.maxLimit : limit,
    Number(offset),
  )
  const members = await store.membersOf(
    db,
    groups.map((each) => each.id),
  )
  return groups.map((each) => ({ ...each, members: members.get(each.id)! }))
}

export type GroupWish = { name: string; policy: GroupPolicy; rules: { max_server_per_host?: number } }

export async function createGroup(context: ComputeContext, wish: GroupWish): Promise<ShownGroup> {
  const { app, caller } = context
  const projectId = caller.projectId ?? ''
  context.authorize(serverGroupRules.create, { project_id: projectId, user_id: caller.userId })
  if (wish.rules.max_server_per_host !== undefined && wish.policy !== 'anti-affinity')
    throw new CloudError('badRequest', `Only anti-affinity policy supports rules.`)
  const row: ServerGroup = {
    id: app.world.random.uuid(),
    projectId,
    userId: caller.userId,
    name: wish.name,
    policy: wish.policy,
    rules: wish.rules,
    createdAt: app.world.clock.now(),
  }
  await app.db.transaction(async (tx) => {
    const most = await limitOf(tx, app.config, { projectId, userId: caller.userId }, 'server_groups')
    if (most >= 0 && (await store.countGroups(tx, projectId, undefined)) >= most)
      throw new CloudError('forbidden', 'Quota exceeded, too many server groups.')
    await store.insertGroup(tx, row)
  })
  return { ...row, members: [] }
}

export async function deleteGroup(context: ComputeContext, id: string): Promise<void> {
  const group = await loadGroup(context, id)
  context.authorize(serverGroupRules.delete, targetOf(group))
  if ((await context.app.db.transaction((tx) => store.deleteGroup(tx, id))) === 0) throw noGroup(id)
}

/** The group that a new server is to be in. */
export async function loadHintedGroup(context: ComputeContext, id: string): Promise<ServerGroup> {
  return loadGroup(context, id).catch((error: unknown) => {
    if (!(error instanceof CloudError)) throw error
    throw new CloudError('badRequest', error.message, { cause: error })
  })
}

export async function checkGroupPlace(
  context: ComputeContext,
  tx: Transaction,
  groupId: string,
  count: number,
): Promise<void> {
  const { caller, app } = context
  const owner = { projectId: caller.projectId ?? '', userId: caller.userId }
  const most = await limitOf(tx, app.config, owner, 'server_group_members')
  const members = (await store.membersOf(tx, [groupId])).get(groupId)!
  if (most >= 0 && members.length + count > most)
    throw new CloudError('forbidden', 'Quota exceeded, too many servers in group')
}
