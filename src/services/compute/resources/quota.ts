// Quotas: what a project, or a user in it, may have. Use is counted from the rows themselves, never kept apart.
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import { body } from '#kit/http/body.ts'
import { type Version, version } from '#kit/http/version.ts'
import type { ComputeConfig } from '../config.ts'
import { admin, anyone, reader, rules } from './policy.ts'
import { bool, whole } from './schema.ts'

export const quota = table(
  'quota',
  {
    projectId: c.text(255),
    /** Empty for the project's own limit. */
    userId: c.text(255),
    resource: c.text(64),
    limit: c.int(),
  },
  { primaryKey: ['projectId', 'userId', 'resource'] },
)
export type Quota = RowOf<typeof quota>

/** The class 'default' stands in for the configured defaults of all projects. */
export const quotaClass = table(
  'quota_class',
  { className: c.text(255), resource: c.text(64), limit: c.int() },
  { primaryKey: ['className', 'resource'] },
)

/** Wire names with the option that gives their default. */
export const configured = {
  instances: 'quotaInstances',
  cores: 'quotaCores',
  ram: 'quotaRam',
  metadata_items: 'quotaMetadataItems',
  injected_files: 'quotaInjectedFiles',
  injected_file_content_bytes: 'quotaInjectedFileContentBytes',
  injected_file_path_bytes: 'quotaInjectedFilePathBytes',
  key_pairs: 'quotaKeyPairs',
  server_groups: 'quotaServerGroups',
  server_group_members: 'quotaServerGroupMembers',
} as const satisfies Record<string, keyof ComputeConfig>
export type Limited = keyof typeof configured

/** Of nova-network, which is gone: shown until 2.35 with the values it always has. */
const ofNetwork: Record<string, number> = {
  fixed_ips: -1,
  floating_ips: -1,
  security_groups: -1,
  security_group_rules: -1,
}

const injected = new Set<string>([
  'injected_files',
  'injected_file_content_bytes',
  'injected_file_path_bytes',
])

/** Quota sets show each resource at its versions; classes lack the server group ones until 2.49. */
export function shownAt(name: Limited, at: Version | undefined, of: 'set' | 'class'): boolean {
  if (at === undefined) return true
  if (injected.has(name)) return at < version('2.57')
  if (of === 'class' && name.startsWith('server_group')) return at >= version('2.50')
  return true
}

export function networkEntries(at: Version | undefined, of: 'set' | 'class'): [string, number][] {
  const until = of === 'set' ? '2.36' : '2.50'
  return at !== undefined && at < version(until) ? Object.entries(ofNetwork) : []
}

const limit = { schema: whole, optional: true } as const
const limits = {
  instances: limit,
  cores: limit,
  ram: limit,
  metadata_items: limit,
  key_pairs: limit,
  server_groups: limit,
  server_group_members: limit,
  injected_files: { ...limit, until: '2.56' },
  injected_file_content_bytes: { ...limit, until: '2.56' },
  injected_file_path_bytes: { ...limit, until: '2.56' },
  fixed_ips: { ...limit, until: '2.35' },
  floating_ips: { ...limit, until: '2.35' },
  security_groups: { ...limit, until: '2.35' },
  security_group_rules: { ...limit, until: '2.35' },
  networks: { ...limit, until: '2.35' },
} as const
export const quotaSetBody = body('quota_set', {
  ...limits,
  force: { schema: bool, optional: true },
  tenant_id: { schema: Type.String(), optional: true },
})
export const quotaClassBody = body('quota_class_set', limits)

export const quotaRules = rules({
  show: ['os_compute_api:os-quota-sets:show', reader, 'Show the quotas of a project'],
  detail: ['os_compute_api:os-quota-sets:detail', reader, 'Show the quotas of a project and their use'],
  defaults: ['os_compute_api:os-quota-sets:defaults', anyone, 'Show the default quotas'],
  update: ['os_compute_api:os-quota-sets:update', admin, 'Change the quotas of a project or a user'],
  delete: ['os_compute_api:os-quota-sets:delete', admin, 'Put the quotas of a project or a user back'],
  classShow: ['os_compute_api:os-quota-class-sets:show', admin, 'Show the quotas of a class'],
  classUpdate: ['os_compute_api:os-quota-class-sets:update', admin, 'Change the quotas of a class'],
  limits: ['os_compute_api:limits', anyone, 'Show limits and their use'],
  limitsOther: ['os_compute_api:limits:other_project', admin, 'Show the limits of another project'],
})
