import { defineConfig } from 'vitest/config'

/** One project per level of ARCHITECTURE.md's test table; threads, no isolation, so a worker starts once. */
const level = (name: string, include: string[], timeout = 20_000) => ({
  extends: true as const,
  test: { name, include, testTimeout: timeout, hookTimeout: timeout },
})

export default defineConfig({
  test: {
    pool: 'threads',
    isolate: false,
    maxWorkers: 2,
    projects: [
      level('style', ['test/style/**/*.test.ts']),
      level('unit', ['src/**/*.test.ts'], 15_000),
      level('cloud', ['test/cloud/**/*.test.ts'], 30_000),
      level('interop', ['test/interop/**/*.test.ts'], 120_000),
      level('real', ['test/real/**/*.test.ts'], 300_000),
    ],
  },
})
