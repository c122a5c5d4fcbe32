// Quotas of projects. https://docs.openstack.org/api-ref/network/v2/#quotas-extension-quotas
import { c, table } from '#kit/db/table.ts'
import type { NetworkConfig } from '../config.ts'
import { adminOnly, guard, readers } from './policy.ts'

/** What differs from the defaults of the configuration. */
export const quota = table(
  'quota',
  { projectId: c.text(255), resource: c.text(64), limit: c.int() },
  { primaryKey: ['projectId', 'resource'] },
)

export const quotaResources = [
  'network',
  'subnet',
  'port',
  'router',
  'floatingip',
  'security_group',
  'security_group_rule',
] as const
export type QuotaResource = (typeof quotaResources)[number]

export const quotaDefaults = (config: NetworkConfig): Record<QuotaResource, number> => ({
  network: config.quotaNetwork,
  subnet: config.quotaSubnet,
  port: config.quotaPort,
  router: config.quotaRouter,
  floatingip: config.quotaFloatingIp,
  security_group: config.quotaSecurityGroup,
  security_group_rule: config.quotaSecurityGroupRule,
})

export const quotaRules = {
  /** A project's own is for its readers: clients show it with their usage. */
  get: guard('get_quota', readers, 'Show quotas'),
  list: guard('list_quota', adminOnly, 'List the quotas of all projects'),
  update: guard('update_quota', adminOnly, 'Change quotas'),
  delete: guard('delete_quota', adminOnly, 'Set quotas back to the defaults'),
}
