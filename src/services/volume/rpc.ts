// What hosts ask of the volume service.
import { volumePlugin } from '#contracts/volume-agent.ts'
import type { Served } from '#kit/bus/bus.ts'
import type { VolumeApp } from './app.ts'
import { acceptReport } from './ops/volume-service.ts'
import { subjectOf, type Volume } from './resources/volume.ts'
import { volumesOfAgent } from './store/volume.ts'
import { signalOf } from './tasks/operation.ts'
import { volumeCreate } from './tasks/volume-create.ts'
import { volumeDelete } from './tasks/volume-delete.ts'
import { volumeExtend } from './tasks/volume-extend.ts'

export const definitions = [volumeCreate, volumeDelete, volumeExtend]

export function serveHosts(app: VolumeApp): Promise<Served> {
  return app.bus.serve(volumePlugin, app.world.host.name, 'cinder-api', {
    async operationDone({ volumeId, operationId, ok, error }) {
      const subject = subjectOf(volumeId)
      let heard = false
      for (const { name } of definitions)
        heard = (await app.tasks.signal(subject, name, signalOf(operationId), { ok, error })) || heard
      return { accepted: heard && !(await isUndone(app, subject, operationId)) }
    },
    async hostReport(report) {
      await acceptReport(app, report)
      return { accepted: true }
    },
    // One that is being made is not taken over yet: its end, when it is told, says whether it is.
    async hostVolumes({ host }) {
      const made = (await volumesOfAgent(app.db, host)).filter((row) => !isBeingMade(row))
      return { volumeIds: made.map((row) => row.id) }
    },
  })
}

const isBeingMade = ({ status }: Volume) => status === 'creating' || status === 'downloading'

/** What is made after all, when it has been given up, nobody takes over: the host clears it away. */
async function isUndone(app: VolumeApp, subject: string, operationId: string): Promise<boolean> {
  const running = await app.tasks.running(subject)
  return running.some(
    ({ status, state }) => status === 'undoing' && Object.values(state as object).includes(operationId),
  )
}
