// What a token means at this moment: its user, its scope and the roles that the user has there now. Asked anew whenever
// something of identity has changed, so that whoever is disabled or loses a role feels it at once.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { TokenPayload, TokenScope } from '#kit/fernet/token.ts'
import type { AccessRule } from '#kit/http/access-rule.ts'
import type { ApplicationCredential } from '../resources/application-credential.ts'
import type { Project } from '../resources/project.ts'
import type { Role } from '../resources/role.ts'
import type { Trust } from '../resources/trust.ts'
import type { User } from '../resources/user.ts'
import { findApplicationCredential, listAccessRules } from '../store/application-credential.ts'
import { findProject } from '../store/project.ts'
import { findTrust } from '../store/trust.ts'
import { findUser } from '../store/user.ts'
import { expand, rolesOn } from './effective-role.ts'
import type { Facts } from './knowledge.ts'
import type { Traits } from './revocation.ts'

export type Standing = {
  readonly user: User
  readonly userDomain: Project
  readonly project?: Project
  readonly projectDomain?: Project
  readonly domain?: Project
  readonly system: boolean
  readonly roles: readonly Role[]
  readonly trust?: Trust
  readonly applicationCredential?: ApplicationCredential
  /** What the application credential is good for; undefined for everything. */
  readonly accessRules?: readonly AccessRule[]
}

export const unauthenticated = 'The request you have made requires authentication.'

/** `detail` is for the log: the caller learns only that it failed. */
export function refuse(detail: string): CloudError {
  return new CloudError('unauthorized', unauthenticated, { detail })
}

/** A token that is asked about or logged in with, and is no valid one, is not there: Keystone answers 404 to both. */
export function tokenNotFound(error: unknown): never {
  if (error instanceof CloudError && error.kind === 'unauthorized')
    throw new CloudError('notFound', 'Failed to validate token', { cause: error, detail: error.detail })
  throw error
}

/** Throws 'unauthorized' where the user, the scope or all roles are gone or disabled. */
export async function standingOf(
  db: Db,
  facts: Facts,
  now: number,
  payload: Pick<TokenPayload, 'userId' | 'scope'>,
): Promise<Standing> {
  const { scope } = payload
  const person = await enabledUser(db, payload.userId)
  switch (scope.kind) {
    case 'unscoped':
      return { ...person, system: false, roles: [] }
    case 'system': {
      const roles = some(await rolesOn(db, facts, person.user.id, { kind: 'system' }), 'the system')
      return { ...person, system: true, roles }
    }
    case 'domain': {
      const domain = await enabledProject(db, scope.domainId)
      const target = { kind: 'domain', domainId: domain.id } as const
      const roles = some(await rolesOn(db, facts, person.user.id, target), `domain ${domain.id}`)
      return { ...person, domain, system: false, roles }
    }
    case 'project': {
      const place = await projectPlace(db, scope.projectId)
      const target = { kind: 'project', project: place.project } as const
      const roles = some(await rolesOn(db, facts, person.user.id, target), `project ${scope.projectId}`)
      return { ...person, ...place, system: false, roles }
    }
    case 'trust':
      return trustStanding(db, facts, now, person, scope)
    case 'applicationCredential':
      return credentialStanding(db, facts, now, person, scope)
    default:
      throw refuse(`tokens of scope ${scope.kind} are not served`)
  }
}

type Person = { user: User; userDomain: Project }

async function enabledUser(db: Db, id: string): Promise<Person> {
  const user = await findUser(db, id)
  if (!user?.enabled) throw refuse(`user ${id} is ${user ? 'disabled' : 'gone'}`)
  return { user, userDomain: await enabledProject(db, user.domainId) }
}

async function enabledProject(db: Db, id: string): Promise<Project> {
  const row = await findProject(db, id)
  if (!row?.enabled) throw refuse(`project or domain ${id} is ${row ? 'disabled' : 'gone'}`)
  return row
}

async function projectPlace(db: Db, id: string): Promise<{ project: Project; projectDomain: Project }> {
  const project = await enabledProject(db, id)
  if (project.isDomain) throw refuse(`${id} is a domain and no project`)
  return { project, projectDomain: await enabledProject(db, project.domainId) }
}

function some(roles: Role[], where: string): Role[] {
  if (roles.length === 0) throw refuse(`the user has no role on ${where}`)
  return roles
}

/** Only what the trustor still has itself can be passed on. */
async function trustStanding(
  db: Db,
  facts: Facts,
  now: number,
  person: Person,
  scope: TokenScope & { kind: 'trust' },
): Promise<Standing> {
  const trust = await findTrust(db, scope.trustId)
  if (!trust || (trust.expiresAt !== null && trust.expiresAt <= now))
    throw refuse(`trust ${scope.trustId} is ${trust ? 'expired' : 'gone'}`)
  const expected = trust.impersonation ? trust.trustorUserId : trust.trusteeUserId
  if (person.user.id !== expected || !trust.projectId) throw refuse(`trust ${trust.id} is not for this user`)
  await enabledUser(db, trust.trustorUserId)
  await enabledUser(db, trust.trusteeUserId)
  const giver = await firstTrustor(db, now, trust)
  const place = await projectPlace(db, trust.projectId)
  const roles = await heldStill(db, facts, giver, place.project, trust.roleIds)
  return { ...person, ...place, system: false, roles, trust }
}

/** Whose roles they are at the far end of the chain. What was passed on ends with what it was passed on from. */
async function firstTrustor(db: Db, now: number, trust: Trust): Promise<string> {
  let giver = trust.trustorUserId
  for (let next = trust.redelegatedTrustId; next !== null; ) {
    const above = await findTrust(db, next)
    if (!above || (above.expiresAt !== null && above.expiresAt <= now))
      throw refuse(`trust ${next}, from which this one was passed on, is ${above ? 'expired' : 'gone'}`)
    await enabledUser(db, above.trusteeUserId)
    await enabledUser(db, above.trustorUserId)
    giver = above.trustorUserId
    next = above.redelegatedTrustId
  }
  return giver
}

async function credentialStanding(
  db: Db,
  facts: Facts,
  now: number,
  person: Person,
  scope: TokenScope & { kind: 'applicationCredential' },
): Promise<Standing> {
  const credential = await findApplicationCredential(db, scope.applicationCredentialId)
  if (!credential || (credential.expiresAt !== null && credential.expiresAt <= now))
    throw refuse(
      `application credential ${scope.applicationCredentialId} is ${credential ? 'expired' : 'gone'}`,
    )
  if (credential.userId !== person.user.id) throw refuse('the application credential is of another user')
  const place = await projectPlace(db, credential.projectId)
  const roles = await heldStill(db, facts, person.user.id, place.project, credential.roleIds)
  const { accessRuleIds } = credential
  const accessRules =
    accessRuleIds &&
    (await listAccessRules(db, person.user.id)).filter((rule) => accessRuleIds.includes(rule.id)).map(words)
  return {
    ...person,
    ...place,
    system: false,
    roles,
    applicationCredential: credential,
    accessRules: accessRules ?? undefined,
  }
}

const words = ({ service, method, path }: AccessRule): AccessRule => ({ service, method, path })

/** The roles passed on, with what they imply, if the giver has every one of them to this day. */
async function heldStill(
  db: Db,
  facts: Facts,
  userId: string,
  project: Project,
  roleIds: readonly string[],
): Promise<Role[]> {
  const held = await rolesOn(db, facts, userId, { kind: 'project', project })
  const missing = roleIds.find((id) => !held.some((role) => role.id === id))
  if (missing !== undefined) throw refuse(`role ${missing} was passed on and is no longer held`)
  return some(expand(facts, roleIds), `project ${project.id}`)
}

/** What a revocation may name of a token of this standing. */
export function traitsOf(standing: Standing, auditId: string): Traits {
  const domains = [standing.userDomain, standing.projectDomain, standing.domain]
  return {
    userId: standing.user.id,
    projectId: standing.project?.id,
    domainIds: [...new Set(domains.flatMap((each) => (each ? [each.id] : [])))],
    trustId: standing.trust?.id,
    applicationCredentialId: standing.applicationCredential?.id,
    auditId,
  }
}
