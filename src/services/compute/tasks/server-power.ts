// Starts, stops, pauses, resumes or restarts a server: one order to its host. The op has set the task state before.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type TaskHandle, task } from '#kit/task/task.ts'
import type { Compute } from '../app.ts'
import { notifyServer } from '../ops/notify.ts'
import { beginEvent, endEvent } from '../ops/server-action.ts'
import type { Server, VmState } from '../resources/server.ts'
import { findServer, updateUnlessDeleting } from '../store/server.ts'
import { askAgainMs, hostIsUp, type Outcome, order, signalOf } from './operation.ts'

export type PowerVerb = 'start' | 'stop' | 'pause' | 'unpause' | 'softReboot' | 'hardReboot'
export type PowerFrame = {
  serverId: string
  projectId: string
  requestId: string
  verb: PowerVerb
  operationId: string
  /** What the server goes back to where the host can't. */
  before: Pick<Server, 'desiredPower'>
  since: number
}

type Verb = { event: string; notification: string; vmState: VmState; powerState: number }
const verbs: Record<PowerVerb, Verb> = {
  start: { event: 'compute_start_instance', notification: 'power_on', vmState: 'active', powerState: 1 },
  stop: { event: 'compute_stop_instance', notification: 'power_off', vmState: 'stopped', powerState: 4 },
  pause: { event: 'compute_pause_instance', notification: 'pause', vmState: 'paused', powerState: 3 },
  unpause: { event: 'compute_unpause_instance', notification: 'unpause', vmState: 'active', powerState: 1 },
  softReboot: { event: 'compute_reboot_instance', notification: 'reboot', vmState: 'active', powerState: 1 },
  hardReboot: { event: 'compute_reboot_instance', notification: 'reboot', vmState: 'active', powerState: 1 },
}

export const serverPower = task<Compute, PowerFrame>()({
  name: 'server-power',
  start: 'order',
  deadlineMs: 900_000,
  steps: {
    order: async (t) => {
      const { app, state } = t
      const server = await load(t)
      await beginEvent(app.world, app.db, pieceOf(t, server))
      await send(t, server)
      return { wait: signalOf(state.operationId), then: 'done', timeoutMs: askAgainMs }
    },
    done: async (t) => {
      const { app, state } = t
      const server = await load(t)
      const outcome = t.signal<Outcome>(signalOf(state.operationId))
      if (!outcome) {
        if (
          app.world.clock.now() - state.since >= app.config.powerTimeout ||
          !(await hostIsUp(app, server.host!))
        )
          throw new CloudError('conflict', `Host ${server.host} did not answer.`)
        await send(t, server)
        return { wait: signalOf(state.operationId), then: 'done', timeoutMs: askAgainMs }
      }
      if (!outcome.ok)
        throw new CloudError('conflict', outcome.error ?? `Host ${server.host} gave no reason.`)
      const { vmState, powerState, notification } = verbs[state.verb]
      const change: Partial<Server> = {
        vmState,
        powerState,
        taskState: null,
        updatedAt: app.world.clock.now(),
        fault: null,
      }
      await updateUnlessDeleting(app.db, server.id, change)
      await endEvent(app.world, app.db, { ...pieceOf(t, server), result: 'Success' })
      await notifyServer(app, t.trace, { ...server, ...change }, `compute.instance.${notification}.end`)
      return { done: true }
    },
  },
  failed: async (t, { message }) => {
    const { app, state } = t
    const server = await findServer(app.db, state.serverId)
    if (!server) return
    await endEvent(app.world, app.db, { ...pieceOf(t, server), result: 'Error', details: message })
    await updateUnlessDeleting(app.db, server.id, {
      taskState: null,
      desiredPower: state.before.desiredPower,
      generation: server.generation + 1,
      updatedAt: app.world.clock.now(),
    })
  },
})

type Handle = TaskHandle<Compute, PowerFrame>

async function load(t: Handle): Promise<Server & { host: string }> {
  const server = await findServer(t.app.db, t.state.serverId)
  if (!server || server.host === null) throw new CloudError('gone', 'The server has no host any more.')
  return { ...server, host: server.host }
}

async function send(t: Handle, server: { id: string; host: string; generation: number }): Promise<void> {
  const { verb, operationId } = t.state
  const of = { host: server.host, serverId: server.id, operationId }
  if (verb !== 'softReboot' && verb !== 'hardReboot') return order(t.app, t, verb, of)
  await t.app.hosts.reboot(
    {
      serverId: server.id,
      operationId,
      generation: server.generation,
      kind: verb === 'softReboot' ? 'soft' : 'hard',
    },
    { host: server.host, trace: t.trace, subject: t.subject },
  )
}

function pieceOf(t: Handle, server: Server) {
  const { serverId, requestId, projectId, verb } = t.state
  return { serverId, requestId, projectId, host: server.host, event: verbs[verb].event }
}
