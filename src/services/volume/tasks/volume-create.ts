// Makes a volume: a host is chosen, makes it, and fills it from an image where one was asked for.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { type TaskHandle, task } from '#kit/task/task.ts'
import type { VolumeApp } from '../app.ts'
import { chooseHost, requireHost } from '../ops/host.ts'
import { notifyVolume } from '../ops/notify.ts'
import type { Volume } from '../resources/volume.ts'
import { changeVolume, findVolume, updateVolume } from '../store/volume.ts'
import { askAgainMs, outcomeOf, removeFromHost, sendOptions, signalOf } from './operation.ts'

export type CreateFrame = {
  volumeId: string
  imageId: string | null
  operationId: string
  removalId: string
  /** 'node1@file', once chosen. */
  host: string | null
  since: number
}

export const volumeCreate = task<VolumeApp, CreateFrame>()({
  name: 'volume-create',
  start: 'schedule',
  deadlineMs: 3_600_000,
  steps: {
    schedule: async (t) => {
      await t.undo('giveUpHost')
      const host = await t.app.db.transaction(async (tx) => {
        const row = await load(t, tx)
        // It has one where the run before ended before that was noted here.
        const host = row.host ?? (await chooseHost(tx, t.app, row.size, row.availabilityZone))
        await changeVolume(tx, row.id, row.status, {
          host,
          status: t.state.imageId === null ? 'creating' : 'downloading',
          updatedAt: t.app.world.clock.now(),
        })
        return host
      })
      t.set({ host })
      return { go: 'order' }
    },
    order: async (t) => {
      const row = await load(t)
      await t.undo('remove')
      await send(t, row)
      return { wait: signalOf(t.state.operationId), then: 'settle', timeoutMs: askAgainMs }
    },
    settle: async (t) => {
      const { app, state } = t
      const row = await load(t)
      if (!outcomeOf(t, state.operationId)) {
        if (app.world.clock.now() - state.since >= app.config.operationTimeout)
          throw new CloudError('conflict', `Host ${state.host} did not answer.`)
        await requireHost(app.db, state.host!)
        await send(t, row)
        return { wait: signalOf(state.operationId), then: 'settle', timeoutMs: askAgainMs }
      }
      const change = { status: 'available', updatedAt: app.world.clock.now() } as const
      await changeVolume(app.db, row.id, row.status, change)
      await notifyVolume(app, t.trace, { ...row, ...change }, 'create.end')
      return { done: true }
    },
  },
  undo: {
    remove: async (t) => {
      const { host, volumeId, removalId } = t.state
      await removeFromHost(t, { host: host!, volumeId, operationId: removalId })
    },
    giveUpHost: async (t) => void (await updateVolume(t.app.db, t.state.volumeId, { host: null })),
  },
  failed: async (t, { message }) => {
    const row = await findVolume(t.app.db, t.state.volumeId)
    if (!row || isBeingDeleted(row)) return
    t.log.warn({ volumeId: row.id, reason: message }, 'a volume could not be made')
    const change = { status: 'error', updatedAt: t.app.world.clock.now() } as const
    await updateVolume(t.app.db, row.id, change)
    await notifyVolume(t.app, t.trace, { ...row, ...change }, 'create.error', { reason: message })
  },
})

/** By force, before it was made. */
const isBeingDeleted = ({ status }: Volume) => status === 'deleting' || status === 'error_deleting'

type Handle = TaskHandle<VolumeApp, CreateFrame>

async function load(t: Handle, db: Db = t.app.db): Promise<Volume> {
  const row = await findVolume(db, t.state.volumeId)
  if (!row || isBeingDeleted(row)) throw new CloudError('gone', 'The volume is gone.')
  return row
}

async function send(t: Handle, row: Volume): Promise<void> {
  const { operationId, imageId, host } = t.state
  await t.app.agent.create(
    { volumeId: row.id, operationId, projectId: row.projectId, sizeGib: row.size, imageId },
    sendOptions(t, host!, row.id),
  )
}
