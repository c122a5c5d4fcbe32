// Guessing stops here: so many failures in a row, and nobody logs in as that user for a while, not even with the right
// password. Counted on the user's row, where all controllers see it; off unless configured.
import type { Identity } from '../app.ts'
import type { IdentityConfig } from '../config.ts'
import type { User } from '../resources/user.ts'
import { countFailedLogin, forgetFailedLogins } from '../store/login.ts'
import { findUser } from '../store/user.ts'
import { refuse } from './standing.ts'

/**
 * Says whether an attempt counts, after it was found right or wrong: many at once must not all be judged by what was so
 * before the first of them failed. A locked user hears what everybody hears. Throws 'unauthorized'.
 */
export async function judgeAttempt(
  { db, config, world }: Identity,
  user: User | undefined,
  right: boolean,
): Promise<User> {
  if (!user) throw refuse('no such user')
  if (!counts(config, user)) {
    if (!right) throw refuse('wrong password or passcode')
    return user
  }
  const now = world.clock.now()
  for (;;) {
    const row = await findUser(db, user.id)
    if (!row) throw refuse('the user is gone')
    if (isLocked(config, row, now)) throw refuse(`the account of user ${user.id} is locked`)
    const failures = row.failedLogins ?? 0
    if (right) return row
    // After a lock is over it takes as many failures again.
    const next = failures >= config.lockoutFailureAttempts! ? 1 : failures + 1
    if (await countFailedLogin(db, row, { failedLogins: next, lastFailedAt: now }))
      throw refuse('wrong password or passcode')
  }
}

/** Once a login is complete: one right factor must not buy more guesses of the next. */
export async function forgiveFailures({ db }: Identity, user: User): Promise<void> {
  if (user.failedLogins !== null && user.failedLogins > 0) await forgetFailedLogins(db, user.id)
}

function isLocked(config: IdentityConfig, user: User, now: number): boolean {
  if ((user.failedLogins ?? 0) < config.lockoutFailureAttempts!) return false
  return (user.lastFailedAt ?? 0) + config.lockoutDuration > now
}

function counts(config: IdentityConfig, user: User): boolean {
  return config.lockoutFailureAttempts !== undefined && user.options.ignore_lockout_failure_attempts !== true
}
