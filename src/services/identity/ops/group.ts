// Decisions about groups and who is in them.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import type { IdentityContext } from '../app.ts'
import { type Group, type GroupChange, groupRules, groupTarget, type NewGroup } from '../resources/group.ts'
import { type User, userTarget } from '../resources/user.ts'
import {
  deleteGroups,
  deleteMembership,
  findGroup,
  type GroupFilter,
  groupIdsOf,
  insertGroup,
  insertMembership,
  isMember,
  listGroups,
  listMembers,
  updateGroup,
} from '../store/group.ts'
import { findUser } from '../store/user.ts'
import { change, found, notFound } from './change.ts'
import { dropReferencesToGroups } from './reference.ts'
import { requireDomain, seen } from './user.ts'

export async function listGroupsFor(
  context: IdentityContext,
  filter: Omit<GroupFilter, 'id'>,
): Promise<Group[]> {
  const { app, caller } = context
  const domainId = caller.domainId ?? filter.domainId
  context.authorize(groupRules.list, { 'target.group.domain_id': domainId })
  return listGroups(app.db, { ...filter, domainId })
}

export async function listGroupsOfUser(
  context: IdentityContext,
  userId: string,
  filter: { name?: string },
): Promise<Group[]> {
  const { db } = context.app
  const user = await findUser(db, userId)
  context.authorize(groupRules.listOfUser, userTarget(user))
  found(user, 'user', userId)
  return listGroups(db, { id: await groupIdsOf(db, userId), ...filter })
}

async function groupFor(context: IdentityContext, rule: PolicyRule, id: string): Promise<Group> {
  const row = await findGroup(context.app.db, id)
  context.authorize(rule, groupTarget(row))
  return found(row, 'group', id)
}

export const getGroup = (context: IdentityContext, id: string) => groupFor(context, groupRules.get, id)

export async function createGroup(context: IdentityContext, given: NewGroup): Promise<Group> {
  const { app, caller } = context
  const domainId = given.domainId ?? caller.domainId ?? caller.projectDomainId ?? caller.userDomainId!
  context.authorize(groupRules.create, groupTarget({ domainId }))
  await requireDomain(context, domainId)
  const row: Group = {
    id: app.world.random.hexId(),
    name: given.name,
    domainId,
    description: given.description ?? '',
    extra: given.extra,
    createdAt: app.world.clock.now(),
  }
  await change(app, (tx) => insertGroup(tx, row), taken(row))
  return row
}

export async function changeGroup(context: IdentityContext, id: string, given: GroupChange): Promise<Group> {
  const row = await groupFor(context, groupRules.update, id)
  if (given.domainId !== undefined && given.domainId !== row.domainId)
    throw new CloudError('badRequest', 'A group cannot be moved to another domain.')
  const after: Group = {
    ...row,
    name: given.name ?? row.name,
    description: given.description === undefined ? row.description : given.description,
    extra: { ...row.extra, ...given.extra },
  }
  await change(context.app, (tx) => updateGroup(tx, id, after), taken(after))
  return after
}

export async function deleteGroup(context: IdentityContext, id: string): Promise<void> {
  await groupFor(context, groupRules.delete, id)
  await change(context.app, async (tx) => {
    await dropReferencesToGroups(tx, [id])
    await deleteGroups(tx, [id])
  })
}

export async function listUsersInGroup(context: IdentityContext, id: string): Promise<User[]> {
  await groupFor(context, groupRules.listUsers, id)
  return (await listMembers(context.app.db, id)).map((row) => seen(context, row))
}

async function bothFor(
  context: IdentityContext,
  rule: PolicyRule,
  groupId: string,
  userId: string,
): Promise<void> {
  const { db } = context.app
  const group = await findGroup(db, groupId)
  const user = await findUser(db, userId)
  context.authorize(rule, { ...groupTarget(group), ...userTarget(user) })
  found(group, 'group', groupId)
  found(user, 'user', userId)
}

export async function addUserToGroup(
  context: IdentityContext,
  groupId: string,
  userId: string,
): Promise<void> {
  await bothFor(context, groupRules.addUser, groupId, userId)
  const { app } = context
  const row = { groupId, userId, createdAt: app.world.clock.now() }
  await change(app, (tx) => insertMembership(tx, row))
}

export async function checkUserInGroup(
  context: IdentityContext,
  groupId: string,
  userId: string,
): Promise<void> {
  await bothFor(context, groupRules.checkUser, groupId, userId)
  if (!(await isMember(context.app.db, userId, groupId))) throw notFound('user in group', userId)
}

export async function removeUserFromGroup(
  context: IdentityContext,
  groupId: string,
  userId: string,
): Promise<void> {
  await bothFor(context, groupRules.removeUser, groupId, userId)
  await change(context.app, async (tx) => {
    if ((await deleteMembership(tx, userId, groupId)) === 0) throw notFound('user in group', userId)
  })
}

const taken = (row: Group) =>
  `Conflict occurred attempting to store group - domain ${row.domainId} has a group of the name ${row.name} already.`
