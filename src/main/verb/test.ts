// `nimbo test`: the tests of the checkout, with last lines that tell what took longest and how many passed.
import { resolve } from 'node:path'
import { startVitest, type Vitest } from 'vitest/node'
import type { Verb } from '../verb.ts'
import { testAccount } from './test-account.ts'

const checkout = resolve(import.meta.dirname, '../../..')
/** Levels that run by themselves, by the option that asks for them. */
const lonely: Record<string, readonly string[]> = {
  kill: ['kill'],
  hosts: ['hosts'],
  databases: ['postgres', 'mariadb', 'database'],
}
const quickLevels = ['style', 'unit', 'cloud', 'interop']

export const test: Verb = {
  summary: 'Runs the tests: style, unit, cloud, interop, sim, browser and real',
  words: '[PATH]',
  options: {
    quick: { type: 'boolean', help: 'Without the simulation, browser, real guests and networks' },
    hosts: {
      type: 'boolean',
      help: 'Only the test of several hosts: machines made of namespaces, five minutes',
    },
    databases: {
      type: 'boolean',
      help: 'Only what holds of databases, on a PostgreSQL and a MariaDB of its own; some twenty minutes',
    },
    kill: {
      type: 'boolean',
      help: 'Only the kill test: every process dies in everything that users ask for, half an hour',
    },
  },
  async run({ world, terminal, options, words }) {
    const alone = Object.entries(lonely).flatMap(([option, levels]) => (options[option] ? levels : []))
    const project =
      alone.length > 0 ? alone : options.quick ? quickLevels : [...quickLevels, 'sim', 'browser', 'real']
    const account = testAccount(world.clock, checkout)
    // Whoever bounds the time of a run ends it so, and has to learn what it went on.
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        for (const line of account.unfinished()) terminal.print(line)
        process.exit(1)
      })
    const vitest = await startVitest('test', words, {
      root: checkout,
      run: true,
      watch: false,
      project,
      passWithNoTests: true,
      reporters: ['default', account],
    })
    const totals = totalsOf(vitest)
    await vitest.close()
    for (const line of account.slowest()) terminal.print(line)
    terminal.print(formatTotals(totals))
    return totals.failed > 0 ? 1 : 0
  },
}

type Totals = { passed: number; failed: number; skipped: number }

function totalsOf(vitest: Vitest): Totals {
  const totals: Totals = { passed: 0, failed: vitest.state.getUnhandledErrors().length, skipped: 0 }
  for (const module of vitest.state.getTestModules()) {
    let failed = 0
    for (const each of module.children.allTests()) {
      const { state } = each.result()
      if (state === 'passed') totals.passed++
      else if (state === 'failed') failed++
      else totals.skipped++
    }
    // A file that couldn't even be loaded, or a hook that failed, holds no failed test; but it failed.
    totals.failed += failed === 0 && !module.ok() ? 1 : failed
  }
  return totals
}

function formatTotals({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
