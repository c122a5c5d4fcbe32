// Removes the condition: a volume is reserved for a server or connected with its host, and nothing of ours knows of it: the
// request that did it ended before it could note what it had done, or give it back.
import type { Loop } from '#kit/loop/loop.ts'
import type { Compute } from '../app.ts'
import { subjectOf } from '../ops/server-load.ts'
import { attachmentsKnown } from '../store/block-device.ts'
import { findAnyServer } from '../store/server.ts'

/** Longer than any request works on between reserving a volume and noting it. */
const graceMs = 300_000

export function reservationLoop(app: Compute): Loop {
  let seen = new Map<string, number>()
  return {
    name: 'compute-reservations',
    everyMs: 60_000,
    async run() {
      const { volume, serviceToken } = app.conductor
      const trace = app.journal.newTrace()
      const token = await serviceToken(trace)
      // A service may name any project in a path; the list is of all of them.
      const reserved = await volume.listUnfinishedAttachments(trace, token, anyProject)
      const known = await attachmentsKnown(
        app.db,
        reserved.map(({ id }) => id),
      )
      const now = app.world.clock.monotonic()
      const stray = reserved.filter(({ id }) => !known.has(id))
      const since = new Map(stray.map(({ id }) => [id, seen.get(id) ?? now]))
      seen = since
      for (const { id, instance, volume_id: volumeId } of stray) {
        if (now - since.get(id)! < graceMs) continue
        // Others may reserve volumes for what is no server of ours.
        if (!instance || !(await findAnyServer(app.db, instance))) continue
        // A build reserves its volumes before it notes them, and looks for them again when it is tried again.
        if ((await app.tasks.running(subjectOf(instance))).length > 0) continue
        await volume.deleteAttachment(trace, token, anyProject, id)
        since.delete(id)
        app.log.warn({ serverId: instance, volumeId }, 'a volume that was reserved for nobody was released')
      }
    },
  }
}

const anyProject = 'all'
