// Console tokens: each opens one console once. Only their hashes are kept.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'

export const consoleToken = table(
  'console_token',
  {
    /** SHA-256 of the token, in hex. */
    hash: c.text(64),
    serverId: c.id(),
    kind: c.text<'novnc' | 'serial'>(16),
    expiresAt: c.time(),
  },
  { primaryKey: ['hash'], index: [['expiresAt'], ['serverId']] },
)
export type ConsoleToken = RowOf<typeof consoleToken>

export const remoteConsole = body('remote_console', {
  protocol: { schema: Type.String() },
  type: { schema: Type.String() },
})
export const consoleOfType = (wrapper: string) => body(wrapper, { type: { schema: Type.String() } })
export const consoleOutput = body('os-getConsoleOutput', {
  length: {
    schema: Type.Unsafe<number | string | null>({
      type: ['integer', 'string', 'null'],
      pattern: '^-?[0-9]+$',
    }),
    optional: true,
  },
})
