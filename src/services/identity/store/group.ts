// SQL of groups and of who is in them.
import type { Db } from '#kit/db/database.ts'
import { type Group, group, membership } from '../resources/group.ts'
import { type User, user } from '../resources/user.ts'
import { defined } from './filter.ts'

export type GroupFilter = { id?: readonly string[]; name?: string; domainId?: string }

export const findGroup = (db: Db, id: string) => group.get(db, id)

export const listGroups = (db: Db, filter: GroupFilter): Promise<Group[]> =>
  group.find(db, defined(filter), {
    orderBy: [
      ['createdAt', 'asc'],
      ['id', 'asc'],
    ],
  })

export const insertGroup = (db: Db, row: Group) => group.insert(db, row)

export const updateGroup = (db: Db, id: string, change: Partial<Group>) => group.update(db, { id }, change)

export async function deleteGroups(db: Db, ids: readonly string[]): Promise<void> {
  await membership.delete(db, { groupId: [...ids] })
  await group.delete(db, { id: [...ids] })
}

export async function groupIdsOf(db: Db, userId: string): Promise<string[]> {
  return (await membership.find(db, { userId })).map((each) => each.groupId)
}

export async function membersOf(db: Db, groupIds: readonly string[]): Promise<Map<string, string[]>> {
  const members = new Map<string, string[]>()
  for (const each of await membership.find(db, { groupId: [...groupIds] }))
    members.set(each.groupId, [...(members.get(each.groupId) ?? []), each.userId])
  return members
}

export async function listMembers(db: Db, groupId: string): Promise<User[]> {
  const ids = (await membership.find(db, { groupId })).map((each) => each.userId)
  return user.find(db, { id: ids }, { orderBy: [['name', 'asc']] })
}

export const isMember = async (db: Db, userId: string, groupId: string) =>
  (await membership.count(db, { userId, groupId })) > 0

/** No error when it is there. */
export const insertMembership = (db: Db, row: typeof membership.Row) => membership.insertIfAbsent(db, row)

export const deleteMembership = (db: Db, userId: string, groupId: string) =>
  membership.delete(db, { userId, groupId })

export const deleteMembershipsOf = (db: Db, userIds: readonly string[]) =>
  membership.delete(db, { userId: [...userIds] })
