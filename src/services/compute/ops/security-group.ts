// The caller's security groups, as the network service tells of them.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ComputeContext } from '../app.ts'
import type { ShownGroup } from '../resources/security-group.ts'
import { serverRules } from '../resources/server-rule.ts'
import { loadServer } from './server-load.ts'

/** With `name`, those called so. */
export async function listSecurityGroups(context: ComputeContext, name?: string): Promise<ShownGroup[]> {
  const { app, caller, trace } = context
  const groups = await app.api.network.listSecurityGroups(trace, caller.token, {
    project_id: caller.projectId ?? '',
  })
  const names = new Map(groups.map((group) => [group.id, group.name]))
  return groups
    .filter((group) => name === undefined || group.name === name)
    .map((group) => ({ group, names }))
}

/** Those of its ports. */
export async function listServerGroups(context: ComputeContext, id: string): Promise<ShownGroup[]> {
  const { app, caller, trace } = context
  const server = await loadServer(context, id, serverRules.listGroups)
  const ports = await app.api.network.listPorts(trace, caller.token, { device_id: id })
  const held = new Set(ports.flatMap((port) => port.security_groups ?? []))
  const groups = await app.api.network.listSecurityGroups(trace, caller.token, {
    project_id: server.projectId,
  })
  const names = new Map(groups.map((group) => [group.id, group.name]))
  return groups.filter((group) => held.has(group.id)).map((group) => ({ group, names }))
}

/** By id, or by a name that only one has. */
export async function showSecurityGroup(context: ComputeContext, nameOrId: string): Promise<ShownGroup> {
  const all = await listSecurityGroups(context)
  const byId = all.find(({ group }) => group.id === nameOrId)
  const byName = all.filter(({ group }) => group.name === nameOrId)
  if (!byId && byName.length > 1)
    throw new CloudError(
      'conflict',
      `Multiple security groups found matching '${nameOrId}'. Use an ID to be more specific.`,
    )
  const found = byId ?? byName[0]
  if (!found) throw new CloudError('notFound', `Security group ${nameOrId} not found.`)
  return found
}
