// Options of compute.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

export const computeConfig = section('compute', {
  roles: option.list(['api', 'scheduler', 'conductor'], 'Which roles of compute run in this process'),
  maxLimit: option.int(1000, 'The most entries that one page of a list holds', { min: 1 }),
  defaultAvailabilityZone: option.text(
    'nova',
    'The zone of hosts that are in no aggregate with a zone of its own',
  ),
  internalAvailabilityZone: option.text('internal', 'The zone in which services without servers are shown'),
  serviceDownTime: option.duration('60s', 'After this long without a heart-beat a service counts as down'),
  reportInterval: option.duration('10s', 'How often the roles of this process report that they are up'),
  vifPluggingTimeout: option.duration('300s', 'How long a server waits for its ports to be wired'),
  buildTimeout: option.duration('600s', 'How long a host may take to build a server'),
  volumeTimeout: option.duration('300s', 'How long a server waits for its new volumes'),
  powerTimeout: option.duration('120s', 'How long a host may take to start, stop or restart a server'),
  schedulerSample: option.int(
    64,
    'Of how many hosts with room, picked by placement at random, the best is taken; all are looked at where none of them will do',
    { min: 1, unit: 'hosts' },
  ),
  maxAttempts: option.int(3, 'How many hosts are tried for one server', { min: 1 }),
  cpuAllocationRatio: option.json(4, 'Virtual CPUs offered for each CPU of a host', positive),
  ramAllocationRatio: option.json(1, 'Memory offered for the memory of a host', positive),
  diskAllocationRatio: option.json(1, 'Disk offered for the disk of a host', positive),
  reservedHostMemory: option.int(512, 'Memory that a host keeps for itself', { min: 0, unit: 'MiB' }),
  reservedHostDisk: option.int(0, 'Disk that a host keeps for itself', { min: 0, unit: 'GiB' }),
  reservedHostCpus: option.int(0, 'CPUs that a host keeps for itself', { min: 0, unit: 'CPUs' }),
  ramWeight: option.json(1, 'Weight of free memory among suitable hosts', number),
  cpuWeight: option.json(1, 'Weight of free virtual CPUs among suitable hosts', number),
  diskWeight: option.json(1, 'Weight of free disk among suitable hosts', number),
  ioOpsWeight: option.json(-1, 'Weight of builds in progress: negative avoids busy hosts', number),
  quotaInstances: option.int(10, 'Servers of a project; -1 for no limit', { min: -1 }),
  quotaCores: option.int(20, 'Virtual CPUs of a project; -1 for no limit', { min: -1 }),
  quotaRam: option.int(51_200, 'Memory of a project; -1 for no limit', { min: -1, unit: 'MiB' }),
  quotaMetadataItems: option.int(128, 'Metadata entries of a server; -1 for no limit', { min: -1 }),
  quotaInjectedFiles: option.int(5, 'Files put into a server; -1 for no limit', { min: -1 }),
  quotaInjectedFileContentBytes: option.int(10_240, 'Size of such a file; -1 for no limit', {
    min: -1,
    unit: 'bytes',
  }),
  quotaInjectedFilePathBytes: option.int(255, 'Length of its path; -1 for no limit', {
    min: -1,
    unit: 'bytes',
  }),
  quotaKeyPairs: option.int(100, 'Key pairs of a user; -1 for no limit', { min: -1 }),
  quotaServerGroups: option.int(10, 'Server groups of a project; -1 for no limit', { min: -1 }),
  quotaServerGroupMembers: option.int(10, 'Servers of a server group; -1 for no limit', { min: -1 }),
  novncBaseUrl: option.text(
    '',
    "Where browsers find the noVNC page; empty for this cloud's own console proxy",
  ),
  consoleTokenLife: option.duration('600s', 'How long a console URL holds'),
})
export type ComputeConfig = ConfigOf<typeof computeConfig>

function number(value: unknown): string | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? undefined : 'must be a number'
}

function positive(value: unknown): string | undefined {
  return typeof value === 'number' && value > 0 ? undefined : 'must be a number above 0'
}
