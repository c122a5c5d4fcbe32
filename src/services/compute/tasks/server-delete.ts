// The end of a server: its guest, its ports, its volumes, its claim, its row. There is no way back; it goes on until done.
import { task } from '#kit/task/task.ts'
import type { Compute } from '../app.ts'
import { notifyServer } from '../ops/notify.ts'
import { beginEvent, endEvent } from '../ops/server-action.ts'
import { releaseVolumes } from '../ops/server-disk.ts'
import { releasePorts } from '../ops/server-port.ts'
import type { Server } from '../resources/server.ts'
import { deleteTokensOf } from '../store/console.ts'
import { findServer, findSpec, forgetParts, updateServer } from '../store/server.ts'
import { removeMember } from '../store/server-group.ts'
import { deletePassword } from '../store/server-password.ts'
import { askAgainMs, hostIsUp, type Outcome, order, signalOf } from './operation.ts'

export type DeleteFrame = {
  serverId: string
  projectId: string
  requestId: string
  operationId: string
  /** Where it is when its host is known. */
  host?: string | null
}

const event = 'compute_terminate_instance'

export const serverDelete = task<Compute, DeleteFrame>()({
  name: 'server-delete',
  start: 'quiesce',
  deadlineMs: 3_600_000,
  // With the longest pause in between this is a quarter of an hour in which other services may come back.
  attempts: 100,
  isFinal: () => false,
  steps: {
    /** Whatever else is under way with the server is undone first. */
    quiesce: async (t) => {
      const { app } = t
      const others = (await app.tasks.running(t.subject)).filter((each) => each.kind !== 'server-delete')
      for (const each of others) await app.tasks.cancel(t.subject, each.kind, 'The server is being deleted.')
      if (others.length > 0) return { go: 'quiesce', after: 50 }
      const server = await findServer(app.db, t.state.serverId)
      t.set({ host: server?.host ?? null })
      if (server) await beginEvent(app.world, app.db, { ...t.state, host: server.host, event })
      return { go: 'destroy' }
    },

    destroy: async (t) => {
      const { app, state } = t
      const { host } = state
      // A host that is down finds out when it comes back that it should not have this server.
      if (!host || !(await hostIsUp(app, host))) return { go: 'ports' }
      await order(app, t, 'destroy', { host, serverId: state.serverId, operationId: state.operationId })
      return { wait: signalOf(state.operationId), then: 'destroyed', timeoutMs: askAgainMs }
    },

    destroyed: async (t) => {
      const outcome = t.signal<Outcome>(signalOf(t.state.operationId))
      if (outcome?.ok) return { go: 'ports' }
      if (!outcome) return { go: 'destroy' }
      // An order of its own for another go: this id has had its answer.
      t.set({ operationId: t.app.world.random.uuid() })
      t.log.warn(
        { host: t.state.host, error: outcome.error },
        'a host could not destroy a server and is asked again',
      )
      return { go: 'destroy', after: 5_000 }
    },

    ports: async (t) => {
      const { app, state } = t
      const server = await findServer(app.db, state.serverId)
      const spec = await findSpec(app.db, state.serverId)
      const users = new Set([
        ...(spec?.networks.flatMap((each) => each.portId ?? []) ?? []),
        ...(server?.addresses.filter((each) => !each.ours).map((each) => each.portId) ?? []),
      ])
      await releasePorts(app, app.conductor, t.trace, state.serverId, (id) => !users.has(id))
      return { go: 'volumes' }
    },

    volumes: async (t) => {
      await releaseVolumes(t.app, t.trace, { id: t.state.serverId, projectId: t.state.projectId })
      return { go: 'finish' }
    },

    finish: async (t) => {
      const { app, state } = t
      const token = await app.conductor.serviceToken(t.trace)
      await app.conductor.placement.release(t.trace, token, state.serverId, t.subject)
      const server = await findServer(app.db, state.serverId)
      if (!server) return { done: true }
      const now = app.world.clock.now()
      const change: Partial<Server> = {
        vmState: 'deleted',
        taskState: null,
        powerState: 0,
        addresses: [],
        terminatedAt: now,
        deletedAt: now,
        updatedAt: now,
      }
      await endEvent(app.world, app.db, { ...state, host: server.host, event, result: 'Success' })
      await app.db.transaction(async (tx) => {
        await forgetParts(tx, server.id)
        await removeMember(tx, server.id)
        await deleteTokensOf(tx, server.id)
        await deletePassword(tx, server.id)
        await updateServer(tx, server.id, change)
      })
      await notifyServer(app, t.trace, { ...server, ...change }, 'compute.instance.delete.end')
      return { done: true }
    },
  },
  failed: async (t, { step, message }) => {
    const { app, state } = t
    const server = await findServer(app.db, state.serverId)
    if (!server) return
    const now = app.world.clock.now()
    const words = `The server could not be deleted: ${message}`
    const fault = { code: 500, message: words, details: `in step ${step}`, at: now }
    await updateServer(app.db, server.id, { vmState: 'error', taskState: null, fault, updatedAt: now })
    await endEvent(app.world, app.db, {
      ...state,
      host: server.host,
      event,
      result: 'Error',
      details: message,
    })
  },
})
