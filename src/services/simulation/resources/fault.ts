// A fault: what was made to go wrong, since when and until when, by whom and why. Kept in memory: none outlives the process.
import { view } from '#kit/http/view.ts'
import type { FaultKindName, FaultParameters } from './fault-kind.ts'

/** What is asked for: a kind with its own parameters. */
export type FaultWish = {
  [K in FaultKindName]: {
    kind: K
    parameters: FaultParameters<K> /** 0 where it strikes once. */
    durationMs: number
  }
}[FaultKindName]

/** What ended it: its time, somebody, the thing struck itself, a restored snapshot, the end of the process. */
export type EndedBy = 'time' | 'request' | 'itself' | 'snapshot' | 'restart'

export type Fault = {
  id: string
  kind: FaultKindName
  /** As they were given, under their names on the wire. */
  parameters: Record<string, unknown>
  subject: string
  reason: string | null
  userId: string | null
  startedAt: number
  endsAt: number | null
  endedAt: number | null
  endedBy: EndedBy | null
  /** Why it could not be ended yet; it is tried again. */
  error: string | null
}

export function isOver({ endedAt }: Pick<Fault, 'endedAt'>): boolean {
  return endedAt !== null
}

const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString())

export const faultView = view<Fault>()({
  id: (f) => f.id,
  kind: (f) => f.kind,
  subject: (f) => f.subject,
  state: (f) => (f.endedAt === null ? 'active' : 'ended'),
  parameters: (f) => f.parameters,
  reason: (f) => f.reason,
  user_id: (f) => f.userId,
  started_at: (f) => time(f.startedAt),
  ends_at: (f) => time(f.endsAt),
  ended_at: (f) => time(f.endedAt),
  ended_by: (f) => f.endedBy,
  error: (f) => f.error,
})
