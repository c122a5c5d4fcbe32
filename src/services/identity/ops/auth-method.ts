// The ways to prove who one is, and whether those that were taken are enough. Every failure looks the same from outside.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Identity } from '../app.ts'
import type { IdentityConfig } from '../config.ts'
import type { IdentityWish } from '../resources/token.ts'
import type { User } from '../resources/user.ts'
import { findApplicationCredential, listApplicationCredentials } from '../store/application-credential.ts'
import { noteActive } from '../store/login.ts'
import { spendProof } from '../store/spent-proof.ts'
import { findUser, findUserByName } from '../store/user.ts'
import { forgiveFailures } from './lockout.ts'
import { expecting, namedUser } from './named-user.ts'
import { byPassword } from './password-proof.ts'
import { activeNow, isInactive } from './password-rule.ts'
import type { Proof, Spending, Surroundings } from './proof.ts'
import {
  type IssuedReceipt,
  issueReceipt,
  missingMethods,
  refuseVoidReceipt,
  takeReceipt,
} from './receipt.ts'
import { refuse, tokenNotFound } from './standing.ts'
import { byTotp } from './totp-proof.ts'

type Prove = (app: Identity, wish: IdentityWish, at: Surroundings) => Promise<Proof & { spending?: Spending }>

const proofs = {
  password: byPassword,
  token: byToken,
  totp: byTotp,
  application_credential: byApplicationCredential,
  external: byExternal,
} satisfies Record<string, Prove>
type Supported = keyof typeof proofs

/** `mapped` and `oauth1` need what is not here, and `external` a proxy that is trusted. */
function supportedMethods(config: Pick<IdentityConfig, 'externalUserHeader'>): Supported[] {
  const all = Object.keys(proofs) as Supported[]
  return config.externalUserHeader === undefined ? all.filter((method) => method !== 'external') : all
}

export type Proven =
  | { proof: Proof /** To be used up together with the login. */; spending: Spending | undefined }
  | { receipt: IssuedReceipt }

/** All methods named, and a receipt of earlier ones, must agree on one user. */
export async function prove(app: Identity, wish: IdentityWish, at: Surroundings): Promise<Proven> {
  const supported = supportedMethods(app.config)
  const methods = [...new Set(wish.methods)]
  const unknown = methods.find((method) => !(supported as readonly string[]).includes(method))
  if (unknown !== undefined)
    throw new CloudError('unauthorized', 'Attempted to authenticate with an unsupported method.', {
      body: { identity: { methods: supported } },
    })
  if (methods.length === 0) throw refuse('no method was named')
  const brought = at.receipt === undefined ? undefined : await takeReceipt(app, at.receipt)
  const found: (Proof & { spending?: Spending })[] = []
  for (const method of methods) found.push(await proofs[method as Supported](app, wish, at))
  const [first, ...others] = found as [Proof, ...Proof[]]
  const users = [...others, ...(brought ? [brought.receipt] : [])].map((each) => each.userId)
  if (users.some((id) => id !== first.userId)) throw refuse('the methods name different users')
  const user = await presentUser(app, first.userId)
  at.seen?.(user)
  if (brought) await refuseVoidReceipt(app, user, brought.issuedAt)
  // Used up even where more is asked for: the receipt stands for it from now on.
  for (const { spending } of found)
    if (spending && !(await spendProof(app.db, spending.id, spending.until)))
      throw refuse('the passcode was used')
  const proven = [
    ...new Set([...(brought ? [brought.receipt] : []), ...found].flatMap((each) => each.methods)),
  ]
  const required = missingMethods(user, proven, supported)
  if (required) return { receipt: await issueReceipt(app, user, proven, required) }
  await forgiveFailures(app, user)
  await noteLogin(app, user)
  return { proof: { ...Object.assign({}, ...found), methods: proven }, spending: brought?.spending }
}

/** Whether it is enabled by itself; domain and scope are judged with the token. */
export async function presentUser(app: Identity, id: string): Promise<User> {
  const user = await findUser(app.db, id)
  if (!user?.enabled) throw refuse(`user ${id} is ${user ? 'disabled' : 'gone'}`)
  if (isInactive(app.config, user, app.world.clock.now())) throw refuse(`user ${id} stayed away for too long`)
  return user
}

/** Days are counted, so one write a day is enough. */
async function noteLogin({ config, db, world }: Identity, user: User): Promise<void> {
  const day = activeNow(config, world.clock.now())
  if (day !== null && day !== user.lastActiveAt) await noteActive(db, user.id, day)
}

async function byToken(app: Identity, wish: IdentityWish): Promise<Proof> {
  if (!wish.token) throw expecting('token', 'identity')
  const { payload } = await app.tokens.validate(wish.token.id).catch(tokenNotFound)
  if (payload.scope.kind === 'trust')
    throw new CloudError('forbidden', 'A token of a trust cannot be used to get another token.')
  if (payload.scope.kind !== 'unscoped' && !app.config.allowRescopeScopedToken)
    throw new CloudError('forbidden', 'A token with a scope cannot be used to get another token here.')
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

/** Somebody else has asked for the password; what they say is believed by where it comes from. */
async function byExternal(app: Identity, _wish: IdentityWish, at: Surroundings): Promise<Proof> {
  if (!at.externalUser) throw refuse('no trusted proxy has named a user')
  const user = await findUserByName(app.db, at.externalUser, app.config.externalDomain)
  if (!user) throw refuse('the proxy has named a user who is not there')
  return { userId: user.id, methods: ['external'] }
}
