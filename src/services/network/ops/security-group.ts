// Decisions about security groups and their rules.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { cidr } from '#kit/net/cidr.ts'
import type { NetworkContext } from '../app.ts'
import type { CreateOf, UpdateOf } from '../resources/attribute.ts'
import {
  protocolNumber,
  type SecurityGroup,
  type SecurityGroupRule,
  type securityGroupAttributes,
  type securityGroupRuleAttributes,
} from '../resources/security-group.ts'
import { newStandard } from '../resources/standard.ts'
import * as store from '../store/security-group.ts'
import type { Work } from './change.ts'
import { enforceQuota } from './quota.ts'

export type GroupCreate = CreateOf<typeof securityGroupAttributes>
export type GroupUpdate = UpdateOf<typeof securityGroupAttributes>
export type RuleCreate = CreateOf<typeof securityGroupRuleAttributes>

export function groupNotFound(id: string): CloudError {
  return new CloudError('notFound', `Security group ${id} does not exist`, { type: 'SecurityGroupNotFound' })
}
export function ruleNotFound(id: string): CloudError {
  return new CloudError('notFound', `Security group rule ${id} does not exist`, {
    type: 'SecurityGroupRuleNotFound',
  })
}

/** A project's default group comes to be when the project first needs it; from then on it is as any other. */
export async function ensureDefaultGroup(work: Work, projectId: string): Promise<string> {
  const { app, tx } = work
  const known = await store.findDefaultGroup(tx, projectId)
  if (known !== undefined) return known
  const standard = newStandard(app.world, { projectId, description: 'Default security group' })
  if (!(await store.insertDefaultGroup(tx, projectId, standard.id)))
    return (await store.findDefaultGroup(tx, projectId))!
  await store.insertGroup(tx, { ...standard, name: 'default', stateful: true, membersVersion: 1 })
  const remoteGroupId = standard.id
  const rules = (['IPv4', 'IPv6'] as const).flatMap((ethertype) => [
    newRule(work, { projectId, securityGroupId: standard.id, direction: 'egress', ethertype }),
    newRule(work, {
      projectId,
      securityGroupId: standard.id,
      direction: 'ingress',
      ethertype,
      remoteGroupId,
    }),
  ])
  await store.insertRules(tx, rules)
  return standard.id
}

/** Outside of a change: a list should show the project's default group. */
export async function defaultGroupExists(context: NetworkContext, projectId: string): Promise<boolean> {
  return (await store.findDefaultGroup(context.app.db, projectId)) !== undefined
}

export async function createGroup(work: Work, given: GroupCreate): Promise<SecurityGroup> {
  const { app, tx } = work
  await ensureDefaultGroup(work, given.projectId)
  refuseDefaultName(given.name)
  await enforceQuota(work, given.projectId, 'security_group')
  const row: SecurityGroup = {
    ...newStandard(app.world, given),
    name: given.name,
    stateful: given.stateful,
    membersVersion: 1,
  }
  await store.insertGroup(tx, row)
  await store.insertRules(
    tx,
    (['IPv4', 'IPv6'] as const).map((ethertype) =>
      newRule(work, {
        projectId: given.projectId,
        securityGroupId: row.id,
        direction: 'egress',
        ethertype,
      }),
    ),
  )
  return row
}

/** Each project has its default group from the start. */
function refuseDefaultName(name: string): void {
  if (name.toLowerCase() !== 'default') return
  throw new CloudError('conflict', 'Default security group already exists.', {
    type: 'SecurityGroupDefaultAlreadyExists',
  })
}

export async function updateGroup(
  work: Work,
  row: SecurityGroup,
  given: GroupUpdate,
): Promise<SecurityGroup> {
  const { app, tx } = work
  const isDefault = (await store.findDefaultGroup(tx, row.projectId)) === row.id
  if (isDefault && given.name !== undefined && given.name !== row.name)
    throw new CloudError('conflict', `Updating default security group not allowed.`, {
      type: 'SecurityGroupCannotUpdateDefault',
    })
  if (!isDefault && given.name !== undefined) refuseDefaultName(given.name)
  if (
    given.stateful !== undefined &&
    given.stateful !== row.stateful &&
    (await store.countPortsOf(tx, row.id)) > 0
  )
    throw inUse(row.id)
  const change = { ...given, revision: row.revision + 1, updatedAt: app.world.clock.now() }
  await store.updateGroup(tx, row.id, change)
  return { ...row, ...change }
}

export async function deleteGroup(work: Work, row: SecurityGroup, asAdmin: boolean): Promise<void> {
  const { tx, changes } = work
  if ((await store.countPortsOf(tx, row.id)) > 0) throw inUse(row.id)
  const isDefault = (await store.findDefaultGroup(tx, row.projectId)) === row.id
  if (isDefault && !asAdmin)
    throw new CloudError('conflict', 'Insufficient rights for removing default security group.', {
      type: 'SecurityGroupCannotRemoveDefault',
    })
  // Rules of other groups that name it go with it: their hosts look again.
  for (const host of await store.hostsNaming(tx, [row.id])) changes.hosts.add(host)
  for (const id of await store.groupsNaming(tx, row.id)) if (id !== row.id) changes.groupRules.add(id)
  await store.deleteGroup(tx, row.id)
  if (isDefault) await store.forgetDefaultGroup(tx, row.id)
}

function inUse(id: string): CloudError {
  return new CloudError('conflict', `Security Group ${id} in use.`, { type: 'SecurityGroupInUse' })
}

export async function createRule(
  work: Work,
  group: SecurityGroup,
  given: RuleCreate,
  /** Throws where the caller may not see the remote group. */
  checkRemote: (id: string) => Promise<unknown>,
): Promise<SecurityGroupRule> {
  const { tx, changes, app } = work
  checkRule(given)
  if (given.remoteGroupId !== null) await checkRemote(given.remoteGroupId)
  await enforceQuota(work, given.projectId, 'security_group_rule')
  const row = newRule(work, { ...given, securityGroupId: group.id })
  const same = await store.findSameRule(tx, group.id, row.meaning)
  if (same)
    throw new CloudError('conflict', `Security group rule already exists. Rule id is ${same.id}.`, {
      type: 'SecurityGroupRuleExists',
    })
  await store.insertRules(tx, [row])
  await store.updateGroup(tx, group.id, {
    revision: group.revision + 1,
    updatedAt: app.world.clock.now(),
  })
  changes.groupRules.add(group.id)
  return row
}

/** Its words alone: what a rule means never changes. */
export async function updateRule(
  { app, tx }: Work,
  row: SecurityGroupRule,
  given: UpdateOf<typeof securityGroupRuleAttributes>,
): Promise<SecurityGroupRule> {
  const change = { ...given, revision: row.revision + 1, updatedAt: app.world.clock.now() }
  await store.updateRule(tx, row.id, change)
  return { ...row, ...change }
}

export async function deleteRule(work: Work, row: SecurityGroupRule): Promise<void> {
  const { tx, changes, app } = work
  const group = await store.findGroup(tx, row.securityGroupId)
  await store.deleteRule(tx, row.id)
  if (group)
    await store.updateGroup(tx, group.id, { revision: group.revision + 1, updatedAt: app.world.clock.now() })
  changes.groupRules.add(row.securityGroupId)
}

type RuleFacts = Pick<SecurityGroupRule, 'projectId' | 'securityGroupId' | 'direction' | 'ethertype'> &
  Partial<
    Pick<
      SecurityGroupRule,
      'description' | 'protocol' | 'portRangeMin' | 'portRangeMax' | 'remoteIpPrefix' | 'remoteGroupId'
    >
  >

function newRule({ app }: Work, given: RuleFacts): SecurityGroupRule {
  const row = {
    ...newStandard(app.world, given),
    securityGroupId: given.securityGroupId,
    direction: given.direction,
    ethertype: given.ethertype,
    protocol: given.protocol ?? null,
    portRangeMin: given.portRangeMin ?? null,
    portRangeMax: given.portRangeMax ?? null,
    remoteIpPrefix: given.remoteIpPrefix ?? null,
    remoteGroupId: given.remoteGroupId ?? null,
  }
  return { ...row, meaning: meaningOf(row) }
}

/** Rules that match the same packets have the same text: 'tcp' is '6', and 0.0.0.0/0 is any. */
function meaningOf(row: Omit<SecurityGroupRule, 'meaning'>): string {
  const prefix =
    row.remoteIpPrefix === null || cidr(row.remoteIpPrefix).prefix === 0 ? '' : row.remoteIpPrefix
  const parts = [
    row.direction,
    row.ethertype,
    protocolNumber(row.protocol, row.ethertype) ?? '',
    row.portRangeMin ?? '',
    row.portRangeMax ?? '',
    prefix,
    row.remoteGroupId ?? '',
  ]
  return parts.join(' ')
}

/** Protocols of which ports are meaningful: TCP, UDP, DCCP, SCTP, UDP-Lite. */
const withPorts = new Set([6, 17, 33, 132, 136])

function checkRule(given: RuleCreate): void {
  const { remoteIpPrefix, remoteGroupId, ethertype, portRangeMin: min, portRangeMax: max } = given
  const refuse = (message: string, type: string) => new CloudError('badRequest', message, { type })
  if (remoteIpPrefix !== null && remoteGroupId !== null)
    throw refuse(
      'Only remote_ip_prefix or remote_group_id may be provided.',
      'SecurityGroupMultipleRemoteEntities',
    )
  if (remoteIpPrefix !== null && cidr(remoteIpPrefix).version !== Number(ethertype.slice(3)))
    throw refuse(
      `Conflicting value ethertype ${ethertype} for CIDR ${remoteIpPrefix}`,
      'SecurityGroupRuleParameterConflict',
    )
  const protocol = protocolNumber(given.protocol, ethertype)
  const versionSixAlone = [43, 44, 58, 59, 60]
  if (
    ethertype === 'IPv4' &&
    protocol !== null &&
    given.protocol !== 'icmp' &&
    versionSixAlone.includes(protocol)
  )
    throw refuse(
      `Invalid ethertype ${ethertype} for protocol ${given.protocol}.`,
      'SecurityGroupEthertypeConflictWithProtocol',
    )
  if (min === null && max === null) return
  if (protocol === null)
    throw refuse(
      'Must also specify protocol if port range is given.',
      'SecurityGroupProtocolRequiredWithPorts',
    )
  if (protocol === 1 || protocol === 58) {
    checkIcmp(min, max, refuse)
    return
  }
  if (!withPorts.has(protocol))
    throw refuse(
      `Port range cannot be specified for protocol ${given.protocol}. Ports are only supported for tcp, udp, dccp, sctp and udplite.`,
      'SecurityGroupInvalidProtocolForPort',
    )
  const fits = (port: number) => port >= 1 && port <= 65_535
  if (min === null || max === null || min > max)
    throw refuse(
      'For TCP/UDP protocols, port_range_min must be <= port_range_max',
      'SecurityGroupInvalidPortRange',
    )
  if (!fits(min) || !fits(max))
    throw refuse(`Invalid value for port ${fits(min) ? max : min}`, 'SecurityGroupInvalidPortValue')
}

function checkIcmp(
  type: number | null,
  code: number | null,
  refuse: (message: string, type: string) => CloudError,
): void {
  if (type === null)
    throw refuse(
      `ICMP code (port-range-max) ${code} is provided but ICMP type (port-range-min) is missing.`,
      'SecurityGroupMissingIcmpType',
    )
  for (const [field, value] of [
    ['port_range_min', type],
    ['port_range_max', code],
  ] as const)
    if (value !== null && (value < 0 || value > 255))
      throw refuse(
        `Invalid value for ICMP ${field === 'port_range_min' ? 'type' : 'code'} (${field}) ${value}. It must be 0 to 255.`,
        'SecurityGroupInvalidIcmpValue',
      )
}
