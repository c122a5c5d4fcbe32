import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/order.ts'

/**
 * One project per level of ARCHITECTURE.md's test table; threads, no isolation, so a worker starts once. A timeout ends what
 * hangs and claims nothing: a machine may be three times slower than another, and do something else besides.
 */
const level = (name: string, include: string[], timeout = 180_000) => ({
  extends: true as const,
  test: { name, include, testTimeout: timeout, hookTimeout: timeout },
})

/** Levels whose files raise clouds of their own: two files at a time, of whichever of these levels. */
const besides = (one: ReturnType<typeof level>) => ({
  ...one,
  test: { ...one.test, sequence: { groupOrder: 1 } },
})

/** Levels that take the whole machine: a file at a time, behind those before them. */
const alone = (order: number, one: ReturnType<typeof level>) => ({
  ...one,
  test: { ...one.test, maxWorkers: 1, sequence: { groupOrder: order } },
})

/** What holds of databases, on a server that the level starts: kit's own tests, those of services, the whole cloud. */
const onServer = (kind: 'postgres' | 'mariadb') => {
  const one = level(
    kind,
    ['src/kit/{db,task,journal}/**/*.test.ts', 'src/services/**/*.test.ts', 'test/cloud/*.test.ts'],
    300_000,
  )
  return { ...one, test: { ...one.test, globalSetup: 'test/database/setup.ts' } }
}

export default defineConfig({
  test: {
    pool: 'threads',
    isolate: false,
    maxWorkers: 2,
    // A second, as it comes, is too little for processes and pages on a machine that does something else, too.
    expect: { poll: { timeout: 30_000 } },
    sequence: { sequencer: LongestFirst },
    projects: [
      level('style', ['test/style/**/*.test.ts']),
      level('unit', ['src/**/*.test.ts']),
      // On a RabbitMQ a moment of virtual time takes a real one.
      level('cloud', ['test/cloud/**/*.test.ts'], process.env.NIMBO_RABBITMQ_URL ? 300_000 : 180_000),
      // Each run is a process of its own.
      besides(level('sim', ['test/sim/**/*.test.ts'], 300_000)),
      besides(onServer('postgres')),
      besides(onServer('mariadb')),
      besides(level('interop', ['test/interop/**/*.test.ts'], 300_000)),
      besides(level('browser', ['test/browser/**/*.test.ts'], 300_000)),
      besides(level('real', ['test/real/**/*.test.ts'], 300_000)),
      alone(3, level('ha', ['test/ha/**/*.test.ts'], 600_000)),
      alone(3, level('kill', ['test/kill/**/*.test.ts'], 300_000)),
      // Servers that are killed, and accounts that lack rights.
      alone(3, level('database', ['test/database/**/*.test.ts'], 600_000)),
      alone(4, level('hosts', ['test/hosts/**/*.test.ts'], 300_000)),
    ],
  },
})
