// The bus between the volume service and the agents that hold volumes.
import { type Static, Type } from 'typebox'
import { call, cast, contract, hostContract } from '#kit/bus/contract.ts'

const Id = Type.String({ minLength: 1, maxLength: 64 })
const Host = Type.String({ minLength: 1, maxLength: 255 })

/** Made by the task that waits for it; a repeated operation is done once. */
const operation = { volumeId: Id, operationId: Id }

/** Served by each volume agent; every cast ends in `volumePlugin.operationDone`. */
export const volumeAgent = hostContract('cinder', 'cinder-volume', '1.0', {
  /** Blank where there is no image. */
  create: cast(
    Type.Object({
      ...operation,
      projectId: Id,
      sizeGib: Type.Integer({ minimum: 1 }),
      imageId: Type.Union([Id, Type.Null()]),
    }),
  ),
  delete: cast(Type.Object(operation)),
  extend: cast(Type.Object({ ...operation, sizeGib: Type.Integer({ minimum: 1 }) })),
  /** How a guest on `connectingHost` reaches the volume. */
  connect: call(
    Type.Object({ volumeId: Id, connectingHost: Host }),
    Type.Object({ driverVolumeType: Type.String(), data: Type.Record(Type.String(), Type.Unknown()) }),
  ),
})

export const VolumeHostReportSchema = Type.Object({
  host: Host,
  backend: Type.String(),
  totalGib: Type.Number(),
  freeGib: Type.Number(),
  startedAt: Type.Integer(),
})
export type VolumeHostReport = Static<typeof VolumeHostReportSchema>

/** Served by the volume service. */
export const volumePlugin = contract('cinder', 'cinder-scheduler', '1.0', {
  operationDone: call(
    Type.Object({
      host: Host,
      ...operation,
      ok: Type.Boolean(),
      error: Type.Union([Type.String(), Type.Null()]),
    }),
    Type.Object({ accepted: Type.Boolean() }),
  ),
  /** The heart-beat of a volume host. */
  hostReport: call(VolumeHostReportSchema, Type.Object({ accepted: Type.Boolean() }), { routine: true }),
  /** All volumes that this host should hold. */
  hostVolumes: call(Type.Object({ host: Host }), Type.Object({ volumeIds: Type.Array(Id) }), {
    routine: true,
  }),
})
