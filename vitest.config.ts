import { defineConfig } from 'vitest/config'

/** One project per level of ARCHITECTURE.md's test table; threads, no isolation, so a worker starts once. */
const level = (name: string, include: string[], timeout = 20_000) => ({
  extends: true as const,
  test: { name, include, testTimeout: timeout, hookTimeout: timeout },
})

/** Levels with processes of their own, ports and the host's switch run a file at a time, behind those before them. */
const alone = (order: number, one: ReturnType<typeof level>) => ({
  ...one,
  test: { ...one.test, maxWorkers: 1, sequence: { groupOrder: order } },
})

/** What holds of databases, on a server that the level starts: kit's own tests, those of services, the whole cloud. */
const onServer = (kind: 'postgres' | 'mariadb') => {
  const one = level(
    kind,
    ['src/kit/{db,task,journal}/**/*.test.ts', 'src/services/**/*.test.ts', 'test/cloud/*.test.ts'],
    120_000,
  )
  return { ...one, test: { ...one.test, globalSetup: 'test/database/setup.ts' } }
}

export default defineConfig({
  test: {
    pool: 'threads',
    isolate: false,
    maxWorkers: 2,
    // A second, as it comes, is too little for processes and pages on a machine that does something else, too.
    expect: { poll: { timeout: 10_000 } },
    projects: [
      level('style', ['test/style/**/*.test.ts']),
      level('unit', ['src/**/*.test.ts'], 15_000),
      // On a RabbitMQ a moment of virtual time takes a real one.
      level('cloud', ['test/cloud/**/*.test.ts'], process.env.NIMBO_RABBITMQ_URL ? 120_000 : 30_000),
      // Each run is a process of its own.
      alone(1, level('sim', ['test/sim/**/*.test.ts'], 300_000)),
      alone(1, onServer('postgres')),
      alone(1, onServer('mariadb')),
      alone(1, level('interop', ['test/interop/**/*.test.ts'], 120_000)),
      alone(1, level('browser', ['test/browser/**/*.test.ts'], 40_000)),
      alone(2, level('real', ['test/real/**/*.test.ts'], 300_000)),
      alone(3, level('ha', ['test/ha/**/*.test.ts'], 600_000)),
      alone(3, level('kill', ['test/kill/**/*.test.ts'], 300_000)),
      // Servers that are killed, and accounts that lack rights.
      alone(3, level('database', ['test/database/**/*.test.ts'], 600_000)),
      alone(4, level('hosts', ['test/hosts/**/*.test.ts'], 300_000)),
    ],
  },
})
