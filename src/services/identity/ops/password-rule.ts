// Rules about passwords as a security officer sets them by configuration: strength, age, no use again, and when a user
// who stays away counts as disabled. All are off unless configured; names and meanings are those of keystone's
// [security_compliance].
import type { Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Identity } from '../app.ts'
import type { IdentityConfig } from '../config.ts'
import type { User } from '../resources/user.ts'
import { insertOldPassword, listOldPasswords, pruneOldPasswords } from '../store/user.ts'

export const dayMs = 86_400_000

/** True once the password has to be changed before it is good for a login. */
export function passwordExpired(user: Pick<User, 'passwordExpiresAt'>, now: number): boolean {
  return user.passwordExpiresAt !== null && user.passwordExpiresAt <= now
}

/** True of an enabled user who has stayed away for longer than configured. */
export function isInactive(
  config: Pick<IdentityConfig, 'disableUserAccountDaysInactive'>,
  user: Pick<User, 'lastActiveAt' | 'options'>,
  now: number,
): boolean {
  const days = config.disableUserAccountDaysInactive
  if (days === undefined || user.lastActiveAt === null) return false
  return user.options.ignore_user_inactivity !== true && now - user.lastActiveAt > days * dayMs
}

/** Kept only where it is asked for: elsewhere each login would cost a write. */
export function activeNow(config: IdentityConfig, now: number): number | null {
  return config.disableUserAccountDaysInactive === undefined ? null : Math.floor(now / dayMs) * dayMs
}

/** Throws 'badRequest' where the password is not what the configured expression asks for. */
export function checkStrength(config: IdentityConfig, password: string): void {
  const { passwordRegex, passwordRegexDescription } = config
  if (passwordRegex === undefined || regexOf(passwordRegex).test(password)) return
  throw new CloudError(
    'badRequest',
    `The password does not match the requirements: ${passwordRegexDescription ?? passwordRegex}.`,
  )
}

const compiled = new Map<string, RegExp>()
/** Python's match: from the beginning, and wherever it ends. */
function regexOf(source: string): RegExp {
  const known = compiled.get(source)
  if (known) return known
  const regex = new RegExp(`^(?:${source})`)
  compiled.set(source, regex)
  return regex
}

export type PasswordColumns = Pick<
  User,
  'passwordHash' | 'passwordSetAt' | 'passwordExpiresAt' | 'passwordBySelf'
>

/** What a new password leaves on the user's row. */
export function passwordColumns(
  { config, world }: Pick<Identity, 'config' | 'world'>,
  user: Pick<User, 'options'>,
  hash: string,
  by: 'self' | 'administrator',
): PasswordColumns {
  const now = world.clock.now()
  const { options } = user
  const atOnce =
    by === 'administrator' &&
    config.changePasswordUponFirstUse &&
    options.ignore_change_password_upon_first_use !== true
  const days = options.ignore_password_expiry === true ? undefined : config.passwordExpiresDays
  const later = days === undefined ? null : now + days * dayMs
  return {
    passwordHash: hash,
    passwordSetAt: now,
    passwordExpiresAt: atOnce ? now : later,
    passwordBySelf: by === 'self',
  }
}

/** Throws 'badRequest' where the user has not kept the present password for long enough. */
export function checkAge(config: IdentityConfig, user: User, now: number): void {
  const days = config.minimumPasswordAge
  if (days === 0 || user.passwordBySelf !== true || user.passwordSetAt === null) return
  const left = user.passwordSetAt + days * dayMs - now
  if (left <= 0) return
  throw new CloudError(
    'badRequest',
    `Cannot change password before minimum age ${days} days is met. Change it in ${Math.ceil(left / dayMs)} days.`,
  )
}

/** Throws 'badRequest' where it is among the last ones. Each comparison costs as much as a login. */
export async function checkHistory(
  { config, passwords, db }: Pick<Identity, 'config' | 'passwords' | 'db'>,
  user: User,
  password: string,
): Promise<void> {
  const count = config.uniqueLastPasswordCount
  if (count === 0) return
  const old = await listOldPasswords(db, user.id, count - 1)
  const hashes = [user.passwordHash, ...old.map((each) => each.hash)].filter((each) => each !== null)
  for (const hash of hashes)
    if (await passwords.verify(hash, password))
      throw new CloudError(
        'badRequest',
        `The new password cannot be identical to a previous password. The last ${count} passwords must be unique.`,
      )
}

/** Part of the transaction that sets another password. */
export async function rememberPassword(
  { config, world }: Pick<Identity, 'config' | 'world'>,
  tx: Transaction,
  user: User,
): Promise<void> {
  const kept = config.uniqueLastPasswordCount - 1
  if (kept <= 0 || user.passwordHash === null) return pruneOldPasswords(tx, user.id, 0)
  await insertOldPassword(tx, { userId: user.id, hash: user.passwordHash, createdAt: world.clock.now() })
  await pruneOldPasswords(tx, user.id, kept)
}
