// What the parts of the journal service share; wired in service.ts.

import { type Context, routeOf } from '#kit/http/route.ts'
import type { Journal } from '#kit/journal/journal.ts'
import type { JournalStore } from '#kit/journal/store.ts'
import type { World } from '#kit/world/world.ts'

export type JournalApp = {
  readonly world: World
  readonly journal: Journal
  readonly store: JournalStore
}

export type JournalContext = Context<JournalApp>
export const route = routeOf<JournalApp>()
