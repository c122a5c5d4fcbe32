// Routes of tokens: log in, validate, void; and what the caller's own token may lead to.
// https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management
import { CloudError } from '#kit/errors/cloud-error.ts'
import { answer, type Incoming } from '#kit/http/route.ts'
import type { PolicyRule } from '#kit/policy/policy.ts'
import { type IdentityContext, route } from '../app.ts'
import { authenticate } from '../ops/auth.ts'
import { change } from '../ops/change.ts'
import { domainsOfUser, projectsOfUser, rolesOn } from '../ops/effective-role.ts'
import type { Surroundings } from '../ops/proof.ts'
import { tokenNotFound } from '../ops/standing.ts'
import type { ValidToken } from '../ops/token-provider.ts'
import { domainView } from '../resources/domain.ts'
import { projectView } from '../resources/project.ts'
import { login, receiptView, tokenRules } from '../resources/token.ts'
import { listing, truth } from './listing.ts'

const json = { 'content-type': 'application/json' }

/** The token in question, which the caller may look at: 404 for whatever is no valid token. */
async function subject(
  context: IdentityContext,
  incoming: Incoming<unknown>,
  rule: PolicyRule,
): Promise<{ token: string; valid: ValidToken }> {
  const token = incoming.headers['x-subject-token']
  if (!token) throw new CloudError('notFound', 'No token in the request')
  const allowExpired = truth(incoming.query, 'allow_expired') ?? false
  const valid = await context.app.tokens.validate(token, { allowExpired }).catch(tokenNotFound)
  // Whoever doesn't check access rules would let the token do everything.
  if (valid.standing.accessRules && !incoming.headers['openstack-identity-access-rules'])
    throw new CloudError('notFound', 'Failed to validate token', {
      detail: 'the service checks no access rules',
    })
  context.authorize(rule, { 'target.token.user_id': valid.payload.userId })
  return { token, valid }
}

async function showToken(context: IdentityContext, incoming: Incoming<unknown>, rule: PolicyRule) {
  const { token, valid } = await subject(context, incoming, rule)
  context.journal.record(context.trace, {
    kind: 'token',
    service: 'keystone',
    name: 'token.validated',
    requestId: context.requestId,
    data: { auditId: valid.payload.auditIds[0] },
  })
  const body = valid.text(!incoming.query.has('nocatalog'))
  return answer({ status: 200, headers: { ...json, 'x-subject-token': token }, body })
}

/** A header says who the user is only where it comes from a proxy that we were told of. */
function surroundings({ app }: IdentityContext, { headers, from }: Incoming<unknown>): Surroundings {
  const { externalUserHeader, externalProxies } = app.config
  const believed = externalUserHeader !== undefined && externalProxies.includes(from)
  return {
    receipt: headers['openstack-auth-receipt'],
    externalUser: believed ? headers[externalUserHeader.toLowerCase()] : undefined,
  }
}

export const authRoutes = [
  route('POST', '/auth/tokens', {
    policy: 'public',
    body: login,
    handle: async (context, incoming) => {
      const outcome = await authenticate(context, incoming.body, surroundings(context, incoming))
      if ('receipt' in outcome) {
        const { text } = outcome.receipt
        return answer({
          status: 401,
          headers: { 'openstack-auth-receipt': text },
          body: receiptView(outcome.receipt),
        })
      }
      const body = outcome.valid.text(!incoming.query.has('nocatalog'))
      return answer({ status: 201, headers: { ...json, 'x-subject-token': outcome.token }, body })
    },
  }),
  route('GET', '/auth/tokens', {
    policy: 'token',
    handle: (context, incoming) => showToken(context, incoming, tokenRules.validate),
  }),
  route('HEAD', '/auth/tokens', {
    policy: 'token',
    handle: (context, incoming) => showToken(context, incoming, tokenRules.check),
  }),
  route('DELETE', '/auth/tokens', {
    policy: 'token',
    handle: async (context, incoming) => {
      const { valid } = await subject(context, incoming, tokenRules.revoke)
      const { tokens } = context.app
      await change(context.app, (tx) => tokens.revoke(tx, { auditId: valid.payload.auditIds[0]! }))
    },
  }),
  // Tokens are stored nowhere, so there is no list of those that are void; clients of old still ask.
  route('GET', '/auth/tokens/OS-PKI/revoked', {
    policy: 'token',
    handle: async () => {
      throw new CloudError('gone', 'There is no list of revoked tokens: see /v3/OS-REVOKE/events.')
    },
  }),
  route('GET', '/auth/catalog', {
    policy: tokenRules.catalog,
    handle: async (context) => {
      const { catalog } = await context.app.tokens.validate(context.caller.token)
      if (!catalog)
        throw new CloudError('forbidden', 'A token without a scope has no catalog: ask for one with a scope.')
      const links = { next: null, self: `${context.origin}/v3/auth/catalog`, previous: null }
      return { catalog: catalog(), links }
    },
  }),
  route('GET', '/auth/projects', {
    policy: tokenRules.projects,
    handle: async (context, { query }) => {
      const rows = await projectsOfUser(context.app.db, context.caller.userId)
      const views = rows.filter((row) => row.enabled).map((row) => projectView(row, context))
      return listing(context, '/auth/projects', query, 'projects', views)
    },
  }),
  route('GET', '/auth/domains', {
    policy: tokenRules.domains,
    handle: async (context, { query }) => {
      const rows = await domainsOfUser(context.app.db, context.caller.userId)
      const views = rows.filter((row) => row.enabled).map((row) => domainView(row, context))
      return listing(context, '/auth/domains', query, 'domains', views)
    },
  }),
  route('GET', '/auth/system', {
    policy: tokenRules.system,
    handle: async (context) => {
      const { db, knowledge } = context.app
      const roles = await rolesOn(db, await knowledge.facts(), context.caller.userId, { kind: 'system' })
      return {
        system: roles.length > 0 ? [{ all: true }] : [],
        links: { self: `${context.origin}/v3/auth/system` },
      }
    },
  }),
]
