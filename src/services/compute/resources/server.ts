// Servers: the row, the states with what each allows, and who may do what.
import type { DesiredPower } from '#contracts/compute.ts'
import { c, type RowOf, table } from '#kit/db/table.ts'

export type VmState = 'building' | 'active' | 'stopped' | 'paused' | 'error' | 'deleted'
export const taskStates = [
  'scheduling',
  'networking',
  'block_device_mapping',
  'spawning',
  'powering-on',
  'powering-off',
  'rebooting',
  'rebooting_hard',
  'pausing',
  'unpausing',
  'deleting',
] as const
export type TaskState = (typeof taskStates)[number]

/** The flavor as it was when the server was made: later changes of the flavor don't reach it. */
export type ServerFlavor = {
  id: string
  name: string
  vcpus: number
  memoryMb: number
  rootGb: number
  ephemeralGb: number
  swapMb: number
  extraSpecs: Record<string, string>
}
export type ServerAddress = {
  portId: string
  networkId: string
  network: string
  mac: string
  /** Ours to delete with the server, or the user's own port. */
  ours: boolean
  ips: { version: 4 | 6; address: string; subnetId: string; type: 'fixed' | 'floating' }[]
  tag: string | null
}
export type ServerFault = { code: number; message: string; details: string; at: number }

export const server = table(
  'server',
  {
    /** instance-%08x on its host. */
    number: c.autoId(),
    id: c.id(),
    reservationId: c.text(64),
    launchIndex: c.int(),
    projectId: c.text(64),
    userId: c.text(64),
    name: c.text(255),
    hostname: c.text(255),
    description: c.nullable(c.text(255)),
    flavorId: c.text(255),
    flavor: c.json<ServerFlavor>(),
    vcpus: c.int(),
    memoryMb: c.int(),
    /** Null where it boots from a volume. */
    imageId: c.nullable(c.id()),
    keyName: c.nullable(c.text(255)),
    metadata: c.json<Record<string, string>>(),
    tags: c.json<string[]>(),
    /** base64, as the caller gave it. */
    userData: c.nullable(c.text()),
    configDrive: c.bool(),
    accessIpV4: c.nullable(c.text(64)),
    accessIpV6: c.nullable(c.text(64)),
    /** The zone that was asked for; where it runs tells its host. */
    availabilityZone: c.nullable(c.text(255)),
    host: c.nullable(c.text(255)),
    node: c.nullable(c.text(255)),
    vmState: c.text<VmState>(32),
    taskState: c.nullable(c.text<TaskState>(64)),
    /** 0 none known, 1 running, 3 paused, 4 shut down, 6 crashed. */
    powerState: c.int(),
    progress: c.int(),
    lockedBy: c.nullable(c.text<'owner' | 'admin'>(16)),
    lockedReason: c.nullable(c.text(255)),
    diskConfig: c.text<'AUTO' | 'MANUAL'>(16),
    rootDevice: c.nullable(c.text(255)),
    trustedCertificates: c.nullable(c.json<string[]>()),
    securityGroups: c.json<string[]>(),
    addresses: c.json<ServerAddress[]>(),
    fault: c.nullable(c.json<ServerFault>()),
    /** Raised with each change of what its host must know. */
    generation: c.int(),
    desiredPower: c.text<DesiredPower>(16),
    launchedAt: c.nullable(c.time()),
    terminatedAt: c.nullable(c.time()),
    deletedAt: c.nullable(c.time()),
    createdAt: c.time(),
    updatedAt: c.time(),
  },
  {
    unique: [['id']],
    index: [
      ['projectId', 'deletedAt', 'createdAt'],
      // Both with all that is added up.
      ['projectId', 'deletedAt', 'userId', 'vcpus', 'memoryMb'],
      ['host', 'deletedAt', 'vmState', 'vcpus', 'memoryMb'],
      ['deletedAt', 'createdAt'],
      ['reservationId'],
    ],
  },
)
export type Server = RowOf<typeof server>

export const statuses: Record<VmState, string> & Record<string, string> = {
  building: 'BUILD',
  active: 'ACTIVE',
  stopped: 'SHUTOFF',
  paused: 'PAUSED',
  error: 'ERROR',
  deleted: 'DELETED',
}
const rebootStatus: Partial<Record<TaskState, string>> = {
  rebooting: 'REBOOT',
  rebooting_hard: 'HARD_REBOOT',
}

/** What clients poll: it follows from vm_state and task_state. */
export function statusOf(s: { vmState: VmState; taskState: TaskState | null }): string {
  return (s.vmState === 'active' && s.taskState && rebootStatus[s.taskState]) || statuses[s.vmState]
}

export function vmStatesOf(status: string): VmState[] {
  const wanted = status.toUpperCase()
  if (wanted === 'REBOOT' || wanted === 'HARD_REBOOT') return ['active']
  return (Object.keys(statuses) as VmState[]).filter((state) => statuses[state] === wanted)
}

/** Every status of Nova's, so that a filter by one that no server can have is empty and not wrong. */
export const knownStatuses = new Set(
  (
    'ACTIVE BUILD DELETED ERROR HARD_REBOOT MIGRATING PASSWORD PAUSED REBOOT REBUILD RESCUE RESIZE REVERT_RESIZE ' +
    'SHELVED SHELVED_OFFLOADED SHUTOFF SOFT_DELETED SUSPENDED UNKNOWN VERIFY_RESIZE'
  ).split(' '),
)

type Allowed = { vm: readonly VmState[]; whileBusy?: readonly TaskState[] | 'any' }
/** Which states allow which action; unless `whileBusy` says so, no other action may be under way. */
const serverCan = {
  start: { vm: ['stopped'] },
  stop: { vm: ['active', 'error'] },
  softReboot: { vm: ['active'] },
  hardReboot: {
    vm: ['active', 'stopped', 'paused', 'error'],
    whileBusy: ['rebooting', 'rebooting_hard', 'pausing', 'unpausing', 'powering-on', 'powering-off'],
  },
  pause: { vm: ['active'] },
  unpause: { vm: ['paused'] },
  attachVolume: { vm: ['active', 'paused', 'stopped'] },
  detachVolume: { vm: ['active', 'paused', 'stopped'] },
  attachInterface: { vm: ['active', 'paused', 'stopped'] },
  detachInterface: { vm: ['active', 'paused', 'stopped'] },
  updateMetadata: { vm: ['active', 'paused', 'stopped'], whileBusy: 'any' },
} satisfies Record<string, Allowed>
export type ServerAction = keyof typeof serverCan

export function mayDo(
  action: ServerAction,
  s: { vmState: VmState; taskState: TaskState | null },
): 'vm_state' | 'task_state' | undefined {
  const { vm, whileBusy }: Allowed = serverCan[action]
  if (!vm.includes(s.vmState)) return 'vm_state'
  if (s.taskState === null || whileBusy === 'any' || whileBusy?.includes(s.taskState)) return undefined
  return 'task_state'
}

/** What a rule about a server may name. */
export function serverTarget(s: { projectId: string; userId: string }): Record<string, unknown> {
  return { project_id: s.projectId, tenant_id: s.projectId, user_id: s.userId }
}
