// What users are in their scopes, remembered until anything of identity changes: who logs in a hundred times with one
// scope has its roles worked out once.
import type { Db } from '#kit/db/database.ts'
import type { TokenPayload } from '#kit/fernet/token.ts'
import type { Facts } from './knowledge.ts'
import { type Standing, standingOf } from './standing.ts'

export type KeptStandings = {
  /** As `standingOf`, and throws what it throws. */
  of(facts: Facts, now: number, payload: Pick<TokenPayload, 'userId' | 'scope'>): Promise<Standing>
  forget(): void
}

export function openStandings(db: Db, most: number): KeptStandings {
  const kept = new Map<string, { epoch: number; standing: Standing }>()
  return {
    async of(facts, now, payload) {
      const key = most > 0 ? keyOf(payload) : undefined
      const known = key === undefined ? undefined : kept.get(key)
      if (known?.epoch === facts.epoch) return known.standing
      const standing = await standingOf(db, facts, now, payload)
      if (key !== undefined) {
        if (kept.size >= most) kept.delete(kept.keys().next().value!)
        kept.set(key, { epoch: facts.epoch, standing })
      }
      return standing
    },
    forget: () => kept.clear(),
  }
}

/** Undefined where time alone may change it: trusts and application credentials end. */
function keyOf({ userId, scope }: Pick<TokenPayload, 'userId' | 'scope'>): string | undefined {
  switch (scope.kind) {
    case 'unscoped':
    case 'system':
      return `${userId} ${scope.kind}`
    case 'project':
      return `${userId} project ${scope.projectId}`
    case 'domain':
      return `${userId} domain ${scope.domainId}`
    default:
      return undefined
  }
}
