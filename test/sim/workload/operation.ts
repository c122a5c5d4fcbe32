// What clients of a simulated cloud have done and what came of it: the record against which the invariants hold the cloud.
import { CloudError, type ErrorKind, fullMessage } from '#kit/errors/cloud-error.ts'

/** `unknown`: no answer came, so it may have been done or not. */
export type Outcome = 'ok' | 'refused' | 'unknown'

export type Operation = {
  readonly number: number
  readonly client: string
  readonly project: string
  /** 'server.create', 'volume.attach'. */
  readonly name: string
  /** 'server alice-server-3', where it concerns one thing. */
  readonly subject: string | undefined
  /** Milliseconds of the clients' clock. */
  readonly startedAt: number
  endedAt: number | undefined
  outcome: Outcome | undefined
  /** The refusal, or why nothing is known. */
  words: string | undefined
}

/** What a client saw that must never be, such as a thing of its own that is not found any more. */
export type Complaint = { readonly client: string; readonly at: number; readonly words: string }

/** Answers that say nothing about what was done: the request or its answer was lost, or who served it went away. */
const lostKinds: readonly ErrorKind[] = ['unavailable', 'timeout', 'badGateway']

export function isLost(error: unknown): boolean {
  return error instanceof CloudError && lostKinds.includes(error.kind)
}

export function isRefusal(error: unknown, ...kinds: ErrorKind[]): boolean {
  return error instanceof CloudError && !isLost(error) && (kinds.length === 0 || kinds.includes(error.kind))
}

export type Ledger = {
  readonly operations: Operation[]
  readonly complaints: Complaint[]
  begin(given: Pick<Operation, 'client' | 'project' | 'name' | 'subject'>): Operation
  end(operation: Operation, outcome: Outcome, words?: string): void
  complain(client: string, words: string): void
}

export function openLedger(now: () => number, say: (words: string) => void): Ledger {
  const operations: Operation[] = []
  const complaints: Complaint[] = []
  return {
    operations,
    complaints,
    begin(given) {
      const operation: Operation = {
        ...given,
        number: operations.length + 1,
        startedAt: now(),
        endedAt: undefined,
        outcome: undefined,
        words: undefined,
      }
      operations.push(operation)
      return operation
    },
    end(operation, outcome, words) {
      operation.endedAt = now()
      operation.outcome = outcome
      operation.words = words
      const { number, client, name, subject } = operation
      say(`${client} #${number} ${name} ${subject ?? ''}: ${outcome}${words ? ` (${words})` : ''}`)
    },
    complain(client, words) {
      complaints.push({ client, at: now(), words })
      say(`${client} COMPLAINS: ${words}`)
    },
  }
}

/** Ids differ from run to run of different seeds; sentences stay short enough for a trace. */
export function wordsOf(error: unknown): string {
  return fullMessage(error).slice(0, 300)
}
