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
  /**
   * A number that each change of identity raises, in whichever controller it was made: what was kept under another one is
   * asked anew, so a revocation is felt by the next request. Without it, validations are kept until they are forgotten.
   */
  epoch?: () => Promise<number>
}

const mostKept = 10_000
const unauthenticated = 'The request you have made requires authentication.'

type Kept = { caller: Caller; until: number; epoch: number }
type OwnToken = { token: string; renewAt: number }

export function identityClient(options: IdentityClientOptions): IdentityClient {
  const { platform, user, journal } = options
  const { clock } = platform.world
  const cacheMs = options.cacheMs ?? 300_000
  const epoch = options.epoch ?? (async () => 0)
  const kept = new Map<string, Kept>()
  const asking = new Map<string, { epoch: number; answer: Promise<Caller> }>()
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

  async function ask(trace: Trace, token: string, allowExpired: boolean): Promise<Caller> {
    for (let tries = 1; ; tries++) {
      const credential = await ownToken(trace)
      // Identity shows a token with access rules only to those who say that they check them; kit/http does.
      const headers = {
        'x-auth-token': credential,
        'x-subject-token': token,
        'openstack-identity-access-rules': '1.0',
      }
      const query = allowExpired ? '?nocatalog&allow_expired=1' : '?nocatalog'
      const answer = await send(trace, 'GET', `/v3/auth/tokens${query}`, headers)
      if (answer.status === 200) return readCaller(token, answer.body)
      if (answer.status === 404) throw new CloudError('unauthorized', unauthenticated)
      if (answer.status !== 401 || tries > 1) throw refused(answer)
      // Our own token was revoked, as after a change of the service's password.
      if (own?.token === credential) own = undefined
    }
  }

  const validate = (trace: Trace, at: Journal, token: string, allowExpired = false) =>
    at.span(
      trace,
      { kind: 'rest', name: 'token.validate', data: { peer: 'keystone', cached: false } },
      (child) => ask(child, token, allowExpired),
    )

  /** The trace of a boot shows also a validation that was answered from what is kept. */
  const note = (at: { trace: Trace; journal: Journal }, caller: Caller) => {
    const data = { peer: 'keystone', cached: true, auditId: caller.auditIds[0] }
    at.journal.record(at.trace, { kind: 'rest', name: 'token.validate', data })
  }
  const keep = (token: string, caller: Caller, at: number) => {
    if (kept.size >= mostKept) kept.delete(kept.keys().next().value!)
    kept.set(token, {
      caller: { ...caller, cached: true },
      until: Math.min(clock.now() + cacheMs, caller.expiresAt),
      epoch: at,
    })
  }

  async function present(token: string, at: { trace: Trace; journal: Journal }): Promise<Caller> {
    const started = generation
    // Read before the question, so that an answer may be newer than its number and never older.
    const now = await epoch()
    const known = kept.get(token)
    if (known && known.until > clock.now() && known.epoch === now) {
      note(at, known.caller)
      return known.caller
    }
    const same = asking.get(token)
    if (same?.epoch === now) {
      const caller = await same.answer
      note(at, caller)
      return caller
    }
    const asked = { epoch: now, answer: validate(at.trace, at.journal, token) }
    asking.set(token, asked)
    try {
      const caller = await asked.answer
      if (started === generation && cacheMs > 0) keep(token, caller, now)
      return caller
    } finally {
      if (asking.get(token) === asked) asking.delete(token)
    }
  }

  return {
    async authenticate(token, at) {
      try {
        return await present(token, at)
      } catch (error) {
        const late = at.serviceToken !== undefined && isUnauthorized(error)
        if (!late) throw error
        const service = await present(at.serviceToken!, at)
        if (!service.roles.includes('service')) throw error
        // Not kept: what finishes late asks seldom.
        return validate(at.trace, at.journal, token, true)
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

function isUnauthorized(error: unknown): boolean {
  return error instanceof CloudError && error.kind === 'unauthorized'
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
