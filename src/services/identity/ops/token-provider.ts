// Makes, opens and voids tokens. An opened token is kept in memory with all that it means, until anything of identity
// changes; so a validation costs a look into a map.
import type { Database, Transaction } from '#kit/db/database.ts'
import type { AuthMethod, TokenPayload } from '#kit/fernet/token.ts'
import type { Caller } from '#kit/http/caller.ts'
import type { World } from '#kit/world/world.ts'
import type { IdentityConfig } from '../config.ts'
import { tokenView } from '../resources/token.ts'
import type { Subject } from '../store/revocation.ts'
import { catalogFor, catalogText } from './catalog.ts'
import { openStandings } from './kept-standing.ts'
import type { Facts, Knowledge } from './knowledge.ts'
import { revokeTokens, stampFor, wholeSecond } from './revocation.ts'
import { refuse, type Standing, traitsOf } from './standing.ts'
import type { TokenSeal } from './token-seal.ts'

export type ValidToken = {
  readonly payload: TokenPayload
  readonly issuedAt: number
  readonly standing: Standing
  readonly caller: Caller
  /** The reply's text; kept from the second time on, since most tokens are shown once, when they are made. */
  text(withCatalog: boolean): string
  /** Undefined where the token is for nothing in particular. */
  readonly catalog: (() => readonly unknown[]) | undefined
}

/** What a login has found out. */
export type Draft = {
  userId: string
  methods: readonly AuthMethod[]
  scope: TokenPayload['scope']
  /** The end of the token that it was got with; else a whole life from now. */
  expiresAt?: number
  /** The audit id of the first token of the chain. */
  chainId?: string
}

export type TokenProvider = {
  issue(draft: Draft): Promise<{ token: string; valid: ValidToken }>
  /** Throws 'unauthorized' for whatever is no valid token. */
  validate(token: string, options?: { allowExpired?: boolean }): Promise<ValidToken>
  /** Voids all tokens of a user, a project and so on, or one by its audit id; in the transaction of the cause. */
  revoke(tx: Transaction, subject: Subject): Promise<void>
}

type Parts = {
  world: World
  db: Database
  config: IdentityConfig
  knowledge: Knowledge
  seal: TokenSeal
}

export function openTokens({ world, db, config, knowledge, seal }: Parts): TokenProvider {
  const kept = new Map<string, { epoch: number; valid: ValidToken }>()
  const standings = openStandings(db, config.maxTokensKept)
  knowledge.onChange(() => {
    kept.clear()
    standings.forget()
  })

  const keep = (token: string, epoch: number, valid: ValidToken) => {
    if (config.maxTokensKept === 0) return
    if (kept.size >= config.maxTokensKept) kept.delete(kept.keys().next().value!)
    kept.set(token, { epoch, valid })
  }

  /** In its usual case this is a look at the clock. */
  const lookAtKeys = async (look: Promise<boolean> | false) => {
    if (await look) knowledge.forget()
  }

  return {
    async issue(draft) {
      await lookAtKeys(seal.refresh())
      const facts = await knowledge.facts()
      const now = world.clock.now()
      const standing = await standings.of(facts, now, draft)
      const ownId = world.random.bytes(16).toString('base64url')
      const limits = [standing.trust?.expiresAt, standing.applicationCredential?.expiresAt]
      const ends = [
        draft.expiresAt ?? wholeSecond(now) + config.tokenExpiration,
        ...limits.map((each) => each ?? Infinity),
      ]
      const payload: TokenPayload = {
        userId: draft.userId,
        methods: draft.methods,
        scope: draft.scope,
        expiresAt: wholeSecond(Math.min(...ends)),
        auditIds: draft.chainId ? [ownId, draft.chainId] : [ownId],
      }
      const issuedAt = stampFor(facts.revocations, now, traitsOf(standing, ownId))
      const token = seal.seal(payload, issuedAt)
      const valid = validToken(token, payload, issuedAt, standing, facts)
      keep(token, facts.epoch, valid)
      return { token, valid }
    },

    async validate(token, options = {}) {
      await lookAtKeys(seal.refresh())
      const now = world.clock.now()
      const grace = options.allowExpired ? config.allowExpiredWindow : 0
      const known = kept.get(token)
      if (known && known.epoch === (await knowledge.epoch()) && known.valid.payload.expiresAt + grace > now)
        return known.valid
      const opened = await seal.open(token)
      if (!opened) throw refuse('the token was not sealed with any of our keys')
      const { payload, issuedAt } = opened
      if (payload.expiresAt + grace <= now) throw refuse('the token is expired')
      const facts = await knowledge.facts()
      const standing = await standings.of(facts, now, payload)
      const until = facts.revocations.voidUntil(traitsOf(standing, payload.auditIds[0]!))
      if (until !== undefined && issuedAt <= until) throw refuse('the token is revoked')
      const valid = validToken(token, payload, issuedAt, standing, facts)
      keep(token, facts.epoch, valid)
      return valid
    },

    revoke: (tx, subject) => revokeTokens(tx, world.clock.now(), subject),
  }
}

function validToken(
  token: string,
  payload: TokenPayload,
  issuedAt: number,
  standing: Standing,
  facts: Facts,
): ValidToken {
  const scoped = standing.project !== undefined || standing.domain !== undefined || standing.system
  const fillings = { projectId: standing.project?.id, userId: standing.user.id }
  const plain = () => tokenView(standing, payload, issuedAt, undefined)
  const texts: [string?, string?] = []
  const asked = [false, false]
  const compose = (withCatalog: boolean) => {
    const text = JSON.stringify({ token: plain() })
    // The catalog is by far the longest part, and the same for all tokens of a project.
    return withCatalog ? `${text.slice(0, -2)},"catalog":${catalogText(facts, fillings)}}}` : text
  }
  return {
    payload,
    issuedAt,
    standing,
    caller: callerOf(token, payload, issuedAt, standing),
    catalog: scoped ? () => catalogFor(facts, fillings) : undefined,
    text(withCatalog) {
      const slot = withCatalog && scoped ? 1 : 0
      const known = texts[slot]
      if (known !== undefined) return known
      const text = compose(slot === 1)
      if (asked[slot]) texts[slot] = text
      asked[slot] = true
      return text
    },
  }
}

function callerOf(token: string, payload: TokenPayload, issuedAt: number, standing: Standing): Caller {
  const { user, userDomain, project, projectDomain, domain } = standing
  return {
    token,
    userId: user.id,
    userName: user.name,
    userDomainId: userDomain.id,
    userDomainName: userDomain.name,
    projectId: project?.id,
    projectName: project?.name,
    projectDomainId: projectDomain?.id,
    projectDomainName: projectDomain?.name,
    domainId: domain?.id,
    domainName: domain?.name,
    systemScope: standing.system ? 'all' : undefined,
    roles: standing.roles.map((role) => role.name),
    expiresAt: payload.expiresAt,
    issuedAt,
    methods: payload.methods,
    auditIds: payload.auditIds,
    accessRules: standing.accessRules,
  }
}
