// Makes a volume larger on its host. The size that the cloud shows changes once the host has done it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type TaskHandle, task } from '#kit/task/task.ts'
import type { VolumeApp } from '../app.ts'
import { requireHost } from '../ops/host.ts'
import { notifyVolume } from '../ops/notify.ts'
import type { Volume, VolumeStatus } from '../resources/volume.ts'
import { changeVolume, findVolume, updateVolume } from '../store/volume.ts'
import { askAgainMs, outcomeOf, sendOptions, signalOf } from './operation.ts'

export type ExtendFrame = {
  volumeId: string
  /** GiB. */
  size: number
  sizeBefore: number
  /** The status that it goes back to. */
  before: VolumeStatus
  operationId: string
  since: number
}

export const volumeExtend = task<VolumeApp, ExtendFrame>()({
  name: 'volume-extend',
  start: 'order',
  deadlineMs: 3_600_000,
  steps: {
    order: async (t) => {
      await t.undo('showOldSize')
      await send(t, await load(t))
      return { wait: signalOf(t.state.operationId), then: 'settle', timeoutMs: askAgainMs }
    },
    settle: async (t) => {
      const { app, state } = t
      const row = await load(t)
      if (!outcomeOf(t, state.operationId)) {
        if (app.world.clock.now() - state.since >= app.config.operationTimeout)
          throw new CloudError('conflict', `Host ${row.host} did not answer.`)
        await requireHost(app.db, row.host!)
        await send(t, row)
        return { wait: signalOf(state.operationId), then: 'settle', timeoutMs: askAgainMs }
      }
      const change = { size: state.size, growsTo: null, updatedAt: app.world.clock.now() }
      await updateVolume(app.db, row.id, change)
      // Whoever set another status meanwhile, or began to delete it, has the last word.
      await changeVolume(app.db, row.id, 'extending', { status: state.before })
      await notifyVolume(app, t.trace, { ...row, ...change, status: state.before }, 'resize.end')
      return { done: true }
    },
  },
  undo: {
    // What the host has made larger stays so unseen; extended again it is only shown.
    showOldSize: async (t) =>
      void (await updateVolume(t.app.db, t.state.volumeId, { size: t.state.sizeBefore, growsTo: null })),
  },
  failed: async (t, { message }) => {
    t.log.warn({ volumeId: t.state.volumeId, reason: message }, 'a volume could not be extended')
    await changeVolume(t.app.db, t.state.volumeId, 'extending', {
      status: 'error_extending',
      updatedAt: t.app.world.clock.now(),
    })
  },
})

type Handle = TaskHandle<VolumeApp, ExtendFrame>

async function load(t: Handle): Promise<Volume> {
  const row = await findVolume(t.app.db, t.state.volumeId)
  if (!row || row.host === null) throw new CloudError('gone', 'The volume has no host any more.')
  return row
}

async function send(t: Handle, row: Volume): Promise<void> {
  const { operationId, size } = t.state
  await t.app.agent.extend(
    { volumeId: row.id, operationId, sizeGib: size },
    sendOptions(t, row.host!, row.id),
  )
}
