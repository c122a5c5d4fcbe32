// SQL of security groups, their rules and the ports in them.
import type { GroupMember } from '#contracts/network-agent.ts'
import type { Db } from '#kit/db/database.ts'
import {
  defaultGroup,
  portSecurityGroup,
  type SecurityGroup,
  type SecurityGroupRule,
  securityGroup,
  securityGroupRule,
  type WholeSecurityGroup,
} from '../resources/security-group.ts'

export const findGroup = (db: Db, id: string) => securityGroup.get(db, id)
export const findGroups = (db: Db, ids: string[]) => securityGroup.find(db, { id: ids })
export const insertGroup = (db: Db, row: SecurityGroup) => securityGroup.insert(db, row)
export const updateGroup = (db: Db, id: string, change: Partial<SecurityGroup>) =>
  securityGroup.update(db, { id }, change)
export const countGroups = (db: Db, projectId: string) => securityGroup.count(db, { projectId })

export async function deleteGroup(db: Db, id: string): Promise<void> {
  await securityGroupRule.delete(db, { securityGroupId: id })
  await securityGroupRule.delete(db, { remoteGroupId: id })
  await securityGroup.delete(db, { id })
}

export const findDefaultGroup = async (db: Db, projectId: string) =>
  (await defaultGroup.get(db, projectId))?.securityGroupId
export const insertDefaultGroup = (db: Db, projectId: string, securityGroupId: string) =>
  defaultGroup.insertIfAbsent(db, { projectId, securityGroupId })

export async function withRules(db: Db, rows: readonly SecurityGroup[]): Promise<WholeSecurityGroup[]> {
  if (rows.length === 0) return []
  const rules = await rulesOfGroups(
    db,
    rows.map((row) => row.id),
  )
  const whole = new Map(rows.map((row) => [row.id, { ...row, rules: [] as SecurityGroupRule[] }]))
  for (const rule of rules) whole.get(rule.securityGroupId)!.rules.push(rule)
  return [...whole.values()]
}

export const findRule = (db: Db, id: string) => securityGroupRule.get(db, id)
export const rulesOfGroups = (db: Db, ids: string[]): Promise<SecurityGroupRule[]> =>
  securityGroupRule.find(
    db,
    { securityGroupId: ids },
    {
      orderBy: [
        ['createdAt', 'asc'],
        ['id', 'asc'],
      ],
    },
  )
export const findSameRule = (db: Db, securityGroupId: string, meaning: string) =>
  securityGroupRule.first(db, { securityGroupId, meaning })
export const insertRules = (db: Db, rows: SecurityGroupRule[]) => securityGroupRule.insert(db, rows)
export const updateRule = (db: Db, id: string, change: Partial<SecurityGroupRule>) =>
  securityGroupRule.update(db, { id }, change)
export const deleteRule = (db: Db, id: string) => securityGroupRule.delete(db, { id })
export const countRules = (db: Db, projectId: string) => securityGroupRule.count(db, { projectId })

export const groupsOfPorts = (db: Db, portIds: string[]) => portSecurityGroup.find(db, { portId: portIds })
export const countPortsOf = (db: Db, securityGroupId: string) =>
  portSecurityGroup.count(db, { securityGroupId })

export async function replaceGroupsOfPort(db: Db, portId: string, ids: readonly string[]): Promise<void> {
  await portSecurityGroup.delete(db, { portId })
  if (ids.length > 0)
    await portSecurityGroup.insert(
      db,
      ids.map((securityGroupId) => ({ portId, securityGroupId })),
    )
}

/** Bound ports that are in one of the groups. */
export async function portsOfGroups(db: Db, ids: string[]): Promise<string[]> {
  const rows = await db.sql
    .selectFrom('port_security_group')
    .innerJoin('port', 'port.id', 'port_security_group.port_id')
    .select('port.id')
    .distinct()
    .where('port_security_group.security_group_id', 'in', ids)
    .where('port.host_id', '!=', '')
    .execute()
  return rows.map((row) => String(row.id))
}

/** Hosts with a port whose rules name one of the groups as the remote side. */
export async function hostsNaming(db: Db, ids: string[]): Promise<string[]> {
  const rows = await db.sql
    .selectFrom('security_group_rule')
    .innerJoin(
      'port_security_group',
      'port_security_group.security_group_id',
      'security_group_rule.security_group_id',
    )
    .innerJoin('port', 'port.id', 'port_security_group.port_id')
    .select('port.host_id')
    .distinct()
    .where('security_group_rule.remote_group_id', 'in', ids)
    .where('port.host_id', '!=', '')
    .execute()
  return rows.map((row) => String(row.host_id))
}

/** Addresses of all ports of the groups: their own, and the pairs that they may also use. */
export async function membersOf(db: Db, ids: string[]): Promise<Map<string, string[]>> {
  const members = new Map<string, string[]>(ids.map((id) => [id, []]))
  if (ids.length === 0) return members
  const addresses = await db.sql
    .selectFrom('port_security_group')
    .innerJoin('ipallocations', 'ipallocations.port_id', 'port_security_group.port_id')
    .select(['port_security_group.security_group_id as group_id', 'ipallocations.ip_address as address'])
    .where('port_security_group.security_group_id', 'in', ids)
    .execute()
  for (const row of addresses) members.get(String(row.group_id))!.push(String(row.address))
  const pairs = await db.sql
    .selectFrom('port_security_group')
    .innerJoin('port', 'port.id', 'port_security_group.port_id')
    .select(['port_security_group.security_group_id as group_id', 'port.allowed_address_pairs as pairs'])
    .where('port_security_group.security_group_id', 'in', ids)
    .where('port.allowed_address_pairs', '!=', '[]')
    .execute()
  for (const row of pairs)
    for (const pair of JSON.parse(String(row.pairs)) as { ip_address: string }[])
      members.get(String(row.group_id))!.push(pair.ip_address)
  return new Map([...members].map(([id, list]) => [id, [...new Set(list)].sort()]))
}

/** The group's ports that have addresses, with these and the pairs that they may also use; of `portIds` alone where given. */
export async function membersByPort(db: Db, groupId: string, portIds?: string[]): Promise<GroupMember[]> {
  const members = new Map<string, GroupMember>()
  const add = (portId: string, address: string) => {
    const member = members.get(portId)
    if (!member) members.set(portId, { portId, addresses: [address] })
    else if (!member.addresses.includes(address)) member.addresses.push(address)
  }
  const addresses = await db.sql
    .selectFrom('port_security_group')
    .innerJoin('ipallocations', 'ipallocations.port_id', 'port_security_group.port_id')
    .select(['ipallocations.port_id', 'ipallocations.ip_address'])
    .where('port_security_group.security_group_id', '=', groupId)
    .$if(portIds !== undefined, (query) => query.where('port_security_group.port_id', 'in', portIds!))
    .execute()
  for (const row of addresses) add(String(row.port_id), String(row.ip_address))
  const pairs = await db.sql
    .selectFrom('port_security_group')
    .innerJoin('port', 'port.id', 'port_security_group.port_id')
    .select(['port.id', 'port.allowed_address_pairs'])
    .where('port_security_group.security_group_id', '=', groupId)
    .where('port.allowed_address_pairs', '!=', '[]')
    .$if(portIds !== undefined, (query) => query.where('port_security_group.port_id', 'in', portIds!))
    .execute()
  for (const row of pairs)
    for (const pair of JSON.parse(String(row.allowed_address_pairs)) as { ip_address: string }[])
      add(String(row.id), pair.ip_address)
  return [...members.values()]
}

export const forgetDefaultGroup = (db: Db, securityGroupId: string) =>
  defaultGroup.delete(db, { securityGroupId })
/** Groups with a rule that names this one as the remote side. */
export async function groupsNaming(db: Db, remoteGroupId: string): Promise<string[]> {
  return (await securityGroupRule.find(db, { remoteGroupId })).map((row) => row.securityGroupId)
}
