// Shapes that the network service and the host agents share: what a port, a network or a router
// needs on a host. Names follow Neutron's in camelCase; addresses are canonical texts (kit/net).
import { type Static, type TSchema, Type } from 'typebox'

const Id = Type.String({ minLength: 1, maxLength: 64 })
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const NetworkTypeSchema = Type.Union([
  Type.Literal('flat'),
  Type.Literal('vlan'),
  Type.Literal('vxlan'),
  Type.Literal('gre'),
  Type.Literal('local'),
])

export const FixedIpSchema = Type.Object({ subnetId: Id, ipAddress: Type.String() })

/** `ipAddress` is an address or a prefix; both must match what the port sends. */
export const AddressPairSchema = Type.Object({ ipAddress: Type.String(), macAddress: Type.String() })
export type AddressPair = Static<typeof AddressPairSchema>

/**
 * One rule as a host applies it. `protocol` is IANA's number (1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6), null for any.
 * For ICMP `portMin` is the type and `portMax` the code, as in the API. At most one of `remotePrefix` and
 * `remoteGroupId` is set; a remote group's members are in `HostWiring.remoteGroups`.
 */
export const PortRuleSchema = Type.Object({
  direction: Type.Union([Type.Literal('ingress'), Type.Literal('egress')]),
  ethertype: Type.Union([Type.Literal('IPv4'), Type.Literal('IPv6')]),
  protocol: nullable(Type.Integer({ minimum: 0, maximum: 255 })),
  portMin: nullable(Type.Integer({ minimum: 0, maximum: 65535 })),
  portMax: nullable(Type.Integer({ minimum: 0, maximum: 65535 })),
  remotePrefix: nullable(Type.String()),
  remoteGroupId: nullable(Id),
})
export type PortRule = Static<typeof PortRuleSchema>

/** Everything that a host must know to wire one port. */
export const PortWiringSchema = Type.Object({
  portId: Id,
  networkId: Id,
  mac: Type.String(),
  fixedIps: Type.Array(FixedIpSchema),
  /** Bytes, of the network. */
  mtu: Type.Integer(),
  networkType: NetworkTypeSchema,
  /** Of flat and vlan networks. */
  physicalNetwork: nullable(Type.String()),
  /** VLAN id, VNI or GRE key. */
  segmentationId: nullable(Type.Integer()),
  adminUp: Type.Boolean(),
  /** 'compute:nova', 'network:dhcp', 'network:router_interface', ... */
  deviceOwner: Type.String(),
  deviceId: Type.String(),
  portSecurityEnabled: Type.Boolean(),
  allowedAddressPairs: Type.Array(AddressPairSchema),
  securityRules: Type.Array(PortRuleSchema),
  /** Tunnel addresses of the other hosts that hold ports of this network: who gets its floods. */
  tunnelPeers: Type.Array(Type.String()),
  /** Raised by the network service with each change of what is above. */
  generation: Type.Integer(),
})
export type PortWiring = Static<typeof PortWiringSchema>

export const TunnelPeerSchema = Type.Object({ host: Type.String(), ip: Type.String() })
export type TunnelPeer = Static<typeof TunnelPeerSchema>

/** A port on another host, of a tunnelled network that has ports here too: where frames for it go. */
export const RemotePortSchema = Type.Object({
  networkId: Id,
  mac: Type.String(),
  ipAddresses: Type.Array(Type.String()),
  /** Tunnel address of its host. */
  peer: Type.String(),
})
export type RemotePort = Static<typeof RemotePortSchema>

/** All that a host should have. */
export const HostWiringSchema = Type.Object({
  /** Rises with each change of the host's wiring; an answer older than one seen before is ignored. */
  generation: Type.Integer(),
  /** Every port bound to the host, those of DHCP and routers included. */
  ports: Type.Array(PortWiringSchema),
  /** Members of each remote group that a rule names: addresses or prefixes. */
  remoteGroups: Type.Record(Type.String(), Type.Array(Type.String())),
  /** Every other host with a tunnel address. */
  tunnelPeers: Type.Array(TunnelPeerSchema),
  /** Absent from a network service before 1.1: then the host learns where they are. */
  remotePorts: Type.Optional(Type.Array(RemotePortSchema)),
})
export type HostWiring = Static<typeof HostWiringSchema>

/** Where a port of a tunnelled network is: what hosts with ports of the network send its frames by. */
export const LocatedPortSchema = Type.Object({
  portId: Id,
  mac: Type.String(),
  ipAddresses: Type.Array(Type.String()),
  host: Type.String(),
  /** Tunnel address of its host. */
  peer: Type.String(),
})
export type LocatedPort = Static<typeof LocatedPortSchema>

/** A port in a security group, with the addresses or prefixes by which rules know it. */
export const GroupMemberSchema = Type.Object({ portId: Id, addresses: Type.Array(Type.String()) })
export type GroupMember = Static<typeof GroupMemberSchema>

/** What of a set has changed since the version that was asked with: all of it where `whole`, else what came and what went. */
const part = <T extends TSchema>(member: T) => ({
  version: Type.Integer(),
  whole: Type.Boolean(),
  ports: Type.Array(member),
  gone: Type.Array(Id),
})

const versions = { networks: Type.Record(Id, Type.Integer()), groups: Type.Record(Id, Type.Integer()) }

/** What a host knows already: a generation and versions of earlier answers, 0 for what it knows nothing of. */
export const WiringKnownSchema = Type.Object({
  host: Type.String({ minLength: 1, maxLength: 255 }),
  generation: Type.Integer(),
  ...versions,
  /** Of other hosts in its process: what it comes to need of them, it needn't be told. Unknown before 1.3. */
  others: Type.Optional(Type.Object(versions)),
})
export type WiringKnown = Static<typeof WiringKnownSchema>

/** What a host doesn't know yet of all that it should have. Sets that have not changed are left out. */
export const WiringNewsSchema = Type.Object({
  /** Rises with each change of the host's own ports. */
  generation: Type.Integer(),
  /** All of them, `tunnelPeers` empty; absent where the generation is the one that was asked with. */
  ports: Type.Optional(Type.Array(PortWiringSchema)),
  /** Of the tunnelled networks of those ports; the host's own ports are among them. */
  networks: Type.Array(Type.Object({ networkId: Id, ...part(LocatedPortSchema) })),
  /** Of the remote groups that their rules name. */
  groups: Type.Array(Type.Object({ groupId: Id, ...part(GroupMemberSchema) })),
})
export type WiringNews = Static<typeof WiringNewsSchema>

export const SubnetViewSchema = Type.Object({
  subnetId: Id,
  cidr: Type.String(),
  ipVersion: Type.Union([Type.Literal(4), Type.Literal(6)]),
  gatewayIp: nullable(Type.String()),
  enableDhcp: Type.Boolean(),
  dnsNameservers: Type.Array(Type.String()),
  hostRoutes: Type.Array(Type.Object({ destination: Type.String(), nexthop: Type.String() })),
  ipv6RaMode: nullable(Type.String()),
  ipv6AddressMode: nullable(Type.String()),
  /** Some router has an interface on it: its guests reach metadata by that router, too. */
  hasRouter: Type.Boolean(),
})
export type SubnetView = Static<typeof SubnetViewSchema>

/** A port that an agent itself makes a device for. */
export const AgentPortSchema = Type.Object({
  portId: Id,
  networkId: Id,
  mac: Type.String(),
  mtu: Type.Integer(),
  adminUp: Type.Boolean(),
  fixedIps: Type.Array(
    Type.Object({
      subnetId: Id,
      ipAddress: Type.String(),
      prefix: Type.Integer({ minimum: 0, maximum: 128 }),
    }),
  ),
  subnets: Type.Array(SubnetViewSchema),
})
export type AgentPort = Static<typeof AgentPortSchema>

/** A guest or other port that dnsmasq answers. */
export const DhcpHostSchema = Type.Object({
  portId: Id,
  mac: Type.String(),
  /** Without domain: 'host-192-168-1-108' or the port's dns_name. */
  hostname: Type.String(),
  fixedIps: Type.Array(FixedIpSchema),
  /** extra_dhcp_opts. */
  options: Type.Array(
    Type.Object({
      name: Type.String(),
      value: nullable(Type.String()),
      ipVersion: Type.Union([Type.Literal(4), Type.Literal(6)]),
    }),
  ),
})
export type DhcpHost = Static<typeof DhcpHostSchema>

export const DhcpNetworkSchema = Type.Object({
  networkId: Id,
  projectId: Type.String(),
  mtu: Type.Integer(),
  adminUp: Type.Boolean(),
  /** Ends without a dot: 'openstacklocal'. */
  dnsDomain: Type.String(),
  subnets: Type.Array(SubnetViewSchema),
  /** This host's DHCP port; null until `ensureDhcpPort` has made it. */
  port: nullable(AgentPortSchema),
  hosts: Type.Array(DhcpHostSchema),
  generation: Type.Integer(),
})
export type DhcpNetwork = Static<typeof DhcpNetworkSchema>

export const RouterWiringSchema = Type.Object({
  routerId: Id,
  projectId: Type.String(),
  adminUp: Type.Boolean(),
  enableSnat: Type.Boolean(),
  /** Its port on the external network. */
  gateway: nullable(AgentPortSchema),
  interfaces: Type.Array(AgentPortSchema),
  floatingIps: Type.Array(
    Type.Object({ floatingIpId: Id, floatingIp: Type.String(), fixedIp: Type.String(), portId: Id }),
  ),
  routes: Type.Array(Type.Object({ destination: Type.String(), nexthop: Type.String() })),
  generation: Type.Integer(),
})
export type RouterWiring = Static<typeof RouterWiringSchema>
