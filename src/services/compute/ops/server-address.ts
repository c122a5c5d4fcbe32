// Keeps the addresses that servers show in line with the network service, floating ones among them.
import type { Trace } from '#kit/journal/journal.ts'
import type { FloatingIp, PortBody } from '#services/network/client.ts'
import type { Compute } from '../app.ts'
import type { Server, ServerAddress } from '../resources/server.ts'
import { findServer, updateServer } from '../store/server.ts'
import { ipVersion } from './server-network.ts'
import { fixedIps } from './server-port.ts'

export async function refreshAddresses(app: Compute, trace: Trace, serverId: string): Promise<void> {
  const server = await findServer(app.db, serverId)
  if (!server) return
  const { network, serviceToken } = app.conductor
  const token = await serviceToken(trace)
  const ports = await network.listPorts(trace, token, { device_id: serverId })
  // Without a port to ask for, the filter would be none.
  const floating =
    ports.length === 0
      ? []
      : await network.listFloatingIps(trace, token, { port_id: ports.map((each) => each.id) })
  await keepAddresses(app, server, ports, floating)
}

export async function keepAddresses(
  app: Compute,
  server: Server,
  ports: readonly PortBody[],
  floating: readonly FloatingIp[],
): Promise<void> {
  const addresses = server.addresses.flatMap((each) => {
    const port = ports.find((one) => one.id === each.portId)
    return port ? [{ ...each, mac: port.mac_address, ips: ipsOf(port, floating) }] : []
  })
  if (JSON.stringify(addresses) === JSON.stringify(server.addresses)) return
  await updateServer(app.db, server.id, { addresses, updatedAt: app.world.clock.now() })
}

/** Each fixed address with the floating ones that lead to it. */
function ipsOf(port: PortBody, floating: readonly FloatingIp[]): ServerAddress['ips'] {
  return fixedIps(port).flatMap((ip) => [
    ip,
    ...floating
      .filter((each) => each.port_id === port.id && each.fixed_ip_address === ip.address)
      .map((each) => ({
        version: ipVersion(each.floating_ip_address),
        address: each.floating_ip_address,
        subnetId: ip.subnetId,
        type: 'floating' as const,
      })),
  ])
}
