// Options of volume.
import { option } from '#kit/config/option.ts'
import { type ConfigOf, section } from '#kit/config/section.ts'

/** Below 1 a host would keep room that nobody could use. */
const atLeastOne = (value: unknown) =>
  typeof value === 'number' && value >= 1 ? undefined : 'must be a number of at least 1'

export const volumeConfig = section('volume', {
  availabilityZone: option.text('nova', 'The zone in which volumes stand'),
  defaultType: option.text('__DEFAULT__', 'The type of volumes for which none is asked'),
  serviceDownTime: option.duration(
    '60s',
    'After this long without a heart-beat a volume host counts as down',
  ),
  maxOverSubscriptionRatio: option.json(20, 'GiB promised to volumes for each GiB of a host', atLeastOne),
  operationTimeout: option.duration('600s', 'How long a volume host may take to make or remove a volume'),
  quotaVolumes: option.int(10, 'Volumes of a project; -1 for no limit', { min: -1 }),
  quotaGigabytes: option.int(1000, 'Size of all volumes of a project; -1 for no limit', {
    min: -1,
    unit: 'GiB',
  }),
  quotaPerVolumeGigabytes: option.int(-1, 'Size of one volume; -1 for no limit', { min: -1, unit: 'GiB' }),
  quotaSnapshots: option.int(10, 'Snapshots of a project; -1 for no limit', { min: -1 }),
  quotaBackups: option.int(10, 'Backups of a project; -1 for no limit', { min: -1 }),
  quotaBackupGigabytes: option.int(1000, 'Size of all backups of a project; -1 for no limit', {
    min: -1,
    unit: 'GiB',
  }),
  quotaGroups: option.int(10, 'Volume groups of a project; -1 for no limit', { min: -1 }),
})
export type VolumeConfig = ConfigOf<typeof volumeConfig>
