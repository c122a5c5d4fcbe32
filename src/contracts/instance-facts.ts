// All that a guest may learn about itself, as the conductor tells it: kit/metadata-tree's facts, for the bus.
import { type TSchema, Type } from 'typebox'

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Version = Type.Union([Type.Literal(4), Type.Literal(6)])

/** One address of a card, with what its subnet says. */
const NicAddressSchema = Type.Object({
  version: Version,
  address: Type.String(),
  prefix: Type.Integer({ minimum: 0, maximum: 128 }),
  /** The subnet gives addresses by DHCP. */
  dhcp: Type.Boolean(),
  /** 'slaac', 'dhcpv6-stateful' or 'dhcpv6-stateless'; null for IPv4 and static IPv6. */
  ipv6AddressMode: nullable(Type.String()),
  gateway: nullable(Type.String()),
  dns: Type.Array(Type.String()),
  routes: Type.Array(Type.Object({ destination: Type.String(), nexthop: Type.String() })),
})

const NicFactsSchema = Type.Object({
  portId: Type.String(),
  networkId: Type.String(),
  mac: Type.String(),
  mtu: Type.Integer(),
  /** 'ovs' or 'bridge'. */
  type: Type.String(),
  tag: nullable(Type.String()),
  addresses: Type.Array(NicAddressSchema),
})

export const InstanceFactsSchema = Type.Object({
  id: Type.String(),
  /** Within the cloud: instance-%08x, i-%08x. */
  number: Type.Integer(),
  name: Type.String(),
  /** Without a domain. */
  hostname: Type.String(),
  projectId: Type.String(),
  availabilityZone: nullable(Type.String()),
  launchIndex: Type.Integer(),
  reservationId: Type.String(),
  flavorName: Type.String(),
  imageId: nullable(Type.String()),
  keys: Type.Array(Type.Object({ name: Type.String(), type: Type.String(), publicKey: Type.String() })),
  metadata: Type.Record(Type.String(), Type.String()),
  /** base64, as the user gave it. */
  userData: nullable(Type.String()),
  /** Contents are base64. */
  files: Type.Array(Type.Object({ path: Type.String(), contents: Type.String() })),
  /** The administrator's password as the guest posted it, encrypted to the user's key; empty until then. */
  password: Type.String(),
  securityGroups: Type.Array(Type.String()),
  /** '/dev/vda' */
  rootDevice: nullable(Type.String()),
  /** Volumes and local disks besides the root. */
  disks: Type.Array(
    Type.Object({ device: Type.String(), volumeId: nullable(Type.String()), tag: nullable(Type.String()) }),
  ),
  nics: Type.Array(NicFactsSchema),
  floatingIps: Type.Array(Type.String()),
})
