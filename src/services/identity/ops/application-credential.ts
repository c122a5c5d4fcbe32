// Decisions about application credentials: made by the user alone, with no more than the token at hand can do.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { IdentityContext } from '../app.ts'
import {
  type AccessRule,
  type ApplicationCredential,
  type ApplicationCredentialShown,
  accessRuleRules,
  applicationCredentialRules,
  type NewApplicationCredential,
} from '../resources/application-credential.ts'
import { noDomain, type Role } from '../resources/role.ts'
import {
  deleteApplicationCredentials,
  deleteAccessRule as deleteRule,
  findApplicationCredential,
  insertAccessRules,
  insertApplicationCredential,
  listAccessRules,
  listApplicationCredentials,
} from '../store/application-credential.ts'
import { change, found, notFound } from './change.ts'
import { refuseNarrow } from './credential.ts'
import type { Facts } from './knowledge.ts'

const target = (userId: string) => ({ user_id: userId, 'target.user.id': userId })

export async function createApplicationCredential(
  context: IdentityContext,
  userId: string,
  given: NewApplicationCredential,
): Promise<ApplicationCredentialShown> {
  const { app, caller } = context
  context.authorize(applicationCredentialRules.create, target(userId))
  await refuseNarrow(context)
  if (!caller.projectId)
    throw new CloudError(
      'badRequest',
      'An application credential is for a project: use a token of that project.',
    )
  const { standing } = await app.tokens.validate(caller.token)
  const roles = given.roles ? given.roles.map((wish) => chosenRole(standing.roles, wish)) : standing.roles
  const secret = given.secret ?? app.world.random.bytes(64).toString('base64url')
  const now = app.world.clock.now()
  const rules = given.accessRules && (await rulesFor(context, userId, given.accessRules))
  const row: ApplicationCredential = {
    id: app.world.random.hexId(),
    name: given.name,
    userId,
    projectId: caller.projectId,
    description: given.description ?? null,
    secretHash: await app.passwords.hash(secret),
    roleIds: roles.map((role) => role.id),
    accessRuleIds: rules ? rules.all.map((each) => each.id) : null,
    expiresAt: readExpiry(given.expiresAt, now),
    unrestricted: given.unrestricted ?? false,
    createdAt: now,
  }
  await change(
    app,
    async (tx) => {
      await insertAccessRules(tx, rules?.made ?? [])
      await insertApplicationCredential(tx, row)
    },
    `Conflict occurred attempting to store application_credential - the user has one of the name ${row.name} already.`,
  )
  return { ...row, roles: roles.map(shownRole), accessRules: rules?.all ?? [], secret }
}

/** By id or name, among those that the token has. */
export function chosenRole(held: readonly Role[], wish: { id?: string; name?: string }): Role {
  const role = held.find((each) => (wish.id === undefined ? each.name === wish.name : each.id === wish.id))
  if (!role)
    throw new CloudError('badRequest', `You do not have the role ${wish.id ?? wish.name} in this project.`)
  return role
}

/** Milliseconds with fractions; null for never. Throws 'badRequest' for what is no time or is past. */
export function readExpiry(text: string | null | undefined, now: number): number | null {
  if (text === undefined || text === null) return null
  const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/.exec(text)
  // Without a zone it is UTC.
  const whole = iso ? Date.parse(`${text.slice(0, iso[1] ? 19 : 16)}${iso[3] ?? 'Z'}`) : Number.NaN
  const at = whole + Number(iso?.[2] ?? 0) * 1000
  if (Number.isNaN(at))
    throw new CloudError('badRequest', `Invalid input for field 'expires_at': '${text}' is no time.`)
  if (at <= now) throw new CloudError('badRequest', `The time ${text} is past.`)
  return at
}

type RuleWish = NonNullable<NewApplicationCredential['accessRules']>[number]

/** A user's rule of the same words is used again. */
async function rulesFor(
  context: IdentityContext,
  userId: string,
  wishes: readonly RuleWish[],
): Promise<{ all: AccessRule[]; made: AccessRule[] }> {
  const { app } = context
  const known = await listAccessRules(app.db, userId)
  const made: AccessRule[] = []
  const all = wishes.map((wish) => {
    if (wish.id !== undefined)
      return found(
        known.find((each) => each.id === wish.id),
        'access rule',
        wish.id,
      )
    const { service, path, method } = wish
    if (!service || !path || !method)
      throw new CloudError(
        'badRequest',
        'An access rule needs a service, a method and a path, or the id of one that is there.',
      )
    const same = [...known, ...made].find(
      (each) => each.service === service && each.path === path && each.method === method,
    )
    if (same) return same
    const id = app.world.random.hexId()
    const row = { id, userId, service, path, method, createdAt: app.world.clock.now() }
    made.push(row)
    return row
  })
  return { all, made }
}

const shownRole = (role: Role) => ({
  id: role.id,
  name: role.name,
  domain_id: role.domainId === noDomain ? null : role.domainId,
})

function shown(
  facts: Facts,
  row: ApplicationCredential,
  rules: readonly AccessRule[],
): ApplicationCredentialShown {
  const roles = row.roleIds.flatMap((id) => facts.roles.get(id) ?? [])
  return {
    ...row,
    roles: roles.map(shownRole),
    accessRules: rules.filter((each) => row.accessRuleIds?.includes(each.id)),
  }
}

export async function listApplicationCredentialsFor(
  context: IdentityContext,
  userId: string,
  name: string | undefined,
): Promise<ApplicationCredentialShown[]> {
  const { db, knowledge } = context.app
  context.authorize(applicationCredentialRules.list, target(userId))
  const facts = await knowledge.facts()
  const rules = await listAccessRules(db, userId)
  return (await listApplicationCredentials(db, { userId, name })).map((row) => shown(facts, row, rules))
}

export async function getApplicationCredential(
  context: IdentityContext,
  userId: string,
  id: string,
): Promise<ApplicationCredentialShown> {
  const { db, knowledge } = context.app
  context.authorize(applicationCredentialRules.get, target(userId))
  const row = await findApplicationCredential(db, id)
  if (row?.userId !== userId) throw notFound('application credential', id)
  return shown(await knowledge.facts(), row, await listAccessRules(db, userId))
}

export async function deleteApplicationCredential(
  context: IdentityContext,
  userId: string,
  id: string,
): Promise<void> {
  const { app } = context
  context.authorize(applicationCredentialRules.delete, target(userId))
  await refuseNarrow(context)
  if ((await findApplicationCredential(app.db, id))?.userId !== userId)
    throw notFound('application credential', id)
  await change(app, (tx) => deleteApplicationCredentials(tx, { id }))
}

export async function listAccessRulesFor(context: IdentityContext, userId: string): Promise<AccessRule[]> {
  context.authorize(accessRuleRules.list, target(userId))
  return listAccessRules(context.app.db, userId)
}

export async function getAccessRule(
  context: IdentityContext,
  userId: string,
  id: string,
): Promise<AccessRule> {
  context.authorize(accessRuleRules.get, target(userId))
  const rules = await listAccessRules(context.app.db, userId)
  return found(
    rules.find((each) => each.id === id),
    'access rule',
    id,
  )
}

export async function deleteAccessRule(context: IdentityContext, userId: string, id: string): Promise<void> {
  const { app } = context
  context.authorize(accessRuleRules.delete, target(userId))
  const rules = await listAccessRules(app.db, userId)
  if (!rules.some((each) => each.id === id)) throw notFound('access rule', id)
  await change(app, async (tx) => {
    const users = await listApplicationCredentials(tx, { userId })
    if (users.some((each) => each.accessRuleIds?.includes(id)))
      throw new CloudError('forbidden', `Access rule ${id} is in use by an application credential.`)
    await deleteRule(tx, id)
  })
}
