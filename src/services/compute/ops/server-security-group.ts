// Security groups of a server are those of its ports; adding one here adds it to each.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { ComputeContext } from '../app.ts'
import { isUuid } from '../resources/schema.ts'
import { serverRules } from '../resources/server-rule.ts'
import { updateServer } from '../store/server.ts'
import { loadServer, requireUnlocked, subjectOf } from './server-load.ts'

export async function changeSecurityGroup(
  context: ComputeContext,
  id: string,
  wanted: string,
  add: boolean,
): Promise<void> {
  const { app, caller, trace } = context
  const server = await loadServer(context, id, add ? serverRules.addGroup : serverRules.removeGroup)
  requireUnlocked(context, server)
  const groups = await app.api.network.listSecurityGroups(trace, caller.token, {
    project_id: server.projectId,
  })
  const matching = groups.filter((each) => (isUuid(wanted) ? each.id === wanted : each.name === wanted))
  if (matching.length === 0) throw new CloudError('notFound', `Security group ${wanted} not found.`)
  if (matching.length > 1)
    throw new CloudError(
      'conflict',
      `Multiple security groups found matching '${wanted}'. Use an ID to be more specific.`,
    )
  const group = matching[0]!
  const ports = await app.api.network.listPorts(trace, caller.token, { device_id: id })
  const held = ports.filter((port) => port.security_groups?.includes(group.id))
  if (!add && held.length === 0)
    throw new CloudError('notFound', `Security group ${wanted} not associated with the instance ${id}`)
  if (add && ports.length === 0)
    throw new CloudError('badRequest', `instance_id ${id} could not be found as device id on any ports`)
  for (const port of ports) {
    const now = port.security_groups ?? []
    if (now.includes(group.id) === add) continue
    const next = add ? [...now, group.id] : now.filter((each) => each !== group.id)
    await app.api.network.updatePort(trace, caller.token, port.id, { security_groups: next }, subjectOf(id))
  }
  const others = server.securityGroups.filter((name) => name !== group.name)
  await updateServer(app.db, id, { securityGroups: add ? [...others, group.name] : others })
}
