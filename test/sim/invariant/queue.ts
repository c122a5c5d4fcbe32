// The broker at rest holds no message, and no queue of somebody who is gone.
import type { Facts, Invariant } from './fact.ts'

export const queue: Invariant = {
  name: 'queue',
  says: 'No message waits or is held, and each queue has somebody who reads it.',
  *check(facts: Facts) {
    for (const { vhost, name, ready, unacked, consumers } of facts.queues ?? []) {
      if (ready + unacked > 0)
        yield `queue ${name} of ${vhost} holds ${ready} messages ready and ${unacked} unacked`
      if (consumers === 0 && !name.startsWith('notifications'))
        yield `queue ${name} of ${vhost} has no reader`
    }
  },
}
