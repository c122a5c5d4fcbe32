// SQL of what was done with servers.
import type { Db } from '#kit/db/database.ts'
import {
  type ActionEvent,
  type ServerActionRow,
  serverAction,
  serverActionEvent,
} from '../resources/server-action.ts'

export const insertAction = (db: Db, row: Parameters<typeof serverAction.insertReturningId>[1]) =>
  serverAction.insertReturningId(db, row)
export const findAction = (db: Db, serverId: string, requestId: string) =>
  serverAction.first(db, { serverId, requestId }, { orderBy: [['number', 'desc']] })
export const updateAction = (db: Db, number: number, change: Partial<ServerActionRow>) =>
  serverAction.update(db, { number }, change)
export const insertEvent = (db: Db, row: Parameters<typeof serverActionEvent.insertReturningId>[1]) =>
  serverActionEvent.insertReturningId(db, row)
export const findEvent = (db: Db, actionNumber: number, event: string) =>
  serverActionEvent.first(db, { actionNumber, event }, { orderBy: [['number', 'desc']] })
export const updateEvent = (db: Db, number: number, change: Partial<ActionEvent>) =>
  serverActionEvent.update(db, { number }, change)
export const eventsOf = (db: Db, actionNumber: number) =>
  serverActionEvent.find(db, { actionNumber }, { orderBy: [['number', 'desc']] })

export type ActionList = { changedSince?: number; changedBefore?: number; below?: number; limit?: number }

/** The latest first. */
export function listActions(db: Db, serverId: string, list: ActionList): Promise<ServerActionRow[]> {
  return serverAction.find(
    db,
    (q) => {
      let query = q.where('serverId', '=', serverId)
      if (list.changedSince !== undefined) query = query.where('updatedAt', '>=', list.changedSince)
      if (list.changedBefore !== undefined) query = query.where('updatedAt', '<=', list.changedBefore)
      if (list.below !== undefined) query = query.where('number', '<', list.below)
      return query
    },
    { orderBy: [['number', 'desc']], limit: list.limit },
  )
}
