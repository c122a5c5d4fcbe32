// Removes: what the cloud still has of hosts that were sent away.
import type { Loop } from '#kit/loop/loop.ts'
import type { HostApp } from '../app.ts'
import { finishRemoval } from '../ops/removal.ts'
import { listHosts } from '../store/host.ts'

export function hostRemoval(app: HostApp): Loop {
  return {
    name: 'host-removal',
    everyMs: 60_000,
    async run() {
      for (const host of await listHosts(app.db))
        if (host.removedAt !== null) await finishRemoval(app, app.journal.newTrace(), host.name)
    },
  }
}
