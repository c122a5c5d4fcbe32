// SQL of the passwords that guests post.
import type { Db } from '#kit/db/database.ts'
import { serverPassword } from '../resources/server-password.ts'

export const findPassword = async (db: Db, serverId: string) =>
  (await serverPassword.get(db, serverId))?.password ?? ''
export const insertPassword = (db: Db, serverId: string, password: string, createdAt: number) =>
  serverPassword.insert(db, { serverId, password, createdAt })
export const deletePassword = (db: Db, serverId: string) => serverPassword.delete(db, { serverId })
