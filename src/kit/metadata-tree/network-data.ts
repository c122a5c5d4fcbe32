// network_data.json: a guest's links, networks and name servers, as cloud-init reads them.
// https://docs.openstack.org/nova/latest/user/metadata.html#network-data
import { formatAddress } from '../net/address.ts'
import { addressCount, parseCidr } from '../net/cidr.ts'
import type { InstanceFacts, NicAddress, NicFacts } from './facts.ts'

type Route = { network: string; netmask: string; gateway: string }
type Service = { type: 'dns'; address: string }

export type NetworkData = {
  links: Record<string, unknown>[]
  networks: Record<string, unknown>[]
  services: Service[]
}

export function networkData({ nics }: Pick<InstanceFacts, 'nics'>): NetworkData {
  const networks = nics.flatMap((nic) => nic.addresses.map((address) => ({ nic, address })))
  const servers = new Set(networks.flatMap(({ address }) => address.dns))
  return {
    links: nics.map((nic) => ({
      id: linkId(nic),
      vif_id: nic.portId,
      type: nic.type,
      mtu: nic.mtu,
      ethernet_mac_address: nic.mac,
    })),
    networks: networks.map(({ nic, address }, index) => network(nic, address, index)),
    services: [...servers].map(dns),
  }
}

/** The device of the port on its host. */
function linkId(nic: NicFacts): string {
  return `tap${nic.portId.slice(0, 11)}`
}

function network(nic: NicFacts, address: NicAddress, index: number): Record<string, unknown> {
  const { version } = address
  const place = { id: `network${index}`, link: linkId(nic), network_id: nic.networkId }
  if (address.dhcp && address.ipv6AddressMode === null) return { ...place, type: `ipv${version}_dhcp` }
  return {
    ...place,
    type: address.ipv6AddressMode === null ? `ipv${version}` : `ipv6_${address.ipv6AddressMode}`,
    ip_address: address.address,
    netmask: maskOf(`${address.address}/${address.prefix}`),
    routes: routes(address),
    services: address.dns.map(dns),
  }
}

function routes({ version, gateway, routes }: NicAddress): Route[] {
  const everything = version === 4 ? '0.0.0.0/0' : '::/0'
  const all = gateway === null ? routes : [{ destination: everything, nexthop: gateway }, ...routes]
  return all.map(({ destination, nexthop }) => ({
    network: destination.split('/')[0]!,
    netmask: maskOf(destination),
    gateway: nexthop,
  }))
}

/** cloud-init wants IPv6's prefixes as masks, too: 'ffff:ffff:ffff:ffff::'. */
function maskOf(prefix: string): string {
  const net = parseCidr(prefix)
  if (!net) return ''
  const all = (1n << BigInt(net.version === 4 ? 32 : 128)) - 1n
  return formatAddress({ version: net.version, value: all - (addressCount(net) - 1n) })
}

function dns(address: string): Service {
  return { type: 'dns', address }
}
