// Subnets, with the ranges from which addresses are given out. https://docs.openstack.org/api-ref/network/v2/#subnets
import { c, type RowOf, table } from '#kit/db/table.ts'
import type { Attribute } from './attribute.ts'
import { adminOnly, anyRoleOfNetwork, guard, rulesOf } from './policy.ts'
import { idAttribute, nameAttribute, standardAttributes, standardColumns } from './standard.ts'
import { choice, ip, list, nullAs, orNull, prefix, record, show, text, toBoolean, uuid } from './value.ts'

export type HostRoute = { destination: string; nexthop: string }
export type Pool = { start: string; end: string }
export type Ipv6Mode = 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless'

export const subnet = table(
  'subnet',
  {
    ...standardColumns,
    networkId: c.id(),
    name: c.text(255),
    ipVersion: c.int(),
    cidr: c.text(64),
    gatewayIp: c.nullable(c.text(64)),
    enableDhcp: c.bool(),
    dnsNameservers: c.json<string[]>(),
    hostRoutes: c.json<HostRoute[]>(),
    ipv6RaMode: c.nullable(c.text<Ipv6Mode>(32)),
    ipv6AddressMode: c.nullable(c.text<Ipv6Mode>(32)),
    serviceTypes: c.json<string[]>(),
  },
  { index: [['networkId'], ['projectId'], ['createdAt', 'id']] },
)
export type Subnet = RowOf<typeof subnet>
export type WholeSubnet = Subnet & { pools: Pool[] }

/** With the names and columns of row 165; both ends are in the pool. */
export const allocationPool = table(
  'ipallocationpools',
  { id: c.id(), subnetId: c.id(), firstIp: c.text(64), lastIp: c.text(64) },
  { index: [['subnetId']] },
)

/** With the names and columns of row 165. The key: an address is given once in a network (row 161). */
export const allocation = table(
  'ipallocations',
  { portId: c.id(), ipAddress: c.text(64), subnetId: c.id(), networkId: c.id() },
  { primaryKey: ['networkId', 'ipAddress'], index: [['portId'], ['subnetId']] },
)
export type Allocation = RowOf<typeof allocation>

export const subnetRules = {
  ...rulesOf(
    'subnet',
    {
      create: ' or role:member and rule:network_owner',
      get: ' or rule:shared',
      update: ' or role:member and rule:network_owner',
      delete: ' or role:member and rule:network_owner',
    },
    { create: anyRoleOfNetwork, update: anyRoleOfNetwork, delete: anyRoleOfNetwork },
  ),
  createServiceTypes: guard('create_subnet:service_types', adminOnly, 'Set the service types of a subnet'),
  updateServiceTypes: guard('update_subnet:service_types', adminOnly, 'Change the service types of a subnet'),
}

const pools = orNull(list(record({ start: ip, end: ip }, ['start', 'end'])))
const nameservers = nullAs(
  [],
  list(ip, (address) => `Duplicate nameserver ${show(address)}.`),
)
export const routes = nullAs<HostRoute[]>(
  [],
  list(
    record({ destination: prefix, nexthop: ip }, ['destination', 'nexthop']),
    ({ destination, nexthop }) => `Duplicate hostroute ${show(`${destination} ${nexthop}`)}.`,
  ),
)
const modes = choice(['slaac', 'dhcpv6-stateful', 'dhcpv6-stateless'] as const)

export const subnetAttributes = {
  id: idAttribute,
  name: nameAttribute,
  ...standardAttributes,
  network_id: {
    post: true,
    read: uuid,
    get: (s: WholeSubnet) => s.networkId,
    filter: 'networkId',
    sort: true,
  },
  ip_version: {
    post: true,
    optional: true,
    read: choice([4, 6] as const),
    get: (s: WholeSubnet) => s.ipVersion,
    filter: 'ipVersion',
    filterRead: Number,
    sort: true,
  },
  cidr: {
    post: true,
    read: prefix,
    get: (s: WholeSubnet) => s.cidr,
    filter: 'cidr',
    sort: true,
  },
  gateway_ip: {
    post: true,
    put: true,
    optional: true,
    read: orNull(ip),
    get: (s: WholeSubnet) => s.gatewayIp,
    filter: 'gatewayIp',
    sort: true,
  },
  allocation_pools: {
    post: true,
    put: true,
    optional: true,
    read: pools,
    get: (s: WholeSubnet) => s.pools,
  },
  enable_dhcp: {
    post: true,
    put: true,
    read: toBoolean,
    default: true,
    get: (s: WholeSubnet) => s.enableDhcp,
    filter: 'enableDhcp',
    filterRead: toBoolean,
    sort: true,
  },
  dns_nameservers: {
    post: true,
    put: true,
    read: nameservers,
    default: [],
    get: (s: WholeSubnet) => s.dnsNameservers,
  },
  host_routes: {
    post: true,
    put: true,
    read: routes,
    default: [],
    get: (s: WholeSubnet) => s.hostRoutes,
  },
  ipv6_ra_mode: {
    post: true,
    default: null,
    read: orNull(modes),
    get: (s: WholeSubnet) => s.ipv6RaMode,
    filter: 'ipv6RaMode',
    sort: true,
  },
  ipv6_address_mode: {
    post: true,
    default: null,
    read: orNull(modes),
    get: (s: WholeSubnet) => s.ipv6AddressMode,
    filter: 'ipv6AddressMode',
    sort: true,
  },
  service_types: {
    post: true,
    put: true,
    read: nullAs([], list(text(255))),
    default: [],
    get: (s: WholeSubnet) => s.serviceTypes,
    postRule: subnetRules.createServiceTypes,
    putRule: subnetRules.updateServiceTypes,
  },
  subnetpool_id: { get: () => null },
} as const satisfies Record<string, Attribute<WholeSubnet>>

export const subnetResource = {
  name: 'subnet',
  collection: 'subnets',
  attributes: subnetAttributes,
} as const

export function subnetTarget(
  row: { projectId: string },
  network: { projectId: string; shared: boolean } | undefined,
): Record<string, unknown> {
  return {
    project_id: row.projectId,
    tenant_id: row.projectId,
    shared: network?.shared ?? false,
    'network:tenant_id': network?.projectId,
    'network:project_id': network?.projectId,
  }
}

/** Ports make their address of it themselves, from their MAC. */
export function isAutomatic(row: Pick<Subnet, 'ipv6AddressMode'>): boolean {
  return row.ipv6AddressMode === 'slaac' || row.ipv6AddressMode === 'dhcpv6-stateless'
}
