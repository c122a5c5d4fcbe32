// Quotas: counted in the transaction that adds, so that they are exact however many add at once.
import type { Db } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { NetworkApp } from '../app.ts'
import { type QuotaResource, quotaDefaults } from '../resources/quota.ts'
import { countNetworks } from '../store/network.ts'
import { countPorts } from '../store/port.ts'
import * as store from '../store/quota.ts'
import { countFloatingIps, countRouters } from '../store/router.ts'
import { countGroups, countRules } from '../store/security-group.ts'
import { countSubnets } from '../store/subnet.ts'
import type { Work } from './change.ts'

const counters: Record<QuotaResource, (db: Db, projectId: string) => Promise<number>> = {
  network: countNetworks,
  subnet: countSubnets,
  port: countPorts,
  router: countRouters,
  floatingip: countFloatingIps,
  security_group: countGroups,
  security_group_rule: countRules,
}

export type Limits = Record<QuotaResource, number>

export async function limitsOf(app: NetworkApp, db: Db, projectId: string): Promise<Limits> {
  const own = await store.quotasOf(db, projectId)
  return { ...quotaDefaults(app.config), ...Object.fromEntries(own.map((row) => [row.resource, row.limit])) }
}

export async function enforceQuota(
  { app, tx }: Work,
  projectId: string,
  resource: QuotaResource,
  adding = 1,
): Promise<void> {
  const limit = (await limitsOf(app, tx, projectId))[resource]
  if (limit < 0) return
  if ((await counters[resource](tx, projectId)) + adding > limit)
    throw new CloudError('conflict', `Quota exceeded for resources: ['${resource}'].`, { type: 'OverQuota' })
}

export async function usageOf(
  app: NetworkApp,
  projectId: string,
): Promise<Record<string, { used: number; limit: number; reserved: number }>> {
  const limits = await limitsOf(app, app.db, projectId)
  const usage: Record<string, { used: number; limit: number; reserved: number }> = {}
  for (const [resource, limit] of Object.entries(limits))
    usage[resource] = {
      used: await counters[resource as QuotaResource](app.db, projectId),
      limit,
      reserved: 0,
    }
  return usage
}
