// All that a guest may learn about itself. The metadata service and the config drive tell it from the same facts.

/** One address of a card, with what its subnet says. */
export type NicAddress = {
  version: 4 | 6
  address: string
  prefix: number
  /** The subnet gives addresses by DHCP. */
  dhcp: boolean
  /** 'slaac', 'dhcpv6-stateful' or 'dhcpv6-stateless'; null for IPv4 and static IPv6. */
  ipv6AddressMode: string | null
  gateway: string | null
  dns: string[]
  routes: { destination: string; nexthop: string }[]
}

export type NicFacts = {
  portId: string
  networkId: string
  mac: string
  mtu: number
  /** 'ovs' or 'bridge'. */
  type: string
  tag: string | null
  addresses: NicAddress[]
}

export type InstanceFacts = {
  id: string
  /** Within the cloud: instance-%08x, i-%08x. */
  number: number
  name: string
  /** Without a domain. */
  hostname: string
  projectId: string
  availabilityZone: string | null
  launchIndex: number
  reservationId: string
  flavorName: string
  imageId: string | null
  keys: { name: string; type: string; publicKey: string }[]
  metadata: Record<string, string>
  /** base64, as the user gave it. */
  userData: string | null
  /** Contents are base64. */
  files: { path: string; contents: string }[]
  /** The administrator's password as the guest posted it, encrypted to the user's key; empty until then. */
  password: string
  securityGroups: string[]
  /** '/dev/vda' */
  rootDevice: string | null
  /** Volumes and local disks besides the root. */
  disks: { device: string; volumeId: string | null; tag: string | null }[]
  nics: NicFacts[]
  floatingIps: string[]
}
