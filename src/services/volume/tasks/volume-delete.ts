// Removes a volume from its host, and then its row. There is no way back: what fails leaves it in error_deleting.
import { task } from '#kit/task/task.ts'
import type { VolumeApp } from '../app.ts'
import { notifyVolume } from '../ops/notify.ts'
import { deleteAttachmentsOf } from '../store/attachment.ts'
import { deleteVolume, findVolume, updateVolume } from '../store/volume.ts'
import { findService } from '../store/volume-service.ts'
import { askAgainMs, outcomeOf, sendOptions, signalOf } from './operation.ts'

export type DeleteFrame = { volumeId: string; operationId: string }

export const volumeDelete = task<VolumeApp, DeleteFrame>()({
  name: 'volume-delete',
  start: 'order',
  // A host that is down may come back.
  deadlineMs: 3_600_000,
  steps: {
    order: async (t) => {
      const { volumeId, operationId } = t.state
      const row = await findVolume(t.app.db, volumeId)
      if (!row || row.host === null) return { go: 'forget' }
      // Its host was removed from the cloud, and the disk with it.
      if (!(await findService(t.app.db, 'cinder-volume', row.host))) return { go: 'forget' }
      await t.app.agent.delete({ volumeId, operationId }, sendOptions(t, row.host, volumeId))
      return { wait: signalOf(operationId), then: 'await', timeoutMs: askAgainMs }
    },
    await: async (t) => ({ go: outcomeOf(t, t.state.operationId) ? 'forget' : 'order' }),
    forget: async (t) => {
      const { app, state } = t
      const row = await findVolume(app.db, state.volumeId)
      if (!row) return { done: true }
      await notifyVolume(app, t.trace, row, 'delete.end')
      await app.db.transaction(async (tx) => {
        await deleteAttachmentsOf(tx, state.volumeId)
        await deleteVolume(tx, state.volumeId)
      })
      return { done: true }
    },
  },
  failed: async (t, { message }) => {
    t.log.warn({ volumeId: t.state.volumeId, reason: message }, 'a volume could not be removed')
    await updateVolume(t.app.db, t.state.volumeId, {
      status: 'error_deleting',
      updatedAt: t.app.world.clock.now(),
    })
  },
})
