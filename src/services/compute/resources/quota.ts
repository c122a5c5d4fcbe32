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
const configured = {
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

/** Of nova-network, which is gone: nothing is held to them, but old versions keep and show what they are set to. */
const ofNetwork = ['fixed_ips', 'floating_ips', 'security_groups', 'security_group_rules'] as const

export type Limited = keyof typeof configured | (typeof ofNetwork)[number]
export const limitNames = [...Object.keys(configured), ...ofNetwork] as Limited[]

/** -1 is no limit. */
export function configuredLimit(config: ComputeConfig, name: Limited): number {
  return isOfNetwork(name) ? -1 : config[configured[name]]
}

function isOfNetwork(name: Limited): name is (typeof ofNetwork)[number] {
  return ofNetwork.includes(name as 'fixed_ips')
}

const injected = new Set<string>([
  'injected_files',
  'injected_file_content_bytes',
  'injected_file_path_bytes',
])

/** Quota sets show each resource at its versions; classes lack the server group ones until 2.49. */
export function shownAt(name: Limited, at: Version | undefined, of: 'set' | 'class'): boolean {
  if (isOfNetwork(name)) return at !== undefined && at < version(of === 'set' ? '2.36' : '2.50')
  if (at === undefined) return true
  if (injected.has(name)) return at < version('2.57')
  if (of === 'class' && name.startsWith('server_group')) return at >= version('2.50')
  return true
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
} as const
const networkLimits = <const Until extends string>(until: Until) =>
  ({
    fixed_ips: { ...limit, until },
    floating_ips: { ...limit, until },
    security_groups: { ...limit, until },
    security_group_rules: { ...limit, until },
    networks: { ...limit, until },
  }) as const
export const quotaSetBody = body('quota_set', {
  ...limits,
  ...networkLimits('2.35'),
  force: { schema: bool, optional: true },
  tenant_id: { schema: Type.String(), optional: true },
})
export const quotaClassBody = body('quota_class_set', { ...limits, ...networkLimits('2.49') })

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
