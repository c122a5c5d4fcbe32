// Quotas of projects: limits of seven things, and of three things for each volume type.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import type { VolumeConfig } from '../config.ts'
import { admin, reader, rules } from './policy.ts'

/** Only what differs from the defaults has a row. */
export const quota = table(
  'quota',
  { projectId: c.text(64), resource: c.text(300), limit: c.int() },
  { primaryKey: ['projectId', 'resource'] },
)
export type Quota = RowOf<typeof quota>

/** Defaults that an administrator has set; only class 'default' has a meaning. */
export const quotaClass = table(
  'quota_class',
  { className: c.text(255), resource: c.text(300), limit: c.int() },
  { primaryKey: ['className', 'resource'] },
)

/** By wire name, the option with the default. */
export const configured = {
  volumes: 'quotaVolumes',
  gigabytes: 'quotaGigabytes',
  per_volume_gigabytes: 'quotaPerVolumeGigabytes',
  snapshots: 'quotaSnapshots',
  backups: 'quotaBackups',
  backup_gigabytes: 'quotaBackupGigabytes',
  groups: 'quotaGroups',
} as const satisfies Record<string, keyof VolumeConfig>

/** For each volume type, unlimited unless set: 'volumes_fast'. */
export const perType = ['volumes', 'gigabytes', 'snapshots'] as const

/** By name; whether there is such a resource depends on the volume types, and is seen later. */
export const quotaLimits = Type.Unsafe<Record<string, number | string>>({
  type: 'object',
  patternProperties: { '^[a-zA-Z0-9-_:. ]{1,300}$': { type: ['integer', 'string'], minLength: 1 } },
  additionalProperties: false,
})

export const quotaRules = rules({
  show: ['volume_extension:quotas:show', reader, "Show a project's quotas"],
  update: ['volume_extension:quotas:update', admin, "Set a project's quotas"],
  delete: ['volume_extension:quotas:delete', admin, "Take a project's quotas back to the defaults"],
  classShow: ['volume_extension:quota_classes:get', admin, 'Show the default quotas'],
  classUpdate: ['volume_extension:quota_classes:update', admin, 'Set the default quotas'],
  limits: ['limits_extension:used_limits', reader, 'See what of the limits is used'],
})
