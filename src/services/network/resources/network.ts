// Networks. https://docs.openstack.org/api-ref/network/v2/#networks
import { c, type RowOf, table } from '#kit/db/table.ts'
import type { NetworkType } from '#kit/net/mtu.ts'
import type { Attribute } from './attribute.ts'
import { adminOnly, anyRole, guard, members, rulesOf } from './policy.ts'
import {
  adminStateAttribute,
  idAttribute,
  nameAttribute,
  standardAttributes,
  standardColumns,
  statusAttribute,
} from './standard.ts'
import { choice, integer, list, orNull, text, toBoolean } from './value.ts'

export const network = table(
  'network',
  {
    ...standardColumns,
    name: c.text(255),
    adminStateUp: c.bool(),
    status: c.text<'ACTIVE' | 'ERROR'>(16),
    /** Bytes. */
    mtu: c.int(),
    shared: c.bool(),
    external: c.bool(),
    isDefault: c.bool(),
    portSecurityEnabled: c.bool(),
    dnsDomain: c.text(255),
    availabilityZoneHints: c.json<string[]>(),
    networkType: c.text<NetworkType>(16),
    physicalNetwork: c.nullable(c.text(64)),
    segmentationId: c.nullable(c.bigint()),
    /** Raised by each change of what the DHCP agent should know of it. */
    dhcpGeneration: c.bigint(),
    /** The newest of those that the agent has said to have in place. */
    dhcpReadyGeneration: c.bigint(),
    /** Raised by each change of where its ports are, where it is tunnelled. */
    locatedVersion: c.bigint(),
  },
  { index: [['projectId'], ['createdAt', 'id']] },
)
export type Network = RowOf<typeof network>
export type WholeNetwork = Network & { subnetIds: string[]; availabilityZones: string[] }

/**
 * Segments that are taken. `segmentationId` is 0 for flat networks and `physicalNetwork` empty for tunnels, so that the
 * key tells them apart.
 */
export const segment = table(
  'network_segment',
  {
    networkType: c.text<NetworkType>(16),
    physicalNetwork: c.text(64),
    segmentationId: c.bigint(),
    networkId: c.id(),
  },
  { primaryKey: ['networkType', 'physicalNetwork', 'segmentationId'], index: [['networkId']] },
)

const adminGet = (name: string) => guard(`get_network:${name}`, adminOnly, `Show ${name} of a network`)
const adminSet = (verb: 'create' | 'update', name: string) =>
  guard(`${verb}_network:${name}`, adminOnly, `Set ${name} of a network`)

export const networkRules = {
  ...rulesOf('network', {
    get: ' or rule:service_api or rule:host_api or rule:shared or rule:external or rule:context_is_advsvc',
  }),
  createShared: adminSet('create', 'shared'),
  updateShared: adminSet('update', 'shared'),
  createExternal: adminSet('create', 'router:external'),
  updateExternal: adminSet('update', 'router:external'),
  createIsDefault: adminSet('create', 'is_default'),
  updateIsDefault: adminSet('update', 'is_default'),
  createPortSecurity: guard(
    'create_network:port_security_enabled',
    members,
    'Set its port security',
    anyRole,
  ),
  updatePortSecurity: guard(
    'update_network:port_security_enabled',
    members,
    'Change its port security',
    anyRole,
  ),
  createType: adminSet('create', 'provider:network_type'),
  updateType: adminSet('update', 'provider:network_type'),
  getType: adminGet('provider:network_type'),
  createPhysical: adminSet('create', 'provider:physical_network'),
  updatePhysical: adminSet('update', 'provider:physical_network'),
  getPhysical: adminGet('provider:physical_network'),
  createSegmentation: adminSet('create', 'provider:segmentation_id'),
  updateSegmentation: adminSet('update', 'provider:segmentation_id'),
  getSegmentation: adminGet('provider:segmentation_id'),
}

const networkTypes = ['local', 'flat', 'vlan', 'vxlan', 'gre'] as const satisfies NetworkType[]
const zoneHints = list(text(255))

export const networkAttributes = {
  id: idAttribute,
  name: nameAttribute,
  ...standardAttributes,
  admin_state_up: adminStateAttribute,
  status: statusAttribute,
  subnets: { get: (n: WholeNetwork) => n.subnetIds },
  mtu: {
    post: true,
    put: true,
    read: integer(0),
    default: 0,
    get: (n: WholeNetwork) => n.mtu,
    filter: 'mtu',
    filterRead: integer(),
    sort: true,
  },
  shared: {
    post: true,
    put: true,
    read: toBoolean,
    default: false,
    get: (n: WholeNetwork) => n.shared,
    filter: 'shared',
    filterRead: toBoolean,
    postRule: networkRules.createShared,
    putRule: networkRules.updateShared,
  },
  'router:external': {
    as: 'external',
    post: true,
    put: true,
    read: toBoolean,
    default: false,
    get: (n: WholeNetwork) => n.external,
    filter: 'external',
    filterRead: toBoolean,
    postRule: networkRules.createExternal,
    putRule: networkRules.updateExternal,
  },
  is_default: {
    post: true,
    put: true,
    read: toBoolean,
    default: false,
    get: (n: WholeNetwork) => (n.external ? n.isDefault : undefined),
    filter: 'isDefault',
    filterRead: toBoolean,
    postRule: networkRules.createIsDefault,
    putRule: networkRules.updateIsDefault,
  },
  port_security_enabled: {
    post: true,
    put: true,
    read: toBoolean,
    default: true,
    get: (n: WholeNetwork) => n.portSecurityEnabled,
    filter: 'portSecurityEnabled',
    filterRead: toBoolean,
    postRule: networkRules.createPortSecurity,
    putRule: networkRules.updatePortSecurity,
  },
  dns_domain: {
    post: true,
    put: true,
    read: text(255),
    default: '',
    get: (n: WholeNetwork) => n.dnsDomain,
    filter: 'dnsDomain',
    sort: true,
  },
  availability_zone_hints: {
    post: true,
    read: zoneHints,
    default: [],
    get: (n: WholeNetwork) => n.availabilityZoneHints,
  },
  availability_zones: { get: (n: WholeNetwork) => n.availabilityZones },
  ipv4_address_scope: { get: () => null },
  ipv6_address_scope: { get: () => null },
  'provider:network_type': {
    as: 'networkType',
    post: true,
    put: true,
    optional: true,
    read: choice(networkTypes),
    get: (n: WholeNetwork) => n.networkType,
    filter: 'networkType',
    postRule: networkRules.createType,
    putRule: networkRules.updateType,
    getRule: networkRules.getType,
  },
  'provider:physical_network': {
    as: 'physicalNetwork',
    post: true,
    put: true,
    optional: true,
    read: orNull(text(64)),
    get: (n: WholeNetwork) => n.physicalNetwork,
    filter: 'physicalNetwork',
    postRule: networkRules.createPhysical,
    putRule: networkRules.updatePhysical,
    getRule: networkRules.getPhysical,
  },
  'provider:segmentation_id': {
    as: 'segmentationId',
    post: true,
    put: true,
    optional: true,
    read: orNull(integer()),
    get: (n: WholeNetwork) => n.segmentationId,
    filter: 'segmentationId',
    filterRead: integer(),
    postRule: networkRules.createSegmentation,
    putRule: networkRules.updateSegmentation,
    getRule: networkRules.getSegmentation,
  },
} as const satisfies Record<string, Attribute<WholeNetwork>>

export const networkResource = {
  name: 'network',
  collection: 'networks',
  attributes: networkAttributes,
} as const

export function networkTarget(row: Network): Record<string, unknown> {
  return {
    project_id: row.projectId,
    tenant_id: row.projectId,
    shared: row.shared,
    'router:external': row.external,
    'network:tenant_id': row.projectId,
    'network:project_id': row.projectId,
  }
}
