// What the conductor answers to the metadata service, and to hosts that build a config drive.
import type { conductor } from '#contracts/compute.ts'
import type { Handlers } from '#kit/bus/bus.ts'
import type { Compute } from '../app.ts'
import { instanceFacts } from '../ops/instance-facts.ts'
import { findServer } from '../store/server.ts'
import { findPassword, insertPassword } from '../store/server-password.ts'

type Answered = Pick<Handlers<typeof conductor.methods>, 'metadataGet' | 'metadataPassword'>

export function metadataHandlers(app: Compute): Answered {
  return {
    async metadataGet({ host, serverId }, { trace }) {
      // A host is told nothing of another host's servers.
      if (host !== undefined && (await findServer(app.db, serverId))?.host !== host) return { facts: null }
      return { facts: (await instanceFacts(app, trace, serverId)) ?? null }
    },

    metadataPassword: ({ serverId, password }) =>
      app.db.transaction(async (tx) => {
        if (!(await findServer(tx, serverId))) return { accepted: false }
        if ((await findPassword(tx, serverId)) !== '') return { accepted: false }
        await insertPassword(tx, serverId, password, app.world.clock.now())
        return { accepted: true }
      }),
  }
}
