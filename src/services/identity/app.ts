// What the parts of identity share; wired in service.ts.
import type { Database } from '#kit/db/database.ts'
import type { KeyRepository } from '#kit/fernet/key-repository.ts'
import { type Context, routeOf } from '#kit/http/route.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { Log } from '#kit/log/log.ts'
import type { Enforcer } from '#kit/policy/policy.ts'
import type { World } from '#kit/world/world.ts'
import type { IdentityConfig } from './config.ts'
import type { Safe } from './ops/credential.ts'
import type { Knowledge } from './ops/knowledge.ts'
import type { Passwords } from './ops/password.ts'
import type { TokenProvider } from './ops/token-provider.ts'

export type Identity = {
  readonly world: World
  readonly log: Log
  readonly journal: Journal
  readonly db: Database
  readonly policy: Enforcer
  readonly config: IdentityConfig
  readonly passwords: Passwords
  /** Seals the credentials that identity keeps for users. */
  readonly safe: Safe
  /** What changes rarely and every token needs, in memory. */
  readonly knowledge: Knowledge
  readonly tokens: TokenProvider
  /** Seal tokens and receipts. */
  readonly tokenKeys: KeyRepository
}

export type IdentityContext = Context<Identity>
export const route = routeOf<Identity>()
