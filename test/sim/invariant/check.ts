// All invariants over a cloud at rest: after faults have ended, clients have stopped and time has run on.
import type { Client } from '../workload/client.ts'
import type { Complaint, Operation } from '../workload/operation.ts'
import { dhcp } from './dhcp.ts'
import { type Facts, gatherFacts, type Invariant, type InvariantCloud, type Violation } from './fact.ts'
import { fault } from './fault.ts'
import { guest } from './guest.ts'
import { image } from './image.ts'
import { journal } from './journal.ts'
import { operationDone } from './operation.ts'
import { part } from './part.ts'
import { placement } from './placement.ts'
import { port } from './port.ts'
import { queue } from './queue.ts'
import { router } from './router.ts'
import { task } from './task.ts'
import { transient } from './transient.ts'
import { volume } from './volume.ts'

export const invariants: readonly Invariant[] = [
  transient,
  fault,
  task,
  guest,
  placement,
  port,
  dhcp,
  router,
  volume,
  image,
  part,
  queue,
  journal,
]

/** What the workload knows: startWorkload's answer. */
export type Witness = {
  readonly operations: readonly Operation[]
  readonly complaints: readonly Complaint[]
  readonly clients: readonly Client[]
}

export async function checkInvariants(cloud: InvariantCloud, witness: Witness): Promise<Violation[]> {
  const facts = await gatherFacts(cloud)
  return [...judge(facts), ...judgeWitness(facts, witness), ...(await judgeTokens(witness))]
}

export function judge(facts: Facts): Violation[] {
  return invariants.flatMap(({ name, check }) =>
    [...check(facts)].map((words) => ({ invariant: name, words })),
  )
}

function judgeWitness(facts: Facts, { operations, complaints, clients }: Witness): Violation[] {
  const things = clients.flatMap((client) => client.things)
  return [
    ...complaints.map(({ client, words }) => ({ invariant: 'witness', words: `${client}: ${words}` })),
    ...operations
      .filter(({ outcome }) => outcome === undefined)
      .map(({ number, client, name }) => ({
        invariant: 'operation',
        words: `operation ${number} (${name}) of ${client} never came to an end`,
      })),
    ...[...operationDone(facts, things)].map((words) => ({ invariant: 'operation', words })),
  ]
}

/** Tokens that were given back open nothing any more, whatever was lost or restarted in between. */
async function judgeTokens({ clients }: Witness): Promise<Violation[]> {
  const violations: Violation[] = []
  for (const client of clients)
    for (const token of client.revoked)
      if (await client.isAccepted(token))
        violations.push({ invariant: 'token', words: `a token that ${client.name} revoked is still good` })
  return violations
}
