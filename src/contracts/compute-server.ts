// Shapes that the compute service and the compute agents share: what a host must know to run one server.
import { type Static, type TSchema, Type } from 'typebox'

export const Id = Type.String({ minLength: 1, maxLength: 64 })
export const Host = Type.String({ minLength: 1, maxLength: 255 })
export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const FlavorOrderSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  vcpus: Type.Integer(),
  memoryMb: Type.Integer(),
  rootGb: Type.Integer(),
  ephemeralGb: Type.Integer(),
  swapMb: Type.Integer(),
  extraSpecs: Type.Record(Type.String(), Type.String()),
})

/** A volume of the server; the host asks the volume service how to reach it by the attachment. */
export const VolumeOrderSchema = Type.Object({
  volumeId: Id,
  attachmentId: Id,
  /** As the guest is likely to call it: '/dev/vdb'. */
  device: Type.String(),
  bootIndex: nullable(Type.Integer()),
})

export const DesiredPowerSchema = Type.Union([
  Type.Literal('running'),
  Type.Literal('stopped'),
  Type.Literal('paused'),
])
export type DesiredPower = Static<typeof DesiredPowerSchema>

/** One server as its host should have it. */
export const ServerOrderSchema = Type.Object({
  id: Id,
  /** The server's number within the cloud: instance-%08x. */
  number: Type.Integer(),
  /** Raised with each change of what is here; an older order never overwrites a newer one. */
  generation: Type.Integer(),
  name: Type.String(),
  hostname: Type.String(),
  projectId: Id,
  userId: Id,
  flavor: FlavorOrderSchema,
  /** Null where the server boots from a volume. */
  imageId: nullable(Id),
  desiredPower: DesiredPowerSchema,
  configDrive: Type.Boolean(),
  volumes: Type.Array(VolumeOrderSchema),
  /** In the order of the guest's cards; absent from a conductor before 1.2. */
  portIds: Type.Optional(Type.Array(Id)),
  availabilityZone: Type.String(),
  createdAt: Type.Integer(),
})
export type ServerOrder = Static<typeof ServerOrderSchema>

/** What an agent reports of its host: the virt driver's words, for hypervisors and placement. */
export const HostReportSchema = Type.Object({
  host: Host,
  hypervisorType: Type.String(),
  hypervisorVersion: Type.Integer(),
  architecture: Type.String(),
  accel: Type.String(),
  cpuModel: Type.String(),
  hostIp: Type.String(),
  vcpus: Type.Integer(),
  memoryMb: Type.Integer(),
  diskGb: Type.Integer(),
  /** Placement traits: COMPUTE_NODE, HW_CPU_X86_VMX, ... */
  traits: Type.Array(Type.String()),
  runningGuests: Type.Integer(),
  startedAt: Type.Integer(),
})
export type HostReport = Static<typeof HostReportSchema>

export const PowerSchema = Type.Union([
  Type.Literal('running'),
  Type.Literal('paused'),
  Type.Literal('shutdown'),
  Type.Literal('crashed'),
  Type.Literal('absent'),
])
export type ReportedPower = Static<typeof PowerSchema>
