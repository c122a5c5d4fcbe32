// Watches over the moment in which a request gives a port to a server and has not noted it yet: where the request dies there,
// the port is given back.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type TaskHandle, task } from '#kit/task/task.ts'
import type { Compute } from '../app.ts'
import { letGo } from '../ops/server-port.ts'
import { findServer } from '../store/server.ts'

export type ClaimFrame = {
  id: string
  serverId: string
  /** The user's port; null where one is made. */
  portId: string | null
}
type Handle = TaskHandle<Compute, ClaimFrame>

export const claimSubject = (id: string) => `interface:${id}`
/** What a port that is made for a claim carries, so that it is told from any other of the server. */
export const claimMark = (id: string) => ({ claim: id })
/** Given when the request has noted the port, or has given it back itself. */
export const claimOver = 'over'
/** Longer than a request waits for the network service. */
const patienceMs = 120_000

export const interfaceClaim = task<Compute, ClaimFrame>()({
  name: 'server-interface-claim',
  start: 'watch',
  deadlineMs: 900_000,
  steps: {
    watch: async (t) => {
      await t.undo('release')
      return { wait: claimOver, then: 'end', timeoutMs: patienceMs }
    },
    end: async (t) => {
      if (t.signal(claimOver) === undefined)
        throw new CloudError('gone', 'The request ended before it had noted the port.')
      return { done: true }
    },
  },
  undo: { release },
})

async function release(t: Handle): Promise<void> {
  const { app, trace, state } = t
  const { network, serviceToken } = app.conductor
  const token = await serviceToken(trace)
  const server = await findServer(app.db, state.serverId)
  // Noted after all: from there on it is its task's.
  const noted = new Set(server?.addresses.map(({ portId }) => portId))
  for (const port of await network.listPorts(trace, token, { device_id: state.serverId }, t.subject)) {
    if (noted.has(port.id)) continue
    if (port.id === state.portId) await letGo(network, trace, token, port.id, t.subject)
    else if (port['binding:profile']?.claim === state.id)
      await network.deletePort(trace, token, port.id, t.subject)
  }
}
