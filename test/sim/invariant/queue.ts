// The broker at rest holds no message, and no queue of somebody who is gone. Two kinds of queues are read by people and
// other programs alone: notifications, and what no handler could take.
import type { Facts, Invariant } from './fact.ts'

export const queue: Invariant = {
  name: 'queue',
  says: 'No message waits or is held, and each queue has somebody who reads it.',
  *check(facts: Facts) {
    for (const { vhost, name, ready, unacked, consumers } of facts.queues ?? []) {
      const forOthers = name.startsWith('notifications')
      if (unacked > 0 || (ready > 0 && !forOthers))
        yield `queue ${name} of ${vhost} holds ${ready} messages ready and ${unacked} unacked`
      if (consumers === 0 && !forOthers && !name.endsWith('.dead'))
        yield `queue ${name} of ${vhost} has no reader`
    }
  },
}
