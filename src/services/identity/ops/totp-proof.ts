// Proof by a passcode of the clock, from any of the seeds that the user has among its credentials. Good once; failures
// count as those of passwords do, since six digits are soon guessed.
import { endOfWindow, matchingWindow, readBase32 } from '#kit/totp/totp.ts'
import type { Identity } from '../app.ts'
import type { IdentityWish } from '../resources/token.ts'
import { listCredentials } from '../store/credential.ts'
import { isSpent } from '../store/spent-proof.ts'
import { judgeAttempt } from './lockout.ts'
import { expecting, namedUser } from './named-user.ts'
import type { Proof, Spending, Surroundings } from './proof.ts'

/** Keystone's `[totp] included_previous_windows`: a code that was typed slowly. */
const earlierWindows = 1

export async function byTotp(
  app: Identity,
  wish: IdentityWish,
  at: Surroundings,
): Promise<Proof & { spending: Spending }> {
  const given = wish.totp?.user
  if (!given) throw expecting('user', 'totp')
  if (given.passcode === undefined) throw expecting('passcode', 'user')
  const user = await namedUser(app, given)
  if (user) at.seen?.(user)
  const spending = user && (await unspent(app, user.id, given.passcode))
  const known = await judgeAttempt(app, user, spending !== undefined)
  return { userId: known.id, methods: ['totp'], spending: spending! }
}

async function unspent(app: Identity, userId: string, given: string): Promise<Spending | undefined> {
  const { db, safe, world } = app
  for (const row of await listCredentials(db, { userId, type: 'totp' })) {
    const secret = readBase32(safe.open(row.sealedBlob))
    if (!secret) continue
    const window = matchingWindow(secret, given, world.clock.now(), earlierWindows)
    if (window === undefined) continue
    const spending = { id: `totp ${row.id} ${window}`, until: endOfWindow(window, earlierWindows) }
    if (!(await isSpent(db, spending.id))) return spending
  }
  return undefined
}
