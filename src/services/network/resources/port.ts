// Ports. https://docs.openstack.org/api-ref/network/v2/#ports
import { c, type RowOf, table } from '#kit/db/table.ts'
import type { Attribute } from './attribute.ts'
import { adminOnly, anyRole, anyRoleOfNetwork, guard, members as ownMembers, rulesOf } from './policy.ts'
import {
  adminStateAttribute,
  idAttribute,
  nameAttribute,
  standardAttributes,
  standardColumns,
  statusAttribute,
} from './standard.ts'
import {
  choice,
  Invalid,
  ip,
  isUuid,
  list,
  macAddress,
  nullAs,
  object,
  orNull,
  prefix,
  reader,
  record,
  text,
  toBoolean,
  uuid,
  uuids,
} from './value.ts'

export type PortStatus = 'ACTIVE' | 'DOWN' | 'BUILD' | 'ERROR'
export type AddressPair = { ip_address: string; mac_address: string }
export type DhcpOption = { opt_name: string; opt_value: string | null; ip_version: 4 | 6 }
export type VifType = 'unbound' | 'ovs' | 'bridge' | 'binding_failed'

export const port = table(
  'port',
  {
    ...standardColumns,
    networkId: c.id(),
    name: c.text(255),
    adminStateUp: c.bool(),
    status: c.text<PortStatus>(16),
    macAddress: c.text(17),
    deviceId: c.text(255),
    deviceOwner: c.text(255),
    /** Empty while it is unbound. */
    hostId: c.text(255),
    vifType: c.text<VifType>(32),
    vifDetails: c.json<Record<string, unknown>>(),
    vnicType: c.text(32),
    profile: c.json<Record<string, unknown>>(),
    portSecurityEnabled: c.bool(),
    allowedAddressPairs: c.json<AddressPair[]>(),
    extraDhcpOpts: c.json<DhcpOption[]>(),
    dnsName: c.text(255),
    /** Raised by each change of what the host should wire; see contracts/network-port. */
    wiringGeneration: c.bigint(),
    /** The host has said that its flows are in place. */
    wired: c.bool(),
    /** The network's dhcpGeneration with which the DHCP agent learns of it; 0 where no agent need. */
    dhcpGeneration: c.bigint(),
  },
  {
    unique: [['networkId', 'macAddress']],
    index: [['deviceId'], ['hostId'], ['projectId'], ['deviceOwner', 'networkId'], ['createdAt', 'id']],
  },
)
export type Port = RowOf<typeof port>
export type PortAddress = { subnetId: string; ipAddress: string }
export type WholePort = Port & { fixedIps: PortAddress[]; securityGroupIds: string[] }

const setter = (verb: 'create' | 'update', name: string, check: string, older?: string) =>
  guard(`${verb}_port:${name}`, check, `Set ${name} of a port`, older)
const serviceSide = `${adminOnly} or rule:service_api`
const pairSide = `${serviceSide} or role:member and rule:network_owner`
const networkSide = `${pairSide} or rule:context_is_advsvc`
const serviceGet = (name: string) => guard(`get_port:${name}`, serviceSide, `Show ${name} of a port`)

export const portRules = {
  ...rulesOf(
    'port',
    {
      get: ' or rule:service_api or rule:host_api or rule:context_is_advsvc',
      update: ' or rule:service_api or rule:context_is_advsvc',
      delete: ' or rule:service_api or rule:context_is_advsvc',
    },
    { get: 'rule:admin_owner_or_network_owner', delete: 'rule:admin_owner_or_network_owner' },
  ),
  createOwner: setter(
    'create',
    'device_owner',
    `not rule:network_device or ${networkSide}`,
    anyRoleOfNetwork,
  ),
  updateOwner: setter(
    'update',
    'device_owner',
    `not rule:network_device or ${networkSide}`,
    anyRoleOfNetwork,
  ),
  createMac: setter('create', 'mac_address', networkSide, anyRoleOfNetwork),
  updateMac: setter('update', 'mac_address', `${serviceSide} or rule:context_is_advsvc`),
  createIps: setter('create', 'fixed_ips', `${networkSide} or rule:shared`, anyRoleOfNetwork),
  updateIps: setter('update', 'fixed_ips', networkSide, anyRoleOfNetwork),
  createIpAddress: setter('create', 'fixed_ips:ip_address', networkSide, anyRoleOfNetwork),
  updateIpAddress: setter('update', 'fixed_ips:ip_address', networkSide, anyRoleOfNetwork),
  createPortSecurity: setter('create', 'port_security_enabled', networkSide, anyRoleOfNetwork),
  updatePortSecurity: setter('update', 'port_security_enabled', networkSide, anyRoleOfNetwork),
  createHost: setter('create', 'binding:host_id', serviceSide),
  updateHost: setter('update', 'binding:host_id', serviceSide),
  getHost: serviceGet('binding:host_id'),
  createProfile: setter('create', 'binding:profile', serviceSide),
  updateProfile: setter('update', 'binding:profile', serviceSide),
  getProfile: serviceGet('binding:profile'),
  getVifType: serviceGet('binding:vif_type'),
  getVifDetails: serviceGet('binding:vif_details'),
  createVnic: setter('create', 'binding:vnic_type', `${ownMembers} or rule:service_api`, anyRole),
  updateVnic: setter(
    'update',
    'binding:vnic_type',
    `${ownMembers} or rule:service_api or rule:context_is_advsvc`,
    anyRole,
  ),
  createPairs: setter('create', 'allowed_address_pairs', pairSide, anyRoleOfNetwork),
  updatePairs: setter('update', 'allowed_address_pairs', pairSide, anyRoleOfNetwork),
}

export type IpWish = { subnetId?: string; ipAddress?: string }
const place = record({ subnet_id: uuid, ip_address: ip })
/** Of a port and of a router's gateway; `what` it is called where it says nothing. */
export const fixedIp = (what: string) =>
  reader({ ...place.schema, minProperties: 1 }, (value): IpWish => {
    const { subnet_id: subnetId, ip_address: ipAddress } = place(value)
    if (subnetId === undefined && ipAddress === undefined)
      throw new Invalid(`${what} needs a subnet_id or an ip_address.`)
    return { ...(subnetId !== undefined && { subnetId }), ...(ipAddress !== undefined && { ipAddress }) }
  })
const fixedIps = nullAs([], list(fixedIp('a fixed IP')))

export type PairWish = { ip_address: string; mac_address?: string }
const ipOrPrefix = reader(ip.schema, (value) =>
  typeof value === 'string' && value.includes('/') ? prefix(value) : ip(value),
)
const pairs = nullAs<PairWish[]>(
  [],
  list(
    record({ ip_address: ipOrPrefix, mac_address: macAddress }, ['ip_address']),
    () => 'Request contains duplicate address pair',
  ),
)

const text64 = text(64)
const text255 = text(255)
const optionName = reader(text64.schema, (value) => {
  const name = text64(value)
  if (name.trim() === '' || /[\s,]/.test(name)) throw new Invalid(`'${name}' is no name of a DHCP option.`)
  return name
})
/** It ends up on a line of its own in the DHCP server's files. */
const optionValue = reader(text255.schema, (value) => {
  const given = text255(value)
  if (/[\r\n]/.test(given)) throw new Invalid('the value of a DHCP option holds no line break.')
  return given
})
const option = record(
  { opt_name: optionName, opt_value: orNull(optionValue), ip_version: choice([4, 6] as const) },
  ['opt_name'],
)
const dhcpOptions = nullAs<DhcpOption[]>(
  [],
  list(reader(option.schema, (value) => ({ opt_value: null, ip_version: 4 as const, ...option(value) }))),
)

const dnsName = reader(text255.schema, (value) => {
  const name = text255(value).toLowerCase().replace(/\.$/, '')
  if (
    name !== '' &&
    !/^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)
  )
    throw new Invalid(`'${name}' not a valid PQDN or FQDN.`)
  return name
})

const vnicTypes = choice([
  'normal',
  'direct',
  'macvtap',
  'baremetal',
  'direct-physical',
  'virtio-forwarder',
  'smart-nic',
  'vdpa',
  'accelerator-direct',
  'accelerator-direct-physical',
  'remote-managed',
] as const)

/** 'host-10-0-0-5' stands for a port without a name of its own. */
export function hostnameOf(row: { dnsName: string }, address: string): string {
  return row.dnsName || `host-${address.replace(/[.:]+/g, '-')}`
}

export const portAttributes = {
  id: idAttribute,
  name: nameAttribute,
  ...standardAttributes,
  network_id: { post: true, read: uuid, get: (p: WholePort) => p.networkId, filter: 'networkId', sort: true },
  admin_state_up: adminStateAttribute,
  status: statusAttribute,
  mac_address: {
    post: true,
    put: true,
    optional: true,
    read: orNull(macAddress),
    get: (p: WholePort) => p.macAddress,
    filter: 'macAddress',
    filterRead: (value: unknown) => String(value).toLowerCase(),
    sort: true,
    postRule: portRules.createMac,
    putRule: portRules.updateMac,
  },
  fixed_ips: {
    post: true,
    put: true,
    optional: true,
    read: fixedIps,
    get: (p: WholePort) =>
      p.fixedIps.map((each) => ({ subnet_id: each.subnetId, ip_address: each.ipAddress })),
    postRule: portRules.createIps,
    putRule: portRules.updateIps,
  },
  device_id: {
    post: true,
    put: true,
    read: text(255),
    default: '',
    get: (p: WholePort) => p.deviceId,
    filter: 'deviceId',
    sort: true,
  },
  device_owner: {
    post: true,
    put: true,
    read: text(255),
    default: '',
    get: (p: WholePort) => p.deviceOwner,
    filter: 'deviceOwner',
    sort: true,
    postRule: portRules.createOwner,
    putRule: portRules.updateOwner,
  },
  security_groups: {
    post: true,
    put: true,
    optional: true,
    read: uuids,
    get: (p: WholePort) => p.securityGroupIds,
  },
  port_security_enabled: {
    post: true,
    put: true,
    optional: true,
    read: toBoolean,
    get: (p: WholePort) => p.portSecurityEnabled,
    filter: 'portSecurityEnabled',
    filterRead: toBoolean,
    postRule: portRules.createPortSecurity,
    putRule: portRules.updatePortSecurity,
  },
  allowed_address_pairs: {
    post: true,
    put: true,
    optional: true,
    read: pairs,
    get: (p: WholePort) => p.allowedAddressPairs,
    postRule: portRules.createPairs,
    putRule: portRules.updatePairs,
  },
  extra_dhcp_opts: {
    post: true,
    put: true,
    optional: true,
    read: dhcpOptions,
    get: (p: WholePort) => p.extraDhcpOpts,
  },
  dns_name: {
    post: true,
    put: true,
    read: dnsName,
    default: '',
    get: (p: WholePort) => p.dnsName,
    filter: 'dnsName',
    sort: true,
  },
  dns_assignment: {
    get: (p: WholePort & { domain?: string }) =>
      p.fixedIps.map(({ ipAddress }) => {
        const hostname = hostnameOf(p, ipAddress)
        return { ip_address: ipAddress, hostname, fqdn: `${hostname}.${p.domain ?? 'openstacklocal'}.` }
      }),
  },
  'binding:vnic_type': {
    as: 'vnicType',
    post: true,
    put: true,
    default: 'normal',
    read: vnicTypes,
    get: (p: WholePort) => p.vnicType,
    filter: 'vnicType',
    postRule: portRules.createVnic,
    putRule: portRules.updateVnic,
  },
  'binding:host_id': {
    as: 'hostId',
    post: true,
    put: true,
    optional: true,
    read: nullAs('', text(255)),
    get: (p: WholePort) => p.hostId,
    filter: 'hostId',
    postRule: portRules.createHost,
    putRule: portRules.updateHost,
    getRule: portRules.getHost,
  },
  'binding:profile': {
    as: 'profile',
    post: true,
    put: true,
    optional: true,
    read: nullAs({}, object),
    get: (p: WholePort) => p.profile,
    postRule: portRules.createProfile,
    putRule: portRules.updateProfile,
    getRule: portRules.getProfile,
  },
  'binding:vif_type': { get: (p: WholePort) => p.vifType, getRule: portRules.getVifType },
  'binding:vif_details': { get: (p: WholePort) => p.vifDetails, getRule: portRules.getVifDetails },
} as const satisfies Record<string, Attribute<WholePort>>

export const portResource = { name: 'port', collection: 'ports', attributes: portAttributes } as const

export function portTarget(
  row: { projectId: string; deviceOwner: string },
  network: { projectId: string; shared: boolean } | undefined,
): Record<string, unknown> {
  return {
    project_id: row.projectId,
    tenant_id: row.projectId,
    device_owner: row.deviceOwner,
    shared: network?.shared ?? false,
    'network:tenant_id': network?.projectId,
    'network:project_id': network?.projectId,
  }
}

/** Ports of guests: compute is told of what becomes of them. */
export function isComputePort(row: { deviceOwner: string; deviceId: string }): boolean {
  return row.deviceOwner.startsWith('compute:') && isUuid(row.deviceId)
}

/** Of the network service's own: DHCP, routers, floating IPs. They have no security groups. */
export function isNetworkDevice(deviceOwner: string): boolean {
  return deviceOwner.startsWith('network:')
}
