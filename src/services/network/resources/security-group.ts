// Security groups and their rules. https://docs.openstack.org/api-ref/network/v2/#security-groups-security-groups
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import type { Attribute } from './attribute.ts'
import { rulesOf } from './policy.ts'
import { idAttribute, nameAttribute, standardAttributes, standardColumns } from './standard.ts'
import { choice, Invalid, integer, orNull, prefix, reader, show, text, toBoolean, uuid } from './value.ts'

export const securityGroup = table(
  'security_group',
  {
    ...standardColumns,
    name: c.text(255),
    stateful: c.bool(),
    /** Raised by each change of its ports' addresses. */
    membersVersion: c.bigint(),
  },
  {
    index: [
      ['projectId', 'name'],
      ['createdAt', 'id'],
    ],
  },
)
export type SecurityGroup = RowOf<typeof securityGroup>
export type WholeSecurityGroup = SecurityGroup & { rules: SecurityGroupRule[] }

/** The group that a project's ports get by themselves; the key makes it one for each project. */
export const defaultGroup = table(
  'default_security_group',
  { projectId: c.text(255), securityGroupId: c.id() },
  { primaryKey: ['projectId'] },
)

export type Direction = 'ingress' | 'egress'
export type Ethertype = 'IPv4' | 'IPv6'

export const securityGroupRule = table(
  'security_group_rule',
  {
    ...standardColumns,
    securityGroupId: c.id(),
    direction: c.text<Direction>(8),
    ethertype: c.text<Ethertype>(8),
    /** As the client wrote it: 'tcp', '6'; null is any. */
    protocol: c.nullable(c.text(40)),
    portRangeMin: c.nullable(c.int()),
    portRangeMax: c.nullable(c.int()),
    remoteIpPrefix: c.nullable(c.text(64)),
    remoteGroupId: c.nullable(c.id()),
    /** What it means, in one text: two rules of a group never mean the same. */
    meaning: c.text(255),
  },
  {
    unique: [['securityGroupId', 'meaning']],
    index: [['projectId'], ['remoteGroupId'], ['createdAt', 'id']],
  },
)
export type SecurityGroupRule = RowOf<typeof securityGroupRule>

export const portSecurityGroup = table(
  'port_security_group',
  { portId: c.id(), securityGroupId: c.id() },
  { primaryKey: ['portId', 'securityGroupId'], index: [['securityGroupId']] },
)

export const securityGroupRules = rulesOf('security_group')
export const securityGroupRuleRules = rulesOf(
  'security_group_rule',
  { get: ' or role:reader and rule:sg_owner' },
  { get: 'rule:admin_owner_or_sg_owner' },
)

/** IANA's numbers of the protocols that have names in the API. */
const protocolNumbers: Record<string, number> = {
  hopopt: 0,
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  egp: 8,
  udp: 17,
  dccp: 33,
  'ipv6-route': 43,
  'ipv6-frag': 44,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  icmpv6: 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  ospf: 89,
  'ipv6-encap': 41,
  pgm: 113,
  vrrp: 112,
  sctp: 132,
  udplite: 136,
}

/** Null for any. A rule for ICMP on IPv6 means ICMPv6, whichever way it was written. */
export function protocolNumber(protocol: string | null, ethertype: Ethertype): number | null {
  if (protocol === null) return null
  const number = protocolNumbers[protocol] ?? Number(protocol)
  return number === 1 && ethertype === 'IPv6' ? 58 : number
}

const protocol = reader(
  Type.Union([Type.String(), Type.Integer({ minimum: 0, maximum: 255 }), Type.Null()]),
  (value): string | null => {
    const word = String(value).toLowerCase()
    if (value === null || word === 'any' || word === '') return null
    if (Object.hasOwn(protocolNumbers, word)) return word
    if (/^\d{1,3}$/.test(word) && Number(word) <= 255) return String(Number(word))
    throw new Invalid(
      `${show(value)} is no protocol: give one of ${Object.keys(protocolNumbers).sort().join(', ')}, or a number from 0 to 255.`,
    )
  },
)
const ethertype = reader(Type.String({ pattern: '^[Ii][Pp][Vv][46]$' }), (value): Ethertype => {
  const found = (['IPv4', 'IPv6'] as const).find((each) => each.toLowerCase() === String(value).toLowerCase())
  if (!found) throw new Invalid(`${show(value)} is not in ['IPv4', 'IPv6'].`)
  return found
})

export const securityGroupAttributes = {
  id: idAttribute,
  name: { ...nameAttribute, default: '' },
  ...standardAttributes,
  stateful: {
    post: true,
    put: true,
    read: toBoolean,
    default: true,
    get: (g: WholeSecurityGroup) => g.stateful,
    filter: 'stateful',
    filterRead: toBoolean,
  },
  shared: { get: () => false },
  security_group_rules: { get: (g: WholeSecurityGroup) => g.rules.map(ruleView) },
} as const satisfies Record<string, Attribute<WholeSecurityGroup>>

export const securityGroupRuleAttributes = {
  id: idAttribute,
  ...standardAttributes,
  security_group_id: {
    post: true,
    read: uuid,
    get: (r: SecurityGroupRule) => r.securityGroupId,
    filter: 'securityGroupId',
    sort: true,
  },
  direction: {
    post: true,
    read: choice(['ingress', 'egress'] as const),
    get: (r: SecurityGroupRule) => r.direction,
    filter: 'direction',
    sort: true,
  },
  ethertype: {
    post: true,
    default: 'IPv4',
    read: ethertype,
    get: (r: SecurityGroupRule) => r.ethertype,
    filter: 'ethertype',
    sort: true,
  },
  protocol: {
    post: true,
    default: null,
    read: protocol,
    get: (r: SecurityGroupRule) => r.protocol,
    filter: 'protocol',
    sort: true,
  },
  port_range_min: {
    post: true,
    default: null,
    read: orNull(integer()),
    get: (r: SecurityGroupRule) => r.portRangeMin,
    filter: 'portRangeMin',
    filterRead: integer(),
    sort: true,
  },
  port_range_max: {
    post: true,
    default: null,
    read: orNull(integer()),
    get: (r: SecurityGroupRule) => r.portRangeMax,
    filter: 'portRangeMax',
    filterRead: integer(),
    sort: true,
  },
  remote_ip_prefix: {
    post: true,
    default: null,
    read: orNull(prefix),
    get: (r: SecurityGroupRule) => r.remoteIpPrefix,
    filter: 'remoteIpPrefix',
    sort: true,
  },
  remote_group_id: {
    post: true,
    default: null,
    read: orNull(text(36)),
    get: (r: SecurityGroupRule) => r.remoteGroupId,
    filter: 'remoteGroupId',
    sort: true,
  },
} as const satisfies Record<string, Attribute<SecurityGroupRule>>

export const securityGroupResource = {
  name: 'security_group',
  collection: 'security_groups',
  attributes: securityGroupAttributes,
} as const
export const securityGroupRuleResource = {
  name: 'security_group_rule',
  collection: 'security_group_rules',
  attributes: securityGroupRuleAttributes,
} as const

const ruleGetters = Object.entries(
  securityGroupRuleAttributes as Record<string, Attribute<SecurityGroupRule>>,
).map(([name, attribute]) => [name, attribute.get!] as const)

export function ruleView(row: SecurityGroupRule): Record<string, unknown> {
  return Object.fromEntries(ruleGetters.map(([name, get]) => [name, get(row)]))
}
