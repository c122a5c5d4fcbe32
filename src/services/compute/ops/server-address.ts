// Keeps the addresses that servers show in line with the network service, floating ones among them.
import type { Trace } from '#kit/journal/journal.ts'
import type { FloatingIp, PortBody } from '#services/network/client.ts'
import type { Compute } from '../app.ts'
import type { Server, ServerAddress } from '../resources/server.ts'
import { changeAddresses, findServer } from '../store/server.ts'
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

/** `server` is as it was before `ports` were asked for. */
export async function keepAddresses(
  app: Compute,
  server: Server,
  ports: readonly PortBody[],
  floating: readonly FloatingIp[],
): Promise<void> {
  const known = new Set(server.addresses.map((each) => each.portId))
  const keep = (addresses: readonly ServerAddress[]) =>
    addresses.flatMap((each) => {
      const port = ports.find((one) => one.id === each.portId)
      if (port) return [{ ...each, mac: port.mac_address, ips: ipsOf(port, floating) }]
      // One that was joined to it after the ports were asked for isn't gone.
      return known.has(each.portId) ? [] : [each]
    })
  if (JSON.stringify(keep(server.addresses)) === JSON.stringify(server.addresses)) return
  await changeAddresses(app.db, server.id, keep, () => ({ updatedAt: app.world.clock.now() }))
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
