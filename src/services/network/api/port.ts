// Routes of ports.

import type { Db } from '#kit/db/database.ts'
import type { NetworkContext } from '../app.ts'
import { isAdmin, isHost } from '../ops/access.ts'
import type { Work } from '../ops/change.ts'
import * as ops from '../ops/port.ts'
import { refuseServicePort, removePort } from '../ops/port-delete.ts'
import { groupNotFound } from '../ops/security-group.ts'
import { bad } from '../resources/attribute.ts'
import { type Port, port, portResource, portRules, portTarget, type WholePort } from '../resources/port.ts'
import { type Condition, oneOf } from '../store/list.ts'
import { findNetwork } from '../store/network.ts'
import { portIdsByAddress, portIdsByGroup, withSides } from '../store/port.ts'
import { findGroups } from '../store/security-group.ts'
import { collectionRoutes } from './collection.ts'
import { parentNetwork } from './subnet.ts'

export const portRoutes = collectionRoutes({
  resource: portResource,
  path: '/ports',
  table: port,
  rules: portRules,
  missing: ops.portNotFound,
  sees: async (context) =>
    isHost(context) ? undefined : oneOf('projectId', [context.caller.projectId ?? '']),
  filters: { fixed_ips: byAddress, security_groups: byGroup },
  whole: async (app, db, rows: Port[]) => {
    const domain = app.config.dnsDomain
    return (await withSides(db, rows)).map((row): WholePort & { domain: string } => ({ ...row, domain }))
  },
  target: async (db, row) => portTarget(row, await findNetwork(db, row.networkId)),
  parent: parentNetwork,
  createTarget: (given, network) => portTarget(given, network),
  updateTarget: (target, given) =>
    given.deviceOwner === undefined ? target : { ...target, device_owner: given.deviceOwner },
  moreRules: (given, verb) =>
    given.fixedIps?.some((each) => each.ipAddress !== undefined)
      ? [verb === 'create' ? portRules.createIpAddress : portRules.updateIpAddress]
      : [],
  create: async (context, work, given, network) => {
    await checkGroups(context, work, given.securityGroups, given.projectId)
    return ops.createPort(work, network, given)
  },
  update: async (context, work, row, given) => {
    const added = given.securityGroups?.filter((id) => !row.securityGroupIds.includes(id))
    await checkGroups(context, work, added, row.projectId)
    return ops.updatePort(work, row, given)
  },
  delete: async (_, work, row) => {
    refuseServicePort(row)
    await removePort(work, row)
  },
})

/** Groups are of the port's own project; an administrator may mix. */
async function checkGroups(
  context: NetworkContext,
  { tx }: Work,
  ids: readonly string[] | undefined,
  projectId: string,
): Promise<void> {
  if (!ids || ids.length === 0) return
  const found = new Map((await findGroups(tx, [...ids])).map((row) => [row.id, row]))
  for (const id of ids) {
    const group = found.get(id)
    if (!group || (group.projectId !== projectId && !isAdmin(context))) throw groupNotFound(id)
  }
}

/** `fixed_ips=ip_address=10.0.0.5&fixed_ips=subnet_id=...`: all of the kinds given must fit. */
async function byAddress(db: Db, values: string[]): Promise<Condition> {
  const where: { ipAddress?: string[]; subnetId?: string[] } = {}
  for (const value of values) {
    const [name, wanted] = [value.slice(0, value.indexOf('=')), value.slice(value.indexOf('=') + 1)]
    if (name === 'ip_address') where.ipAddress = [...(where.ipAddress ?? []), wanted]
    else if (name === 'subnet_id' || name === 'subnet')
      where.subnetId = [...(where.subnetId ?? []), wanted.slice(0, 36)]
    else throw bad(`Invalid filter fixed_ips=${value.slice(0, 100)}`)
  }
  return oneOf('id', await portIdsByAddress(db, where))
}

async function byGroup(db: Db, values: string[]): Promise<Condition> {
  const ids = values.filter((each) => each.length <= 36)
  return oneOf('id', await portIdsByGroup(db, ids))
}
