// Proof by password. Every failure looks the same from outside and takes as long; only who knew the password hears that
// it has expired.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Identity } from '../app.ts'
import type { IdentityWish } from '../resources/token.ts'
import type { User } from '../resources/user.ts'
import { replacePasswordHash } from '../store/login.ts'
import { judgeAttempt } from './lockout.ts'
import { expecting, namedUser } from './named-user.ts'
import { passwordExpired } from './password-rule.ts'
import type { Proof, Surroundings } from './proof.ts'

export async function byPassword(app: Identity, wish: IdentityWish, at: Surroundings): Promise<Proof> {
  const given = wish.password?.user
  if (!given) throw expecting('user', 'password')
  if (given.password === undefined) throw expecting('password', 'user')
  const user = await namedUser(app, given)
  if (user) at.seen?.(user)
  const right = await app.passwords.verify(user?.passwordHash, given.password)
  const known = await judgeAttempt(app, user, right)
  if (passwordExpired(known, app.world.clock.now()))
    throw new CloudError(
      'unauthorized',
      `The password is expired and needs to be changed for user: ${known.id}.`,
    )
  await renewHash(app, known, given.password)
  return { userId: known.id, methods: ['password'] }
}

/** Nothing that anybody could see changes, so nothing that is remembered of the user is forgotten. */
async function renewHash({ db, passwords }: Identity, user: User, password: string): Promise<void> {
  const { passwordHash } = user
  if (passwordHash === null || !passwords.isOutdated(passwordHash)) return
  await replacePasswordHash(db, user.id, passwordHash, await passwords.hash(password))
}
