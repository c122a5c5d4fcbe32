// The two password mechanisms of AMQP clients: PLAIN, and AMQPLAIN, which oslo.messaging prefers.
import { Cursor } from '#kit/amqp/cursor.ts'
import { connectionError } from '#kit/amqp/error.ts'
import { readTable, type Table } from '#kit/amqp/table.ts'
import { Writer } from '#kit/amqp/writer.ts'
import { passwordMatches, type User } from './user.ts'

export const mechanisms = 'PLAIN AMQPLAIN'

/** Throws 403 where name or password is wrong, without saying which. */
export function login(users: ReadonlyMap<string, User>, mechanism: string, response: Buffer): User {
  const { name, password } = credentials(mechanism, response)
  const user = users.get(name)
  if (user && passwordMatches(user, password)) return user
  throw connectionError(
    403,
    `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`,
  )
}

function credentials(mechanism: string, response: Buffer): { name: string; password: string } {
  if (mechanism === 'PLAIN') {
    const [, name = '', password = ''] = response.toString().split('\0')
    return { name, password }
  }
  if (mechanism === 'AMQPLAIN') {
    // A table without its length before it.
    const writer = new Writer(response.length + 4)
    writer.longstr(response)
    const { LOGIN, PASSWORD } = readTable(new Cursor(writer.written())) as Table
    return { name: String(LOGIN ?? ''), password: String(PASSWORD ?? '') }
  }
  throw connectionError(504, `unknown authentication mechanism '${mechanism}'`)
}
