// Bugs that are planted to see whether the simulation finds them: each changes one place of one source file.

export type Mutation = {
  /** What a reviewer would call it. */
  says: string
  /** Below src. */
  file: string
  /** There exactly once, or the mutation is stale. */
  find: string
  replace: string
  /** Invariants of which at least one breaks. */
  breaks: readonly string[]
  /**
   * Kinds of faults that bring it out, and seeds of which one does: today the first. The others are there because a change
   * of the program makes each seed another run.
   */
  faults: string
  hosts: number
  minutes: number
  seeds: readonly number[]
}

export const mutations: Readonly<Record<string, Mutation>> = {
  'missing-undo': {
    says: 'An attachment that fails does not give the volume back',
    file: 'services/compute/tasks/server-volume.ts',
    find: '    if (device) await letVolumeGo(t, device)\n',
    replace: '',
    breaks: ['transient', 'volume'],
    faults: 'driver',
    hosts: 1,
    minutes: 3,
    seeds: [10, 14, 1, 2],
  },
  'lost-wake-up': {
    says: 'Whoever waits for a database behind a statement that fails is never woken',
    file: 'kit/db/sqlite.ts',
    find: 'own = committed()\n      } finally {\n        queue.pass()\n      }',
    replace: 'own = committed()\n        queue.pass()\n      } finally {\n      }',
    breaks: ['stuck', 'transient', 'operation', 'task'],
    faults: 'disk,statement,busy',
    hosts: 1,
    minutes: 3,
    seeds: [1, 2, 3, 4],
  },
  'not-idempotent': {
    says: 'The step that makes ports makes them again when it runs again',
    file: 'services/compute/ops/server-port.ts',
    find: 'const spare = there.filter((each) => !claimed.has(each.id))',
    replace: 'const spare = there.filter((each) => claimed.has(each.id) && !claimed.has(each.id))',
    breaks: ['port', 'guest', 'transient'],
    faults: 'driver',
    hosts: 2,
    minutes: 3,
    seeds: [7, 3, 4, 5],
  },
}
