// How much of a journal is kept.

export type Retention = {
  /** The default is 500,000 events. */
  maxEvents?: number
  /** Milliseconds; the default is 14 days. */
  maxAgeMs?: number
}

export const usualMaxEvents = 500_000
export const usualMaxAgeMs = 14 * 86_400_000
