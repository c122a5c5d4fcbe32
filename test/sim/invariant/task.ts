// Tasks come to an end, and one that failed says why.
import type { Facts, Invariant, Row } from './fact.ts'

export const task: Invariant = {
  name: 'task',
  says: 'Every task is done, or failed with an error that is kept; nobody holds a lease.',
  *check(facts: Facts) {
    yield* ended('compute', facts.compute.task)
    yield* ended('volume', facts.volume.task)
  },
}

function* ended(service: string, tasks: readonly Row[]): Iterable<string> {
  for (const each of tasks) {
    const name = `${service}'s task ${each.kind} of ${each.subject}`
    if (each.status !== 'done' && each.status !== 'failed')
      yield `${name} is ${each.status} at ${each.step}, waiting for ${each.wait_for}, tried ${each.attempts} times: ${each.error}`
    else if (each.lease_owner !== null && Number(each.lease_until) > 0 && each.status !== 'done')
      yield `${name} is over, and ${each.lease_owner} holds it`
    if (each.status === 'failed' && !each.failure) yield `${name} failed and doesn't say why`
  }
}
