// SQL of server groups and their members.
import type { Db } from '#kit/db/database.ts'
import { type ServerGroup, serverGroup, serverGroupMember } from '../resources/server-group.ts'

export const findGroup = (db: Db, id: string) => serverGroup.get(db, id)
export const insertGroup = (db: Db, row: ServerGroup) => serverGroup.insert(db, row)
export const countGroups = (db: Db, projectId: string, userId: string | undefined) =>
  serverGroup.count(db, userId === undefined ? { projectId } : { projectId, userId })

export async function deleteGroup(db: Db, id: string): Promise<number> {
  await serverGroupMember.delete(db, { groupId: id })
  return serverGroup.delete(db, { id })
}

export function listGroups(db: Db, projectId: string | undefined, limit: number, offset: number) {
  return serverGroup.find(db, projectId === undefined ? {} : { projectId }, {
    orderBy: [
      ['createdAt', 'asc'],
      ['id', 'asc'],
    ],
    limit,
    offset,
  })
}

export async function membersOf(db: Db, groupIds: readonly string[]): Promise<Map<string, string[]>> {
  const members = new Map<string, string[]>(groupIds.map((id) => [id, []]))
  const rows = await serverGroupMember.find(db, { groupId: groupIds }, { orderBy: [['serverId', 'asc']] })
  for (const row of rows) members.get(row.groupId)?.push(row.serverId)
  return members
}

export const addMember = (db: Db, groupId: string, serverId: string) =>
  serverGroupMember.insertIfAbsent(db, { groupId, serverId })
export const removeMember = (db: Db, serverId: string) => serverGroupMember.delete(db, { serverId })
export const groupsOfServer = async (db: Db, serverId: string) =>
  (await serverGroupMember.find(db, { serverId })).map((each) => each.groupId)
