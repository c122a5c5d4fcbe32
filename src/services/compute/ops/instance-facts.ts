// What a guest may learn about itself: its row, what was asked for when it was made, and its ports as the network service
// has them now. The metadata service and the config drive tell it.
import type { Trace } from '#kit/journal/journal.ts'
import type { InstanceFacts, NicFacts } from '#kit/metadata-tree/facts.ts'
import { parseCidr } from '#kit/net/cidr.ts'
import type { PortBody, Subnet } from '#services/network/client.ts'
import type { Compute } from '../app.ts'
import type { BlockDevice } from '../resources/block-device.ts'
import type { Server } from '../resources/server.ts'
import { devicesOf } from '../store/block-device.ts'
import { findServer, findSpec } from '../store/server.ts'
import { findPassword } from '../store/server-password.ts'
import { subjectOf } from './server-load.ts'
import { ipVersion } from './server-network.ts'
import { readZones } from './zone.ts'

export async function instanceFacts(
  app: Compute,
  trace: Trace,
  serverId: string,
): Promise<InstanceFacts | undefined> {
  const server = await findServer(app.db, serverId)
  if (!server) return undefined
  const spec = await findSpec(app.db, serverId)
  const devices = await devicesOf(app.db, serverId)
  const zones = await readZones(app.db, app.config)
  const { nics, floatingIps } = await networkFacts(app, trace, server)
  return {
    id: server.id,
    number: server.number,
    name: server.name,
    hostname: server.hostname,
    projectId: server.projectId,
    availabilityZone: server.host === null ? server.availabilityZone : zones.ofHost(server.host),
    launchIndex: server.launchIndex,
    reservationId: server.reservationId,
    flavorName: server.flavor.name,
    imageId: server.imageId,
    keys: spec?.key ? [spec.key] : [],
    metadata: server.metadata,
    userData: server.userData,
    files: spec?.files ?? [],
    password: await findPassword(app.db, serverId),
    securityGroups: server.securityGroups,
    rootDevice: server.rootDevice,
    disks: devices.filter((device) => !isRoot(device, server)).map(diskFacts),
    nics,
    floatingIps,
  }
}

const isRoot = (device: BlockDevice, server: Server) =>
  device.bootIndex === 0 || device.device === server.rootDevice

const diskFacts = ({ device, volumeId, tag }: BlockDevice) => ({ device, volumeId, tag })

async function networkFacts(
  app: Compute,
  trace: Trace,
  server: Server,
): Promise<{ nics: NicFacts[]; floatingIps: string[] }> {
  const { network, serviceToken } = app.conductor
  const token = await serviceToken(trace)
  const ports = await network.listPorts(trace, token, { device_id: server.id }, subjectOf(server.id))
  if (ports.length === 0) return { nics: [], floatingIps: [] }
  const subnetIds = [...new Set(ports.flatMap((port) => port.fixed_ips.map((each) => each.subnet_id)))]
  const [networks, subnets, floating] = await Promise.all([
    network.listNetworks(trace, token, { id: [...new Set(ports.map((port) => port.network_id))] }),
    subnetIds.length > 0 ? network.listSubnets(trace, token, { id: subnetIds }) : [],
    network.listFloatingIps(trace, token, { port_id: ports.map((port) => port.id) }),
  ])
  const mtus = new Map(networks.map((each) => [each.id, each.mtu ?? 1500]))
  const byId = new Map(subnets.map((each) => [each.id, each]))
  // As the server's own list has them, so that the first card is the first asked for.
  const order = server.addresses.map((each) => each.portId)
  const rank = (port: PortBody) => (order.includes(port.id) ? order.indexOf(port.id) : order.length)
  return {
    nics: ports
      .toSorted((a, b) => rank(a) - rank(b))
      .map((port) => nicFacts(port, mtus.get(port.network_id) ?? 1500, byId, tagOf(server, port))),
    floatingIps: floating.map((each) => each.floating_ip_address),
  }
}

const tagOf = (server: Server, port: PortBody) =>
  server.addresses.find((each) => each.portId === port.id)?.tag ?? null

function nicFacts(
  port: PortBody,
  mtu: number,
  subnets: ReadonlyMap<string, Subnet>,
  tag: string | null,
): NicFacts {
  return {
    portId: port.id,
    networkId: port.network_id,
    mac: port.mac_address,
    mtu,
    type: 'ovs',
    tag,
    addresses: port.fixed_ips.flatMap(({ subnet_id, ip_address }) => {
      const subnet = subnets.get(subnet_id)
      if (!subnet) return []
      return {
        version: ipVersion(ip_address),
        address: ip_address,
        prefix: parseCidr(subnet.cidr)?.prefix ?? 0,
        dhcp: subnet.enable_dhcp,
        ipv6AddressMode: subnet.ipv6_address_mode ?? null,
        gateway: subnet.gateway_ip,
        dns: subnet.dns_nameservers,
        routes: subnet.host_routes,
      }
    }),
  }
}
