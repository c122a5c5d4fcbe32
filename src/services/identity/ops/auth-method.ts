// The ways to prove who one is. Each gives the user, and what the proof says about the token to come; every failure
// looks the same from outside and takes as long.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { AuthMethod } from '#kit/fernet/token.ts'
import type { Identity } from '../app.ts'
import type { IdentityWish } from '../resources/token.ts'
import type { User } from '../resources/user.ts'
import { findApplicationCredential, listApplicationCredentials } from '../store/application-credential.ts'
import { findDomainByName, findProject } from '../store/project.ts'
import { findUser, findUserByName } from '../store/user.ts'
import { refuse, tokenNotFound } from './standing.ts'

export type Proof = {
  userId: string
  methods: readonly AuthMethod[]
  expiresAt?: number
  chainId?: string
  /** Tokens got with it have its scope and no other: that would be a way around its few roles. */
  applicationCredentialId?: string
}

export const supported = ['password', 'token', 'application_credential'] as const
type Supported = (typeof supported)[number]

type Prove = (app: Identity, wish: IdentityWish) => Promise<Proof>

const proofs: Record<Supported, Prove> = {
  password: byPassword,
  token: byToken,
  application_credential: byApplicationCredential,
}

/** All methods named must agree on one user. */
export async function prove(app: Identity, wish: IdentityWish): Promise<Proof> {
  const methods = [...new Set(wish.methods)]
  const unknown = methods.find((method) => !(supported as readonly string[]).includes(method))
  if (unknown !== undefined)
    throw new CloudError('unauthorized', 'Attempted to authenticate with an unsupported method.', {
      body: { identity: { methods: supported } },
    })
  if (methods.length === 0) throw refuse('no method was named')
  const found: Proof[] = []
  for (const method of methods) found.push(await proofs[method as Supported](app, wish))
  const [first, ...others] = found as [Proof, ...Proof[]]
  if (others.some((other) => other.userId !== first.userId)) throw refuse('the methods name different users')
  return {
    ...Object.assign({}, ...found),
    methods: [...new Set(found.flatMap((proof) => proof.methods))],
  }
}

async function byPassword(app: Identity, wish: IdentityWish): Promise<Proof> {
  const given = wish.password?.user
  if (!given) throw expecting('user', 'password')
  if (given.password === undefined) throw expecting('password', 'user')
  const user = await namedUser(app, given)
  const right = await app.passwords.verify(user?.passwordHash, given.password)
  if (!user || !right) throw refuse(user ? 'wrong password' : 'no such user')
  return { userId: user.id, methods: ['password'] }
}

/** By its id, or by its name in a domain. Undefined where there is none: the caller must not learn that at once. */
async function namedUser(
  app: Identity,
  given: { id?: string; name?: string; domain?: { id?: string; name?: string } },
): Promise<User | undefined> {
  if (given.id !== undefined) return findUser(app.db, given.id)
  if (given.name === undefined) throw expecting('id or name', 'user')
  const domainId = await namedDomain(app, given.domain)
  return domainId === undefined ? undefined : findUserByName(app.db, given.name, domainId)
}

/** The id of an existing domain. */
export async function namedDomain(
  app: Identity,
  given: { id?: string; name?: string } | undefined,
): Promise<string | undefined> {
  if (given?.id !== undefined) {
    const row = await findProject(app.db, given.id)
    return row?.isDomain ? row.id : undefined
  }
  if (given?.name === undefined) throw expecting('domain', 'user or project')
  return (await findDomainByName(app.db, given.name))?.id
}

async function byToken(app: Identity, wish: IdentityWish): Promise<Proof> {
  if (!wish.token) throw expecting('token', 'identity')
  const { payload } = await app.tokens.validate(wish.token.id).catch(tokenNotFound)
  if (payload.scope.kind === 'trust')
    throw new CloudError('forbidden', 'A token of a trust cannot be used to get another token.')
  return {
    userId: payload.userId,
    methods: ['token', ...payload.methods],
    expiresAt: payload.expiresAt,
    chainId: payload.auditIds.at(-1),
    ...(payload.scope.kind === 'applicationCredential' && {
      applicationCredentialId: payload.scope.applicationCredentialId,
    }),
  }
}

async function byApplicationCredential(app: Identity, wish: IdentityWish): Promise<Proof> {
  const given = wish.application_credential
  if (!given) throw expecting('application_credential', 'identity')
  if (given.secret === undefined) throw expecting('secret', 'application_credential')
  const credential = await namedCredential(app, given)
  const right = await app.passwords.verify(credential?.secretHash, given.secret)
  if (!credential || !right) throw refuse(credential ? 'wrong secret' : 'no such application credential')
  return {
    userId: credential.userId,
    methods: ['application_credential'],
    applicationCredentialId: credential.id,
  }
}

async function namedCredential(app: Identity, given: NonNullable<IdentityWish['application_credential']>) {
  if (given.id !== undefined) return findApplicationCredential(app.db, given.id)
  if (given.name === undefined || !given.user)
    throw expecting('id, or name and user', 'application_credential')
  const user = await namedUser(app, given.user)
  if (!user) return undefined
  return (await listApplicationCredentials(app.db, { userId: user.id, name: given.name }))[0]
}

function expecting(what: string, where: string): CloudError {
  return new CloudError('badRequest', `Expecting to find ${what} in ${where}.`)
}
