// Making, showing and revoking join tokens, and judging one that a host shows.
import { createHash, timingSafeEqual } from 'node:crypto'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { HostApp, HostContext } from '../app.ts'
import type { JoinToken } from '../resources/join-token.ts'
import * as store from '../store/join-token.ts'

const prefix = 'nimbo1'
/** How long a token that is over is still listed, so that one can see what became of it. */
const rememberedMs = 7 * 86_400_000

export type NewToken = { row: JoinToken; token: string }

export async function createToken(
  context: HostContext,
  wish: { ttl?: number; host?: string },
): Promise<NewToken> {
  const { world, db, around, config, journal } = context.app
  const problem = around.notJoinable()
  if (problem) throw new CloudError('conflict', problem, { type: 'NotJoinable' })
  const now = world.clock.now()
  const id = world.random.bytes(5).toString('hex')
  const secret = world.random.bytes(18).toString('base64url')
  const { fingerprint } = await around.authority()
  const row: JoinToken = {
    id,
    secretHash: sha256(secret),
    hostName: wish.host ?? null,
    createdAt: now,
    expiresAt: now + (wish.ttl === undefined ? config.joinTokenLife : wish.ttl * 1000),
    usedAt: null,
    usedBy: null,
    usedKey: null,
  }
  await store.deleteTokensBefore(db, now - rememberedMs)
  await store.insertToken(db, row)
  journal.record(context.trace, {
    kind: 'decision',
    name: 'join-token.create',
    subject: `join-token:${id}`,
    userId: context.caller.userId,
    data: { host: row.hostName, expiresAt: row.expiresAt },
  })
  return { row, token: [prefix, id, secret, fingerprint].join('.') }
}

export const listTokens = (context: HostContext) => store.listTokens(context.app.db)

export async function deleteToken(context: HostContext, id: string): Promise<void> {
  if ((await store.deleteToken(context.app.db, id)) === 0)
    throw new CloudError('notFound', `There is no join token ${id}.`)
  context.journal.record(context.trace, {
    kind: 'decision',
    name: 'join-token.revoke',
    subject: `join-token:${id}`,
    userId: context.caller.userId,
  })
}

/** The row of a token that holds for this host, or was used by this very host before. One answer for all that is wrong. */
export async function judgeToken(app: HostApp, token: string, host: string): Promise<JoinToken> {
  const [, id = '', secret = ''] = new RegExp(`^${prefix}\\.([^.]+)\\.([^.]+)\\.`).exec(`${token}.`) ?? []
  const row = await store.findToken(app.db, id)
  const right = timingSafeEqual(
    Buffer.from(sha256(secret)),
    Buffer.from(row?.secretHash ?? sha256(`not ${secret}`)),
  )
  if (!row || !right || row.expiresAt <= app.world.clock.now())
    throw new CloudError('unauthorized', 'This join token is unknown or has expired: ask for a new one.')
  if (row.hostName !== null && row.hostName !== host)
    throw new CloudError('forbidden', `This join token is for the host ${row.hostName}, not ${host}.`)
  return row
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
