// The administrator's password that a guest posted through its metadata, encrypted to its user's key.
import { c, table } from '#kit/db/table.ts'

export const serverPassword = table(
  'server_password',
  { serverId: c.id(), password: c.text(), createdAt: c.time() },
  { primaryKey: ['serverId'] },
)
