// Routes of floating IPs.
import { createFloatingIp, deleteFloatingIp, updateFloatingIp } from '../ops/floating-ip.ts'
import { floatingIpNotFound } from '../ops/router-fault.ts'
import { type FloatingIp, floatingIp, floatingIpResource, floatingIpRules } from '../resources/router.ts'
import { wholeFloatingIps } from '../store/floating-ip.ts'
import { oneOf } from '../store/list.ts'
import { collectionRoutes } from './collection.ts'

const ownTarget = (row: { projectId: string }) => ({ project_id: row.projectId, tenant_id: row.projectId })

export const floatingIpRoutes = collectionRoutes({
  resource: floatingIpResource,
  path: '/floatingips',
  table: floatingIp,
  rules: floatingIpRules,
  missing: floatingIpNotFound,
  sees: async ({ caller }) => oneOf('projectId', [caller.projectId ?? '']),
  whole: (_, db, rows: FloatingIp[]) => wholeFloatingIps(db, rows),
  target: async (_, row) => ownTarget(row),
  createTarget: ownTarget,
  create: createFloatingIp,
  update: updateFloatingIp,
  delete: (_, work, row) => deleteFloatingIp(work, row),
})
