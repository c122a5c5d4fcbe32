// Gives a port to a server that is there already, and takes one away. The port is bound before the guest gets its
// device, and unbound after it has lost it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type TaskHandle, task } from '#kit/task/task.ts'
import type { Compute } from '../app.ts'
import { beginEvent, endEvent } from '../ops/server-action.ts'
import { letGo } from '../ops/server-port.ts'
import type { Server } from '../resources/server.ts'
import { changeAddresses, findServer } from '../store/server.ts'
import { askAgainMs, hostIsUp, type Outcome, signalOf } from './operation.ts'

export type InterfaceFrame = {
  serverId: string
  projectId: string
  requestId: string
  portId: string
  /** The port was made for the server and goes with it. */
  ours: boolean
  operationId: string
  undoId: string
  since: number
}
type Handle = TaskHandle<Compute, InterfaceFrame>
const lookAgainMs = 10_000

/** The op has bound the port to the host and noted it among the server's addresses. */
export const serverInterfaceAttach = task<Compute, InterfaceFrame>()({
  name: 'server-interface-attach',
  start: 'plugged',
  deadlineMs: 900_000,
  steps: {
    plugged: async (t) => {
      const { app, state } = t
      if (t.signal(`vif:${state.portId}`) !== undefined) return { go: 'order' }
      const token = await app.conductor.serviceToken(t.trace)
      const port = await app.conductor.network.getPort(t.trace, token, state.portId)
      if (port.status === 'ACTIVE') return { go: 'order' }
      if (app.world.clock.now() - state.since >= app.config.vifPluggingTimeout)
        throw new CloudError('conflict', `Port ${state.portId} was not wired in time.`)
      return { wait: `vif:${state.portId}`, then: 'plugged', timeoutMs: lookAgainMs }
    },
    order: async (t) => {
      await t.undo('detach')
      return ask(t, 'attachInterface', 'compute_attach_interface')
    },
    done: async (t) => {
      const server = await load(t)
      const again = await answered(t, server)
      if (again) return again
      const piece = pieceOf(t, server, 'compute_attach_interface')
      await endEvent(t.app.world, t.app.db, { ...piece, result: 'Success' })
      return { done: true }
    },
  },
  undo: {
    detach: async (t) => {
      const { app, state } = t
      const server = await findServer(app.db, state.serverId)
      if (t.signal<Outcome>(signalOf(state.undoId)) || !server?.host || !(await hostIsUp(app, server.host)))
        return
      await send(t, server, 'detachInterface', state.undoId)
      throw new CloudError('unavailable', `Host ${server.host} has not yet given up the port`)
    },
  },
  // Also where no step ever began: the port that the op bound is given back here and nowhere else.
  failed: async (t, { message }) => {
    await releasePort(t)
    const server = await findServer(t.app.db, t.state.serverId)
    if (!server) return
    const piece = pieceOf(t, server, 'compute_attach_interface')
    await endEvent(t.app.world, t.app.db, { ...piece, result: 'Error', details: message })
  },
})

export const serverInterfaceDetach = task<Compute, InterfaceFrame>()({
  name: 'server-interface-detach',
  start: 'order',
  deadlineMs: 900_000,
  steps: {
    order: (t) => ask(t, 'detachInterface', 'compute_detach_interface'),
    done: async (t) => {
      const server = await load(t)
      const again = await answered(t, server)
      if (again) return again
      await releasePort(t)
      const piece = pieceOf(t, server, 'compute_detach_interface')
      await endEvent(t.app.world, t.app.db, { ...piece, result: 'Success' })
      return { done: true }
    },
  },
  failed: async (t, { message }) => {
    const server = await findServer(t.app.db, t.state.serverId)
    if (!server) return
    const piece = pieceOf(t, server, 'compute_detach_interface')
    await endEvent(t.app.world, t.app.db, { ...piece, result: 'Error', details: message })
  },
})

async function load(t: Handle): Promise<Server & { host: string }> {
  const server = await findServer(t.app.db, t.state.serverId)
  if (!server?.host) throw new CloudError('gone', 'The server has no host any more.')
  return { ...server, host: server.host }
}

type Verb = 'attachInterface' | 'detachInterface'

async function send(t: Handle, server: Server, verb: Verb, operationId: string): Promise<void> {
  const { serverId, portId } = t.state
  await t.app.hosts[verb](
    { serverId, portId, operationId, generation: server.generation },
    { host: server.host!, trace: t.trace, subject: t.subject },
  )
}

async function ask(t: Handle, verb: Verb, event: string) {
  const server = await load(t)
  await beginEvent(t.app.world, t.app.db, pieceOf(t, server, event))
  await send(t, server, verb, t.state.operationId)
  return { wait: signalOf(t.state.operationId), then: 'done', timeoutMs: askAgainMs } as const
}

async function answered(t: Handle, server: Server & { host: string }) {
  const { app, state } = t
  const outcome = t.signal<Outcome>(signalOf(state.operationId))
  if (outcome?.ok) return undefined
  if (outcome) throw new CloudError('conflict', outcome.error ?? `Host ${server.host} gave no reason.`)
  if (app.world.clock.now() - state.since >= app.config.powerTimeout || !(await hostIsUp(app, server.host)))
    throw new CloudError('conflict', `Host ${server.host} did not answer.`)
  return { go: 'order' } as const
}

async function releasePort(t: Handle): Promise<void> {
  const { app, state } = t
  const token = await app.conductor.serviceToken(t.trace)
  const { network } = app.conductor
  if (state.ours) await network.deletePort(t.trace, token, state.portId, t.subject)
  else {
    // The user may have deleted it meanwhile.
    const [port] = await network.listPorts(t.trace, token, { id: state.portId }, t.subject)
    if (port?.device_id === state.serverId) await letGo(network, t.trace, token, state.portId, t.subject)
  }
  await changeAddresses(app.db, state.serverId, (addresses) =>
    addresses.filter((each) => each.portId !== state.portId),
  )
}

function pieceOf(t: Handle, server: Server, event: string) {
  const { serverId, requestId, projectId } = t.state
  return { serverId, requestId, projectId, host: server.host, event }
}
