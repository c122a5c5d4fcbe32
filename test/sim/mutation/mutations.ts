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
  /** Kinds of faults that bring it out, and seeds among which one does. */
  faults: string
  minutes: number
  seeds: readonly number[]
}

export const mutations: Readonly<Record<string, Mutation>> = {
  'missing-undo': {
    says: 'A build that fails for good keeps its claim of a host',
    file: 'services/compute/tasks/server-create.ts',
    find: "      await t.undo('release')\n",
    replace: '',
    breaks: ['placement'],
    faults: 'driver,disk',
    minutes: 5,
    seeds: [1],
  },
  'lost-wake-up': {
    says: 'A build waits for a word of the host and asks no more: it sleeps on when the word is lost',
    file: 'services/compute/tasks/server-create.ts',
    find: "      t.set({ since: app.world.clock.now() })\n      return { wait: signalOf(state.operationId!), then: 'built', timeoutMs: askAgainMs }",
    replace:
      "      t.set({ since: app.world.clock.now() })\n      return { wait: signalOf(state.operationId!), then: 'built' }",
    breaks: ['transient', 'task', 'operation'],
    faults: 'crash-agent',
    minutes: 5,
    seeds: [1],
  },
  'not-idempotent': {
    says: 'The step that makes ports makes them again when it runs again',
    file: 'services/compute/ops/server-port.ts',
    find: 'const spare = there.filter((each) => !claimed.has(each.id))',
    replace: 'const spare = there.filter((each) => claimed.has(each.id) && !claimed.has(each.id))',
    breaks: ['port', 'guest', 'transient'],
    faults: 'crash-controller,break,driver',
    minutes: 5,
    seeds: [1],
  },
}
