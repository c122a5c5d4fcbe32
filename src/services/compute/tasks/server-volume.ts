// Gives a volume to a server that is there already, and takes one away: the reservation, the host, the completion.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type TaskHandle, task } from '#kit/task/task.ts'
import type { Compute } from '../app.ts'
import { notifyServer } from '../ops/notify.ts'
import { beginEvent, endEvent } from '../ops/server-action.ts'
import type { BlockDevice } from '../resources/block-device.ts'
import type { Server } from '../resources/server.ts'
import { deleteDevice, findVolumeDevice, updateDevice } from '../store/block-device.ts'
import { findServer } from '../store/server.ts'
import { askAgainMs, hostIsUp, type Outcome, signalOf } from './operation.ts'

export type VolumeFrame = {
  serverId: string
  projectId: string
  requestId: string
  volumeId: string
  operationId: string
  undoId: string
  since: number
}
type Handle = TaskHandle<Compute, VolumeFrame>

/** The op has reserved the volume and written the device's row. */
export const serverVolumeAttach = task<Compute, VolumeFrame>()({
  name: 'server-volume-attach',
  start: 'order',
  deadlineMs: 900_000,
  steps: {
    order: async (t) => {
      await t.undo('detach')
      return ask(t, 'attachVolume', t.state.operationId, 'compute_attach_volume')
    },
    done: async (t) => {
      const { app, state } = t
      const { server, device } = await load(t)
      const again = await answered(t, server, state.operationId)
      if (again) return again
      const token = await app.conductor.serviceToken(t.trace)
      const { volume } = app.conductor
      const attachment = await volume.getAttachment(t.trace, token, state.projectId, device.attachmentId!)
      // The host completes what it attaches; where it died before that, this does.
      if (attachment && attachment.status !== 'attached')
        await volume.completeAttachment(t.trace, token, state.projectId, device.attachmentId!)
      await updateDevice(app.db, device.id, { state: 'attached' })
      await endEvent(app.world, app.db, { ...pieceOf(t, server, 'compute_attach_volume'), result: 'Success' })
      await notifyServer(app, t.trace, server, 'compute.instance.volume.attach', {
        volume_id: state.volumeId,
      })
      return { done: true }
    },
  },
  undo: {
    detach: async (t) => {
      const { app, state } = t
      const outcome = t.signal<Outcome>(signalOf(state.undoId))
      const server = await findServer(app.db, state.serverId)
      if (outcome || !server?.host || !(await hostIsUp(app, server.host))) return
      await send(t, server, 'detachVolume', state.undoId)
      throw new CloudError('unavailable', `Host ${server.host} has not yet given up the volume`)
    },
  },
  // Also where no step ever began: the op's reservation is given back here and nowhere else.
  failed: async (t, { message }) => {
    const device = await findVolumeDevice(t.app.db, t.state.serverId, t.state.volumeId)
    if (device) await letVolumeGo(t, device)
    const server = await findServer(t.app.db, t.state.serverId)
    if (!server) return
    const piece = pieceOf(t, server, 'compute_attach_volume')
    await endEvent(t.app.world, t.app.db, { ...piece, result: 'Error', details: message })
  },
})

export const serverVolumeDetach = task<Compute, VolumeFrame>()({
  name: 'server-volume-detach',
  start: 'order',
  deadlineMs: 900_000,
  steps: {
    order: (t) => ask(t, 'detachVolume', t.state.operationId, 'compute_detach_volume'),
    done: async (t) => {
      const { app, state } = t
      const { server, device } = await load(t)
      const again = await answered(t, server, state.operationId)
      if (again) return again
      await letVolumeGo(t, device)
      await endEvent(app.world, app.db, { ...pieceOf(t, server, 'compute_detach_volume'), result: 'Success' })
      await notifyServer(app, t.trace, server, 'compute.instance.volume.detach', {
        volume_id: state.volumeId,
      })
      return { done: true }
    },
  },
  failed: async (t, { message }) => {
    const { app, state } = t
    const server = await findServer(app.db, state.serverId)
    const device = await findVolumeDevice(app.db, state.serverId, state.volumeId)
    // The guest still has it.
    if (device) await updateDevice(app.db, device.id, { state: 'attached' })
    if (!server) return
    const piece = pieceOf(t, server, 'compute_detach_volume')
    await endEvent(app.world, app.db, { ...piece, result: 'Error', details: message })
  },
})

async function load(t: Handle): Promise<{ server: Server & { host: string }; device: BlockDevice }> {
  const server = await findServer(t.app.db, t.state.serverId)
  const device = await findVolumeDevice(t.app.db, t.state.serverId, t.state.volumeId)
  if (!server?.host || !device) throw new CloudError('gone', 'The server or its volume is gone.')
  return { server: { ...server, host: server.host }, device }
}

type Verb = 'attachVolume' | 'detachVolume'

async function send(t: Handle, server: Server, verb: Verb, operationId: string): Promise<void> {
  const { serverId, volumeId } = t.state
  await t.app.hosts[verb](
    { serverId, volumeId, operationId, generation: server.generation },
    { host: server.host!, trace: t.trace, subject: t.subject },
  )
}

async function ask(t: Handle, verb: Verb, operationId: string, event: string) {
  const { server } = await load(t)
  await beginEvent(t.app.world, t.app.db, pieceOf(t, server, event))
  await send(t, server, verb, operationId)
  return { wait: signalOf(operationId), then: 'done', timeoutMs: askAgainMs } as const
}

/** Undefined once the host has done it; waits on where it may still do so, and throws where it can't. */
async function answered(t: Handle, server: Server & { host: string }, operationId: string) {
  const { app, state } = t
  const outcome = t.signal<Outcome>(signalOf(operationId))
  if (outcome?.ok) return undefined
  if (outcome) throw new CloudError('conflict', outcome.error ?? `Host ${server.host} gave no reason.`)
  if (app.world.clock.now() - state.since >= app.config.powerTimeout || !(await hostIsUp(app, server.host)))
    throw new CloudError('conflict', `Host ${server.host} did not answer.`)
  return { go: 'order' } as const
}

async function letVolumeGo(t: Handle, device: BlockDevice): Promise<void> {
  const { app, state } = t
  if (device.attachmentId !== null) {
    const token = await app.conductor.serviceToken(t.trace)
    await app.conductor.volume.deleteAttachment(t.trace, token, state.projectId, device.attachmentId)
  }
  await deleteDevice(app.db, device.id)
}

function pieceOf(t: Handle, server: Server, event: string) {
  const { serverId, requestId, projectId } = t.state
  return { serverId, requestId, projectId, host: server.host, event }
}
