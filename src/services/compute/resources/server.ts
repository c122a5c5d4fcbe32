// Servers: the row, the states with what each allows, and who may do what.
import type { DesiredPower } from '#contracts/compute.ts'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { admin, member, reader, rules } from './policy.ts'

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
      ['host', 'deletedAt'],
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
export const serverCan = {
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

export const serverRules = rules({
  list: ['os_compute_api:servers:index', reader, 'List servers'],
  detail: ['os_compute_api:servers:detail', reader, 'List servers with their details'],
  listAll: ['os_compute_api:servers:index:get_all_tenants', admin, "List all projects' servers"],
  detailAll: [
    'os_compute_api:servers:detail:get_all_tenants',
    admin,
    "List all projects' servers with their details",
  ],
  allFilters: [
    'os_compute_api:servers:allow_all_filters',
    admin,
    'Filter servers by attributes of the cloud',
  ],
  show: ['os_compute_api:servers:show', reader, 'Show a server'],
  showSpecs: [
    'os_compute_api:servers:show:flavor-extra-specs',
    reader,
    "See the extra specs of a server's flavor",
  ],
  hostStatus: ['os_compute_api:servers:show:host_status', admin, "See the state of a server's host"],
  extended: ['os_compute_api:os-extended-server-attributes', admin, "See a server's host and its name there"],
  create: ['os_compute_api:servers:create', member, 'Create a server'],
  forceHost: ['os_compute_api:servers:create:forced_host', admin, 'Create a server on a named host'],
  requestHost: [
    'compute:servers:create:requested_destination',
    admin,
    'Ask for a host when creating a server',
  ],
  attachVolume: ['os_compute_api:servers:create:attach_volume', member, 'Create a server with volumes'],
  attachNetwork: ['os_compute_api:servers:create:attach_network', member, 'Create a server with networks'],
  trustedCerts: [
    'os_compute_api:servers:create:trusted_certs',
    member,
    'Create a server with trusted certificates',
  ],
  zeroDisk: [
    'os_compute_api:servers:create:zero_disk_flavor',
    admin,
    'Create a server from an image on a flavor without disk',
  ],
  externalNetwork: [
    'network:attach_external_network',
    admin,
    'Attach a server to an external network that is not shared',
  ],
  update: ['os_compute_api:servers:update', member, 'Change a server'],
  delete: ['os_compute_api:servers:delete', member, 'Delete a server'],
  forceDelete: ['os_compute_api:os-deferred-delete:force', member, 'Delete a server at once'],
  start: ['os_compute_api:servers:start', member, 'Start a server'],
  stop: ['os_compute_api:servers:stop', member, 'Stop a server'],
  reboot: ['os_compute_api:servers:reboot', member, 'Restart a server'],
  pause: ['os_compute_api:os-pause-server:pause', member, 'Pause a server'],
  unpause: ['os_compute_api:os-pause-server:unpause', member, 'Resume a paused server'],
  resetState: ['os_compute_api:os-admin-actions:reset_state', admin, "Set a server's state by hand"],
  lock: ['os_compute_api:os-lock-server:lock', member, 'Lock a server'],
  unlock: ['os_compute_api:os-lock-server:unlock', member, 'Unlock a server'],
  unlockOverride: [
    'os_compute_api:os-lock-server:unlock:unlock_override',
    admin,
    'Unlock a server that another locked',
  ],
  consoleOutput: ['os_compute_api:os-console-output', member, "Read a server's console log"],
  remoteConsole: ['os_compute_api:os-remote-consoles', member, "Open a server's console"],
  addGroup: ['os_compute_api:os-security-groups:add', member, 'Add a security group to a server'],
  removeGroup: ['os_compute_api:os-security-groups:remove', member, 'Remove a security group from a server'],
  listGroups: ['os_compute_api:os-security-groups:list', reader, "List a server's security groups"],
  metadataList: ['os_compute_api:server-metadata:index', reader, "List a server's metadata"],
  metadataShow: ['os_compute_api:server-metadata:show', reader, "Show one of a server's metadata"],
  metadataCreate: ['os_compute_api:server-metadata:create', member, "Add to a server's metadata"],
  metadataReplace: ['os_compute_api:server-metadata:update_all', member, "Replace a server's metadata"],
  metadataUpdate: ['os_compute_api:server-metadata:update', member, "Change one of a server's metadata"],
  metadataDelete: ['os_compute_api:server-metadata:delete', member, "Delete one of a server's metadata"],
  tagList: ['os_compute_api:os-server-tags:index', reader, "List a server's tags"],
  tagShow: ['os_compute_api:os-server-tags:show', reader, 'Check for a tag of a server'],
  tagAdd: ['os_compute_api:os-server-tags:update', member, 'Add a tag to a server'],
  tagReplace: ['os_compute_api:os-server-tags:update_all', member, "Replace a server's tags"],
  tagDelete: ['os_compute_api:os-server-tags:delete', member, 'Remove a tag from a server'],
  tagDeleteAll: ['os_compute_api:os-server-tags:delete_all', member, "Remove all of a server's tags"],
  addressList: ['os_compute_api:ips:index', reader, "List a server's addresses"],
  addressShow: ['os_compute_api:ips:show', reader, "List a server's addresses in one network"],
  interfaceList: ['os_compute_api:os-attach-interfaces:list', reader, "List a server's interfaces"],
  interfaceShow: ['os_compute_api:os-attach-interfaces:show', reader, 'Show an interface of a server'],
  interfaceCreate: ['os_compute_api:os-attach-interfaces:create', member, 'Attach an interface to a server'],
  interfaceDelete: [
    'os_compute_api:os-attach-interfaces:delete',
    member,
    'Detach an interface from a server',
  ],
  volumeList: ['os_compute_api:os-volumes-attachments:index', reader, "List a server's volumes"],
  volumeShow: ['os_compute_api:os-volumes-attachments:show', reader, 'Show a volume of a server'],
  volumeCreate: ['os_compute_api:os-volumes-attachments:create', member, 'Attach a volume to a server'],
  volumeUpdate: [
    'os_compute_api:os-volumes-attachments:update',
    member,
    'Change whether a volume goes with its server',
  ],
  volumeDelete: ['os_compute_api:os-volumes-attachments:delete', member, 'Detach a volume from a server'],
  actionList: ['os_compute_api:os-instance-actions:list', reader, 'List what was done with a server'],
  actionShow: [
    'os_compute_api:os-instance-actions:show',
    reader,
    'Show something that was done with a server',
  ],
  actionEvents: [
    'os_compute_api:os-instance-actions:events',
    admin,
    'See the traceback and host of what was done with a server',
  ],
  actionDetails: ['os_compute_api:os-instance-actions:events:details', admin, 'See why something failed'],
  externalEvent: [
    'os_compute_api:os-server-external-events:create',
    admin,
    'Tell compute what happened to ports and volumes',
  ],
  passwordShow: [
    'os_compute_api:os-server-password:show',
    reader,
    'See the encrypted password that a guest posted',
  ],
  passwordClear: [
    'os_compute_api:os-server-password:clear',
    member,
    'Forget the password that a guest posted',
  ],
  diagnostics: ['os_compute_api:os-server-diagnostics', admin, 'See the diagnostics of a server'],
})
