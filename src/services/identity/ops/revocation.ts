// The revocations in force, in memory: a token is void when an event that matches it came at the second of its issue or later.
import type { Db } from '#kit/db/database.ts'
import type { Revocation } from '../resources/revocation.ts'
import {
  insertRevocation,
  latestRevocation,
  listRevocationsSince,
  type Subject,
} from '../store/revocation.ts'

/** What events may name of a token. */
export type Traits = {
  userId: string
  projectId?: string
  /** Of the user, of the project and of the scope. */
  domainIds: readonly string[]
  trustId?: string
  applicationCredentialId?: string
  auditId: string
}

export type RevocationIndex = {
  /** The second up to which such tokens are void; undefined where no event matches. */
  voidUntil(traits: Traits): number | undefined
  /** Reads what has come since the last time. */
  refresh(db: Db): Promise<void>
}

/** On databases with several writers an event may be seen this much later than its time says. */
const overlapMs = 60_000

export function openRevocations(): RevocationIndex {
  const until = new Map<string, number>()
  let newest = 0
  return {
    voidUntil(traits) {
      let latest: number | undefined
      for (const key of keysOf(traits)) {
        const at = until.get(key)
        if (at !== undefined && (latest === undefined || at > latest)) latest = at
      }
      return latest
    },
    async refresh(db) {
      for (const event of await listRevocationsSince(db, newest - overlapMs)) {
        const key = keyOf(event)
        until.set(key, Math.max(until.get(key) ?? 0, event.issuedBefore))
        newest = Math.max(newest, event.revokedAt)
      }
    },
  }
}

/**
 * Tokens carry whole seconds. Who logs in anew within the second of a revocation gets a token stamped with the next
 * one (`stampFor`), so a second revocation of the same subject must reach further than the first.
 */
export async function revokeTokens(db: Db, now: number, subject: Subject): Promise<void> {
  const second = wholeSecond(now)
  const before = await latestRevocation(db, subject)
  const issuedBefore = before && before.issuedBefore >= second ? before.issuedBefore + 1000 : second
  await insertRevocation(db, { ...subject, issuedBefore, revokedAt: now })
}

/** The second with which a new token is sealed, so that no event of this moment voids it. */
export function stampFor(index: RevocationIndex, now: number, traits: Traits): number {
  const until = index.voidUntil(traits)
  return until === undefined ? wholeSecond(now) : Math.max(wholeSecond(now), until + 1000)
}

export function wholeSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000
}

function* keysOf(traits: Traits): Generator<string> {
  yield `user ${traits.userId}`
  yield `audit ${traits.auditId}`
  for (const id of traits.domainIds) yield `domain ${id}`
  if (traits.projectId) yield `project ${traits.projectId}`
  if (traits.trustId) yield `trust ${traits.trustId}`
  if (traits.applicationCredentialId) yield `application credential ${traits.applicationCredentialId}`
}

function keyOf(event: Revocation): string {
  if (event.userId !== null) return `user ${event.userId}`
  if (event.projectId !== null) return `project ${event.projectId}`
  if (event.domainId !== null) return `domain ${event.domainId}`
  if (event.trustId !== null) return `trust ${event.trustId}`
  if (event.applicationCredentialId !== null) return `application credential ${event.applicationCredentialId}`
  return `audit ${event.auditId}`
}
