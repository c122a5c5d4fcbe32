// What hosts ask of the volume service.
import { volumePlugin } from '#contracts/volume-agent.ts'
import type { Served } from '#kit/bus/bus.ts'
import type { VolumeApp } from './app.ts'
import { acceptReport } from './ops/volume-service.ts'
import { subjectOf } from './resources/volume.ts'
import { volumesOfAgent } from './store/volume.ts'
import { signalOf } from './tasks/operation.ts'
import { volumeCreate } from './tasks/volume-create.ts'
import { volumeDelete } from './tasks/volume-delete.ts'
import { volumeExtend } from './tasks/volume-extend.ts'

export const definitions = [volumeCreate, volumeDelete, volumeExtend]

export function serveHosts(app: VolumeApp): Promise<Served> {
  return app.bus.serve(volumePlugin, app.world.host.name, 'cinder-api', {
    async operationDone({ volumeId, operationId, ok, error }) {
      let accepted = false
      for (const { name } of definitions)
        accepted =
          (await app.tasks.signal(subjectOf(volumeId), name, signalOf(operationId), { ok, error })) ||
          accepted
      return { accepted }
    },
    async hostReport(report) {
      await acceptReport(app, report)
      return { accepted: true }
    },
    async hostVolumes({ host }) {
      return { volumeIds: (await volumesOfAgent(app.db, host)).map((row) => row.id) }
    },
  })
}
