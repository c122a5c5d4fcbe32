// Routes of security groups and their rules.
import type { NetworkContext } from '../app.ts'
import { ensureVisible, isAdmin } from '../ops/access.ts'
import { perform, type Work } from '../ops/change.ts'
import * as ops from '../ops/security-group.ts'
import {
  type SecurityGroup,
  type SecurityGroupRule,
  securityGroup,
  securityGroupResource,
  securityGroupRule,
  securityGroupRuleResource,
  securityGroupRuleRules,
  securityGroupRules,
} from '../resources/security-group.ts'
import { oneOf } from '../store/list.ts'
import { findGroup, withRules } from '../store/security-group.ts'
import { collectionRoutes } from './collection.ts'

const ownTarget = (row: { projectId: string }) => ({ project_id: row.projectId, tenant_id: row.projectId })
const own = async ({ caller }: NetworkContext) => oneOf('projectId', [caller.projectId ?? ''])

/** Who looks at its groups has a default one. */
async function prepare(context: NetworkContext): Promise<void> {
  const { caller, app, trace } = context
  const { projectId } = caller
  if (projectId === undefined || (await ops.defaultGroupExists(context, projectId))) return
  await perform({ app, trace }, (work) => ops.ensureDefaultGroup(work, projectId))
}

async function visibleGroup(context: NetworkContext, { tx }: Work, id: string): Promise<SecurityGroup> {
  const row = id.length > 36 ? undefined : await findGroup(tx, id)
  return ensureVisible(context, securityGroupRules.get, row, ownTarget, () => ops.groupNotFound(id))
}

export const securityGroupRoutes = collectionRoutes({
  resource: securityGroupResource,
  path: '/security-groups',
  table: securityGroup,
  rules: securityGroupRules,
  missing: ops.groupNotFound,
  sees: own,
  prepare,
  whole: (_, db, rows: SecurityGroup[]) => withRules(db, rows),
  target: async (_, row) => ownTarget(row),
  createTarget: ownTarget,
  create: (_, work, given) => ops.createGroup(work, given),
  update: (_, work, row, given) => ops.updateGroup(work, row, given),
  delete: (context, work, row) => ops.deleteGroup(work, row, isAdmin(context)),
})

export const securityGroupRuleRoutes = collectionRoutes({
  resource: securityGroupRuleResource,
  path: '/security-group-rules',
  table: securityGroupRule,
  rules: securityGroupRuleRules,
  missing: ops.ruleNotFound,
  sees: own,
  prepare,
  whole: async (_, __, rows: SecurityGroupRule[]) => rows,
  target: async (db, row) => {
    const group = await findGroup(db, row.securityGroupId)
    return { ...ownTarget(row), 'security_group:tenant_id': group?.projectId }
  },
  parent: (context, work, given) => visibleGroup(context, work, given.securityGroupId),
  createTarget: (given, group) => ({ ...ownTarget(given), 'security_group:tenant_id': group.projectId }),
  create: (context, work, given, group) =>
    ops.createRule(work, group, given, (id) => visibleGroup(context, work, id)),
  update: async (_, work, row, given) => ops.updateRule(work, row, given),
  delete: (_, work, row) => ops.deleteRule(work, row),
})
