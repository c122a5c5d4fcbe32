// What `nimbo test` tells besides vitest's own words: which files took longest, and, where it is ended from outside,
// what failed by then, what was under way and what was not begun. A run that is cut off must not end without a word.
import type { Reporter, TestCase, TestModule, TestSpecification } from 'vitest/node'
import type { Clock } from '#kit/world/world.ts'

export type Account = Reporter & {
  /** Lines for the end of a run. */
  slowest(): string[]
  /** Lines for a run that ends here. */
  unfinished(): string[]
}

type Entry = { path: string; level: string; begun?: number; endedMs?: number }

const shownFiles = 10
/** In a run that was cut off, where somebody has to find out what took so long. */
const worthTellingMs = 2_000

export function testAccount(clock: Clock, checkout: string): Account {
  const started = clock.monotonic()
  const files = new Map<string, Entry>()
  const running = new Map<string, { test: TestCase; since: number }>()
  const failures: string[] = []

  const pathOf = (moduleId: string) =>
    moduleId.startsWith(checkout) ? moduleId.slice(checkout.length + 1) : moduleId
  const entryOf = (id: string, moduleId: string, level: string) => {
    const known = files.get(id)
    if (known) return known
    const entry: Entry = { path: pathOf(moduleId), level }
    files.set(id, entry)
    return entry
  }
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1).padStart(7)} s`
  const ended = () =>
    [...files.values()].filter((entry) => entry.endedMs !== undefined).sort((a, b) => b.endedMs! - a.endedMs!)
  const took = (entries: Entry[]) =>
    entries.map(({ endedMs, level, path }) => `${seconds(endedMs!)}  ${level.padEnd(8)} ${path}`)

  return {
    onTestRunStart(specifications: readonly TestSpecification[]) {
      for (const { moduleId, project } of specifications)
        entryOf(`${project.name} ${moduleId}`, moduleId, project.name)
    },
    onTestModuleStart(module) {
      entryOf(idOf(module), module.moduleId, module.project.name).begun = clock.monotonic()
    },
    onTestModuleEnd(module) {
      const entry = entryOf(idOf(module), module.moduleId, module.project.name)
      entry.endedMs = clock.monotonic() - (entry.begun ?? clock.monotonic())
      const errors = module.errors().map((error) => error.message)
      if (errors.length > 0) failures.push(`${entry.path}: ${errors.join('; ')}`)
    },
    onTestCaseReady(test) {
      running.set(test.id, { test, since: clock.monotonic() })
    },
    onTestCaseResult(test) {
      running.delete(test.id)
      const { state, errors } = test.result()
      if (state === 'failed')
        failures.push(
          `${pathOf(test.module.moduleId)} > ${test.fullName}: ${errors.map((error) => error.message).join('; ')}`,
        )
    },
    slowest: () => ['Slowest files:', ...took(ended().slice(0, shownFiles))],
    unfinished() {
      const now = clock.monotonic()
      const under = [...running.values()].map(
        ({ test, since }) =>
          `${seconds(now - since)}  ${pathOf(test.module.moduleId)} > ${test.fullName} (its file for${seconds(now - (files.get(idOf(test.module))?.begun ?? now))})`,
      )
      const halfway = [...files.values()].filter(
        ({ begun, endedMs }) => begun !== undefined && endedMs === undefined,
      )
      const waiting = [...files.values()].filter(({ begun }) => begun === undefined)
      return [
        `Ended from outside after${seconds(now - started)}. By then failed: ${failures.length}`,
        ...failures,
        'Under way:',
        ...under,
        ...halfway.map(({ begun, level, path }) => `${seconds(now - begun!)}  ${level.padEnd(8)} ${path}`),
        `Not begun: ${waiting.length} files`,
        ...waiting.map(({ level, path }) => `${''.padStart(9)}  ${level.padEnd(8)} ${path}`),
        `Ended, where it took ${worthTellingMs / 1000} s or more:`,
        ...took(ended().filter(({ endedMs }) => endedMs! >= worthTellingMs)),
      ]
    },
  }
}

const idOf = (module: TestModule) => `${module.project.name} ${module.moduleId}`
