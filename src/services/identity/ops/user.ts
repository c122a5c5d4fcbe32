// Decisions about users and their passwords. Whoever is disabled or gets another password loses all tokens at once.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { IdentityContext } from '../app.ts'
import { type NewUser, type User, type UserChange, userRules, userTarget } from '../resources/user.ts'
import { findProject } from '../store/project.ts'
import { deleteUsers, findUser, insertUser, listUsers, type UserFilter, updateUser } from '../store/user.ts'
import { change, found, mergeOptions, notFound } from './change.ts'
import { judgeAttempt } from './lockout.ts'
import {
  activeNow,
  checkAge,
  checkHistory,
  checkStrength,
  isInactive,
  passwordColumns,
  rememberPassword,
} from './password-rule.ts'
import { dropReferencesToUsers } from './reference.ts'
import { unauthenticated } from './standing.ts'

export async function listUsersFor(
  context: IdentityContext,
  filter: Omit<UserFilter, 'id'>,
): Promise<User[]> {
  const { app, caller } = context
  const domainId = caller.domainId ?? filter.domainId
  context.authorize(userRules.list, { 'target.domain_id': domainId })
  const { enabled, ...rest } = filter
  const rows = (await listUsers(app.db, { ...rest, domainId })).map((row) => seen(context, row))
  return enabled === undefined ? rows : rows.filter((row) => row.enabled === enabled)
}

/** Who has stayed away for too long is shown as disabled: nobody logs in as that user. */
export function seen({ app }: IdentityContext, row: User): User {
  return isInactive(app.config, row, app.world.clock.now()) ? { ...row, enabled: false } : row
}

export async function getUser(context: IdentityContext, id: string): Promise<User> {
  const row = await findUser(context.app.db, id)
  context.authorize(userRules.get, userTarget(row))
  return seen(context, found(row, 'user', id))
}

export async function createUser(context: IdentityContext, given: NewUser): Promise<User> {
  const { app, caller } = context
  const domainId = given.domainId ?? caller.domainId ?? caller.projectDomainId ?? caller.userDomainId!
  context.authorize(userRules.create, userTarget({ domainId }))
  await requireDomain(context, domainId)
  await refuseDomainAsProject(context, given.defaultProjectId)
  const row: User = {
    id: app.world.random.hexId(),
    name: given.name,
    domainId,
    description: given.description ?? null,
    enabled: given.enabled ?? true,
    defaultProjectId: given.defaultProjectId ?? null,
    passwordHash: null,
    passwordSetAt: null,
    passwordExpiresAt: null,
    passwordBySelf: null,
    lastActiveAt: activeNow(app.config, app.world.clock.now()),
    failedLogins: null,
    lastFailedAt: null,
    options: mergeOptions({}, given.options),
    extra: given.extra,
    createdAt: app.world.clock.now(),
  }
  if (typeof given.password === 'string') {
    checkStrength(app.config, given.password)
    const hash = await app.passwords.hash(given.password)
    Object.assign(row, passwordColumns(app, row, hash, 'administrator'))
  }
  await change(app, (tx) => insertUser(tx, row), taken(row))
  return row
}

export async function changeUser(context: IdentityContext, id: string, given: UserChange): Promise<User> {
  const { app } = context
  const before = await findUser(app.db, id)
  context.authorize(userRules.update, userTarget(before))
  const row = found(before, 'user', id)
  if (given.domainId !== undefined && given.domainId !== row.domainId)
    throw new CloudError('badRequest', 'A user cannot be moved to another domain.')
  await refuseDomainAsProject(context, given.defaultProjectId)
  if (typeof given.password === 'string') checkStrength(app.config, given.password)
  const hash = typeof given.password === 'string' ? await app.passwords.hash(given.password) : undefined
  const options = mergeOptions(row.options, given.options)
  const after: User = {
    ...row,
    name: given.name ?? row.name,
    description: given.description === undefined ? row.description : given.description,
    enabled: given.enabled ?? row.enabled,
    defaultProjectId: given.defaultProjectId === undefined ? row.defaultProjectId : given.defaultProjectId,
    ...(hash !== undefined && passwordColumns(app, { options }, hash, 'administrator')),
    // Who is enabled by an administrator gets the whole time to come back, and may try a login at once.
    ...(given.enabled && {
      lastActiveAt: activeNow(app.config, app.world.clock.now()),
      failedLogins: null,
      lastFailedAt: null,
    }),
    options,
    extra: { ...row.extra, ...given.extra },
  }
  await change(
    app,
    async (tx) => {
      await updateUser(tx, id, after)
      if (hash !== undefined) await rememberPassword(app, tx, row)
      if (hash !== undefined || (row.enabled && !after.enabled)) await app.tokens.revoke(tx, { userId: id })
    },
    taken(after),
  )
  return after
}

/** Anybody who knows the old password may set a new one; no token is needed. */
export async function changeOwnPassword(
  context: IdentityContext,
  id: string,
  given: { originalPassword: string; password: string },
): Promise<void> {
  const { app } = context
  const known = await findUser(app.db, id)
  const right = await app.passwords.verify(known?.passwordHash, given.originalPassword)
  // Guesses count here as they do at a login.
  const row = await judgeAttempt(app, known, right)
  if (!row.enabled) throw new CloudError('unauthorized', unauthenticated)
  if (row.options.lock_password === true)
    throw new CloudError('badRequest', 'This user may not change the password: an administrator has to.')
  checkStrength(app.config, given.password)
  checkAge(app.config, row, app.world.clock.now())
  await checkHistory(app, row, given.password)
  const hash = await app.passwords.hash(given.password)
  await change(app, async (tx) => {
    await updateUser(tx, id, passwordColumns(app, row, hash, 'self'))
    await rememberPassword(app, tx, row)
    await app.tokens.revoke(tx, { userId: id })
  })
}

export async function deleteUser(context: IdentityContext, id: string): Promise<void> {
  const { app } = context
  const row = await findUser(app.db, id)
  context.authorize(userRules.delete, userTarget(row))
  found(row, 'user', id)
  await change(app, async (tx) => {
    await dropReferencesToUsers(app, tx, [id])
    await deleteUsers(tx, [id])
  })
}

export async function requireDomain(context: IdentityContext, id: string): Promise<void> {
  if (!(await findProject(context.app.db, id))?.isDomain) throw notFound('domain', id)
}

async function refuseDomainAsProject(context: IdentityContext, id: string | null | undefined): Promise<void> {
  if (id && (await findProject(context.app.db, id))?.isDomain)
    throw new CloudError('badRequest', `The default project ${id} is a domain.`)
}

const taken = (row: User) =>
  `Conflict occurred attempting to store user - domain ${row.domainId} has a user of the name ${row.name} already.`
