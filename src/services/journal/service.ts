// Wires the journal's read API, and the intake of what hosts recorded.
import type { Authenticate, HttpService } from '#kit/http/server.ts'
import type { JournalStore } from '#kit/journal/store.ts'
import { openPolicy } from '#kit/policy/engine.ts'
import { openApi } from '#kit/service/api.ts'
import type { Platform, RunningService } from '#kit/service/platform.ts'
import { journalRoutes } from './api/journal.ts'
import type { JournalApp } from './app.ts'
import { journalFaults } from './fault.ts'
import { serveJournal } from './rpc.ts'
import { journalRules } from './rule.ts'

export type RunningJournal = RunningService & { http: HttpService }

export async function openJournalService(
  platform: Platform,
  store: JournalStore,
  authenticate: Authenticate,
): Promise<RunningJournal> {
  const { world, journal, bus } = platform
  const app: JournalApp = { world, journal, store }
  const policy = openPolicy({ rules: Object.values(journalRules) })
  const served = await serveJournal(bus, world.host.name, store)
  const http = await openApi(platform, {
    name: 'journal',
    app,
    routes: journalRoutes,
    types: ['journal'],
    prefixes: ['/v1'],
    faults: journalFaults,
    policy,
    authenticate,
  })
  return {
    name: 'journal',
    http,
    async stop() {
      await http.close()
      await served.stop()
    },
  }
}
