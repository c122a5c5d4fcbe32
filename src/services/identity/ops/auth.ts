// Logging in: who it is, what the token is to be for, and the token.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { TokenScope } from '#kit/fernet/token.ts'
import type { Identity, IdentityContext } from '../app.ts'
import type { Login, ScopeWish } from '../resources/token.ts'
import type { Trust } from '../resources/trust.ts'
import { findApplicationCredential } from '../store/application-credential.ts'
import { findProject, findProjectByName } from '../store/project.ts'
import { spendProof } from '../store/spent-proof.ts'
import { findTrust, takeUse } from '../store/trust.ts'
import { findUser } from '../store/user.ts'
import { prove } from './auth-method.ts'
import { change } from './change.ts'
import { namedDomain } from './named-user.ts'
import type { Proof, Surroundings } from './proof.ts'
import type { IssuedReceipt } from './receipt.ts'
import { refuse } from './standing.ts'
import type { ValidToken } from './token-provider.ts'

export type Issued = { token: string; valid: ValidToken }

/** A token, or a receipt where the user's rules ask for another proof. */
export async function authenticate(
  context: IdentityContext,
  wish: Login,
  at: Surroundings,
): Promise<Issued | { receipt: IssuedReceipt }> {
  const { app } = context
  context.audit({ action: 'authenticate' })
  const proven = await prove(app, wish.identity, {
    ...at,
    seen: ({ id, name }) => context.audit({ action: 'authenticate', initiator: { userId: id, name } }),
  })
  if ('receipt' in proven) return proven
  const { issued, scope } = await issueFor(app, proven.proof, wish.scope)
  // After the issue, so that a slip in the scope costs no second round; given out only when it could be used up.
  const { spending } = proven
  if (spending && !(await spendProof(app.db, spending.id, spending.until)))
    throw refuse('the receipt was used meanwhile')
  noteIssue(context, issued, scope)
  return issued
}

/** What the journal and an auditor learn of a new token. */
export function noteIssue(context: IdentityContext, issued: Issued, scope: TokenScope): void {
  const { payload } = issued.valid
  context.journal.record(context.trace, {
    kind: 'token',
    service: 'keystone',
    name: 'token.issue',
    requestId: context.requestId,
    userId: payload.userId,
    projectId: issued.valid.standing.project?.id,
    data: { auditId: payload.auditIds[0], methods: payload.methods, scope: scope.kind },
  })
}

/** `wish` undefined is for the default project, where there is one. */
export async function issueFor(app: Identity, proof: Proof, wish: Login['scope']) {
  const { applicationCredentialId: _, ...base } = proof
  if (wish === undefined && !proof.applicationCredentialId) {
    const preferred = await defaultScope(app, proof.userId)
    if (preferred) {
      try {
        return { issued: await app.tokens.issue({ ...base, scope: preferred }), scope: preferred }
      } catch (error) {
        // Without a role in the default project, or with that disabled, the token is for nothing in particular.
        if (!(error instanceof CloudError) || error.kind !== 'unauthorized') throw error
      }
    }
  }
  const { scope, trust } = await scopeFor(app, proof, wish)
  const userId = trust?.impersonation ? trust.trustorUserId : proof.userId
  const issued = await app.tokens.issue({ ...base, userId, scope })
  if (trust && trust.remainingUses !== null) await useTrust(app, trust)
  return { issued, scope }
}

/** After the issue, so that a refused login costs no use; the token is given out only when the use could be taken. */
async function useTrust(app: Identity, trust: Trust): Promise<void> {
  const taken = await change(app, (tx) => takeUse(tx, trust.id))
  if (!taken) throw new CloudError('forbidden', `No uses are left of trust ${trust.id}.`)
}

async function defaultScope(app: Identity, userId: string): Promise<TokenScope | undefined> {
  const projectId = (await findUser(app.db, userId))?.defaultProjectId
  return projectId ? { kind: 'project', projectId } : undefined
}

async function scopeFor(
  app: Identity,
  proof: Proof,
  wish: Login['scope'],
): Promise<{ scope: TokenScope; trust?: Trust }> {
  if (proof.applicationCredentialId) return { scope: await credentialScope(app, proof, wish) }
  if (wish === undefined || wish === 'unscoped') return { scope: { kind: 'unscoped' } }
  if (typeof wish === 'string') throw malformed()
  const { project, domain, system } = wish
  const trust = wish['OS-TRUST:trust']
  if ([project, domain, system, trust].filter((each) => each !== undefined).length !== 1) throw malformed()
  if (project) return { scope: { kind: 'project', projectId: await projectId(app, project) } }
  if (domain) {
    const domainId = await namedDomain(app, domain)
    if (domainId === undefined) throw refuse('no such domain')
    return { scope: { kind: 'domain', domainId } }
  }
  if (system) {
    if (system.all !== true) throw malformed()
    return { scope: { kind: 'system' } }
  }
  return trustScope(app, proof, trust?.id)
}

async function projectId(app: Identity, wish: NonNullable<ScopeWish['project']>): Promise<string> {
  if (wish.id !== undefined) {
    const row = await findProject(app.db, wish.id)
    if (!row) throw refuse('no such project')
    return row.id
  }
  if (wish.name === undefined) throw malformed()
  const domainId = await namedDomain(app, wish.domain)
  const row = domainId === undefined ? undefined : await findProjectByName(app.db, wish.name, domainId)
  if (!row) throw refuse('no such project')
  return row.id
}

/** An application credential is for one project; naming another is an error and no way out. */
async function credentialScope(app: Identity, proof: Proof, wish: Login['scope']): Promise<TokenScope> {
  const id = proof.applicationCredentialId!
  const credential = await findApplicationCredential(app.db, id)
  if (!credential) throw refuse('the application credential is gone')
  if (wish !== undefined) {
    const asked = typeof wish === 'object' && wish.project ? await projectId(app, wish.project) : undefined
    if (asked !== credential.projectId)
      throw refuse('an application credential gives tokens of its own project and no others')
  }
  return { kind: 'applicationCredential', projectId: credential.projectId, applicationCredentialId: id }
}

async function trustScope(
  app: Identity,
  proof: Proof,
  id: string | undefined,
): Promise<{ scope: TokenScope; trust: Trust }> {
  if (id === undefined) throw malformed()
  const trust = await findTrust(app.db, id)
  if (!trust?.projectId) throw refuse('no such trust')
  if (trust.trusteeUserId !== proof.userId)
    throw new CloudError('forbidden', 'The trust was given to another user.')
  return { scope: { kind: 'trust', projectId: trust.projectId, trustId: trust.id }, trust }
}

function malformed(): CloudError {
  return new CloudError(
    'badRequest',
    'The scope must be one project, one domain, the whole system or one trust.',
  )
}
