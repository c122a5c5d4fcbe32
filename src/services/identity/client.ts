// What other services ask of identity, over its public API: whose token this is, and a token of their own.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { AccessRule } from '#kit/http/access-rule.ts'
import type { Caller } from '#kit/http/caller.ts'
import type { Response } from '#kit/http/client.ts'
import type { Authenticate } from '#kit/http/server.ts'
import { formatTraceparent, type Journal, type Trace } from '#kit/journal/journal.ts'
import type { Platform } from '#kit/service/platform.ts'

export type IdentityClient = {
  /** Validates a caller's token, with this service's own token as the credential; answers are kept a while. */
  authenticate: Authenticate
  /** A token of this service's user in project `service`, made when first asked for and renewed before it expires. */
  serviceToken(trace: Trace): Promise<string>
  /** Drops all kept validations: some token was revoked, or some role or user changed. */
  forgetTokens(): void
}

export type IdentityClientOptions = {
  platform: Pick<Platform, 'world' | 'http' | 'endpoint' | 'servicePassword'>
  /** The service user: 'nova'. */
  user: string
  /** As the service's own name, for what the client records. */
  journal: Journal
  /** How long a validation is kept; the default is 300 s, and 0 keeps none. */
  cacheMs?: number
}

const mostKept = 10_000
const unauthenticated = 'The request you have made requires authentication.'

type Kept = { caller: Caller; until: number }
type OwnToken = { token: string; renewAt: number }

export function identityClient(options: IdentityClientOptions): IdentityClient {
  const { platform, user, journal } = options
  const { clock } = platform.world
  const cacheMs = options.cacheMs ?? 300_000
  const kept = new Map<string, Kept>()
  const asking = new Map<string, Promise<Caller>>()
  let own: OwnToken | undefined
  let renewing: Promise<OwnToken> | undefined
  // Answers that were on their way when tokens were forgotten are not kept.
  let generation = 0

  const send = (
    trace: Trace,
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: unknown,
  ) =>
    platform.http.request({
      method,
      url: platform.endpoint('identity') + path,
      headers: { ...headers, traceparent: formatTraceparent(trace) },
      body,
    })

  async function login(trace: Trace): Promise<OwnToken> {
    const domain = { id: 'default' }
    const identity = {
      methods: ['password'],
      password: { user: { name: user, domain, password: platform.servicePassword(user) } },
    }
    const auth = { identity, scope: { project: { name: 'service', domain } } }
    const started = clock.now()
    const answer = await journal.span(
      trace,
      { kind: 'rest', name: 'POST /v3/auth/tokens', data: { peer: 'keystone', user } },
      (child) => send(child, 'POST', '/v3/auth/tokens?nocatalog', {}, { auth }),
    )
    const token = answer.headers['x-subject-token']
    if (answer.status !== 201 || !token)
      throw new CloudError('unavailable', `Identity gives the service user ${user} no token`, {
        detail: `status ${answer.status}`,
      })
    const { expiresAt } = readCaller(token, answer.body)
    return { token, renewAt: started + (expiresAt - started) * 0.8 }
  }

  async function ownToken(trace: Trace): Promise<string> {
    if (own && own.renewAt > clock.now()) return own.token
    renewing ??= login(trace).finally(() => {
      renewing = undefined
    })
    own = await renewing
    return own.token
  }

  async function ask(trace: Trace, token: string): Promise<Caller> {
    for (let tries = 1; ; tries++) {
      const credential = await ownToken(trace)
      // Identity shows a token with access rules only to those who say that they check them; kit/http does.
      const headers = {
        'x-auth-token': credential,
        'x-subject-token': token,
        'openstack-identity-access-rules': '1.0',
      }
      const answer = await send(trace, 'GET', '/v3/auth/tokens?nocatalog', headers)
      if (answer.status === 200) return readCaller(token, answer.body)
      if (answer.status === 404) throw new CloudError('unauthorized', unauthenticated)
      if (answer.status !== 401 || tries > 1) throw refused(answer)
      // Our own token was revoked, as after a change of the service's password.
      if (own?.token === credential) own = undefined
    }
  }

  const validate = (trace: Trace, at: Journal, token: string) =>
    at.span(
      trace,
      { kind: 'rest', name: 'token.validate', data: { peer: 'keystone', cached: false } },
      (child) => ask(child, token),
    )

  /** The trace of a boot shows also a validation that was answered from what is kept. */
  const note = (at: { trace: Trace; journal: Journal }, caller: Caller) => {
    const data = { peer: 'keystone', cached: true, auditId: caller.auditIds[0] }
    at.journal.record(at.trace, { kind: 'rest', name: 'token.validate', data })
  }
  const keep = (token: string, caller: Caller) => {
    if (kept.size >= mostKept) kept.delete(kept.keys().next().value!)
    kept.set(token, {
      caller: { ...caller, cached: true },
      until: Math.min(clock.now() + cacheMs, caller.expiresAt),
    })
  }

  return {
    async authenticate(token, at) {
      const now = clock.now()
      const known = kept.get(token)
      if (known && known.until > now) {
        note(at, known.caller)
        return known.caller
      }
      const started = generation
      let answer = asking.get(token)
      if (answer) {
        const caller = await answer
        note(at, caller)
        return caller
      }
      answer = validate(at.trace, at.journal, token)
      asking.set(token, answer)
      try {
        const caller = await answer
        if (started === generation && cacheMs > 0) keep(token, caller)
        return caller
      } finally {
        if (asking.get(token) === answer) asking.delete(token)
      }
    },
    serviceToken: ownToken,
    forgetTokens() {
      generation++
      kept.clear()
      asking.clear()
    },
  }
}

function refused(answer: Response): CloudError {
  return new CloudError('unavailable', 'Identity cannot validate tokens at the moment', {
    detail: `GET /v3/auth/tokens -> ${answer.status}`,
  })
}

type Named = { id: string; name: string; domain?: { id: string; name: string } }
type TokenBody = {
  token: {
    methods: string[]
    user: Named
    audit_ids: string[]
    expires_at: string
    issued_at: string
    project?: Named
    domain?: Named
    system?: { all?: boolean }
    roles?: Named[]
    application_credential?: { access_rules?: AccessRule[] }
  }
}

/** What the body of an issued or validated token says of its owner. */
function readCaller(token: string, body: unknown): Caller {
  const said = (body as Partial<TokenBody> | undefined)?.token
  if (!said?.user || !said.expires_at)
    throw new CloudError('badGateway', 'Identity answered with something that is no token')
  return {
    token,
    userId: said.user.id,
    userName: said.user.name,
    userDomainId: said.user.domain?.id,
    userDomainName: said.user.domain?.name,
    projectId: said.project?.id,
    projectName: said.project?.name,
    projectDomainId: said.project?.domain?.id,
    projectDomainName: said.project?.domain?.name,
    domainId: said.domain?.id,
    domainName: said.domain?.name,
    systemScope: said.system?.all ? 'all' : undefined,
    roles: (said.roles ?? []).map((role) => role.name),
    expiresAt: Date.parse(said.expires_at),
    issuedAt: Date.parse(said.issued_at),
    methods: said.methods,
    auditIds: said.audit_ids,
    accessRules: said.application_credential?.access_rules,
  }
}
