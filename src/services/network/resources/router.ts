// Routers and floating IPs. https://docs.openstack.org/api-ref/network/v2/#layer-3-networking
import { Type } from 'typebox'
import { c, type RowOf, table } from '#kit/db/table.ts'
import type { Attribute } from './attribute.ts'
import { adminOnly, anyRole, guard, members as own, rulesOf } from './policy.ts'
import { fixedIp } from './port.ts'
import {
  adminStateAttribute,
  idAttribute,
  nameAttribute,
  standardAttributes,
  standardColumns,
  statusAttribute,
} from './standard.ts'
import { type HostRoute, routes } from './subnet.ts'
import { ip, list, nullAs, object, orNull, reader, record, text, toBoolean, uuid } from './value.ts'

export const router = table(
  'router',
  {
    ...standardColumns,
    name: c.text(255),
    adminStateUp: c.bool(),
    status: c.text<'ACTIVE' | 'DOWN' | 'ERROR'>(16),
    enableSnat: c.bool(),
    gatewayNetworkId: c.nullable(c.id()),
    gatewayPortId: c.nullable(c.id()),
    routes: c.json<HostRoute[]>(),
    availabilityZoneHints: c.json<string[]>(),
    /** Raised by each change of what the L3 agent should know of it. */
    generation: c.bigint(),
  },
  { index: [['projectId'], ['gatewayNetworkId'], ['createdAt', 'id']] },
)
export type Router = RowOf<typeof router>
export type WholeRouter = Router & {
  gatewayIps: { subnetId: string; ipAddress: string }[]
  availabilityZones: string[]
}

/** Which L3 agent serves a router; one does. */
export const routerL3Agent = table(
  'router_l3_agent',
  { routerId: c.id(), agentId: c.id() },
  { primaryKey: ['routerId'], index: [['agentId']] },
)

export const floatingIp = table(
  'floatingip',
  {
    ...standardColumns,
    floatingNetworkId: c.id(),
    floatingIpAddress: c.text(64),
    /** Its port on the external network, which holds the address. */
    floatingPortId: c.id(),
    fixedPortId: c.nullable(c.id()),
    fixedIpAddress: c.nullable(c.text(64)),
    routerId: c.nullable(c.id()),
    status: c.text<'ACTIVE' | 'DOWN' | 'ERROR'>(16),
    dnsName: c.text(255),
    dnsDomain: c.text(255),
  },
  {
    unique: [
      ['floatingNetworkId', 'floatingIpAddress'],
      ['floatingNetworkId', 'fixedPortId', 'fixedIpAddress'],
    ],
    index: [['projectId'], ['routerId'], ['fixedPortId'], ['floatingPortId'], ['createdAt', 'id']],
  },
)
export type FloatingIp = RowOf<typeof floatingIp>
export type FloatingIpPort = {
  id: string
  name: string
  networkId: string
  macAddress: string
  adminStateUp: boolean
  status: string
  deviceId: string
  deviceOwner: string
}
export type WholeFloatingIp = FloatingIp & { fixedPort: FloatingIpPort | undefined }

export type GatewayWish = {
  networkId: string
  enableSnat?: boolean
  externalFixedIps?: { subnetId?: string; ipAddress?: string }[]
}
const wholeGateway = record(
  {
    network_id: uuid,
    enable_snat: toBoolean,
    external_fixed_ips: nullAs([], list(fixedIp('an external fixed IP'))),
  },
  ['network_id'],
)
/** An empty object takes the gateway away, as null does. */
const gateway = reader(
  Type.Union([wholeGateway.schema, Type.Object({}, { maxProperties: 0 }), Type.Null()]),
  (value): GatewayWish | null => {
    if (value === null || Object.keys(object(value)).length === 0) return null
    const given = wholeGateway(value)
    return {
      networkId: given.network_id,
      ...(given.enable_snat !== undefined && { enableSnat: given.enable_snat }),
      ...(given.external_fixed_ips !== undefined && { externalFixedIps: given.external_fixed_ips }),
    }
  },
)

const setter = (verb: 'create' | 'update', name: string) =>
  guard(`${verb}_router:${name}`, adminOnly, `Set ${name} of a router`)
export const routerRules = {
  ...rulesOf('router'),
  createSnat: setter('create', 'external_gateway_info:enable_snat'),
  updateSnat: setter('update', 'external_gateway_info:enable_snat'),
  createGatewayIps: setter('create', 'external_gateway_info:external_fixed_ips'),
  updateGatewayIps: setter('update', 'external_gateway_info:external_fixed_ips'),
  createDistributed: setter('create', 'distributed'),
  createHa: setter('create', 'ha'),
  getDistributed: guard('get_router:distributed', adminOnly, 'Show whether a router is distributed'),
  getHa: guard('get_router:ha', adminOnly, 'Show whether a router has a standby'),
  addInterface: guard('add_router_interface', own, 'Join a router to a subnet', anyRole),
  removeInterface: guard('remove_router_interface', own, 'Take a router off a subnet', anyRole),
  addRoutes: guard('add_extraroutes', own, 'Add extra routes to a router', anyRole),
  removeRoutes: guard('remove_extraroutes', own, 'Take extra routes from a router', anyRole),
}
export const floatingIpRules = {
  ...rulesOf('floatingip'),
  createAddress: guard(
    'create_floatingip:floating_ip_address',
    `${adminOnly} or role:manager and project_id:%(project_id)s`,
    'Choose the address of a floating IP',
  ),
}

const flag = nullAs(false, toBoolean)

export const routerAttributes = {
  id: idAttribute,
  name: nameAttribute,
  ...standardAttributes,
  admin_state_up: adminStateAttribute,
  status: statusAttribute,
  external_gateway_info: {
    post: true,
    put: true,
    default: null,
    read: gateway,
    get: (r: WholeRouter) =>
      r.gatewayNetworkId === null
        ? null
        : {
            network_id: r.gatewayNetworkId,
            external_fixed_ips: r.gatewayIps.map((each) => ({
              subnet_id: each.subnetId,
              ip_address: each.ipAddress,
            })),
            enable_snat: r.enableSnat,
          },
  },
  routes: {
    put: true,
    read: routes,
    get: (r: WholeRouter) => r.routes,
  },
  distributed: {
    post: true,
    default: false,
    read: flag,
    get: () => false,
    postRule: routerRules.createDistributed,
    getRule: routerRules.getDistributed,
  },
  ha: {
    post: true,
    default: false,
    read: flag,
    get: () => false,
    postRule: routerRules.createHa,
    getRule: routerRules.getHa,
  },
  availability_zone_hints: {
    post: true,
    default: [],
    read: list(text(255)),
    get: (r: WholeRouter) => r.availabilityZoneHints,
  },
  availability_zones: { get: (r: WholeRouter) => r.availabilityZones },
  flavor_id: { get: () => null },
} as const satisfies Record<string, Attribute<WholeRouter>>

export const floatingIpAttributes = {
  id: idAttribute,
  ...standardAttributes,
  floating_network_id: {
    post: true,
    read: uuid,
    get: (f: WholeFloatingIp) => f.floatingNetworkId,
    filter: 'floatingNetworkId',
    sort: true,
  },
  floating_ip_address: {
    as: 'floatingIpAddress',
    post: true,
    optional: true,
    read: orNull(ip),
    get: (f: WholeFloatingIp) => f.floatingIpAddress,
    filter: 'floatingIpAddress',
    sort: true,
    postRule: floatingIpRules.createAddress,
  },
  subnet_id: { post: true, optional: true, read: orNull(uuid) },
  port_id: {
    post: true,
    put: true,
    optional: true,
    read: orNull(uuid),
    get: (f: WholeFloatingIp) => f.fixedPortId,
    filter: 'fixedPortId',
    sort: true,
  },
  fixed_ip_address: {
    as: 'fixedIpAddress',
    post: true,
    put: true,
    optional: true,
    read: orNull(ip),
    get: (f: WholeFloatingIp) => f.fixedIpAddress,
    filter: 'fixedIpAddress',
    sort: true,
  },
  router_id: {
    get: (f: WholeFloatingIp) => f.routerId,
    filter: 'routerId',
    sort: true,
  },
  status: statusAttribute,
  port_details: {
    get: ({ fixedPort: p }: WholeFloatingIp) =>
      p
        ? {
            name: p.name,
            network_id: p.networkId,
            mac_address: p.macAddress,
            admin_state_up: p.adminStateUp,
            status: p.status,
            device_id: p.deviceId,
            device_owner: p.deviceOwner,
          }
        : null,
  },
  dns_name: {
    post: true,
    read: text(255),
    default: '',
    get: (f: WholeFloatingIp) => f.dnsName,
  },
  dns_domain: {
    post: true,
    read: text(255),
    default: '',
    get: (f: WholeFloatingIp) => f.dnsDomain,
  },
} as const satisfies Record<string, Attribute<WholeFloatingIp>>

export const routerResource = { name: 'router', collection: 'routers', attributes: routerAttributes } as const
export const floatingIpResource = {
  name: 'floatingip',
  collection: 'floatingips',
  attributes: floatingIpAttributes,
} as const
