// Whether the switches would pass a packet from one port to an address that the cloud gave to another of the network:
// for tests of the wiring, where no guest need be behind the ports.
import { type Frame, type Place, passes } from './pass.ts'
import { addressKey, type SimFabric, wired } from './state.ts'

export type SimPacket = {
  fromPort: string
  toIp: string
  protocol: Frame['protocol']
  /** Of TCP and UDP. */
  port?: number
  /** What a guest that lies would write; by default its port's own. */
  asIp?: string
  asMac?: string
}

/** 'ok', or why it would be dropped. */
export function reach(fabric: SimFabric, packet: SimPacket): string {
  const from = locate(fabric, packet.fromPort)
  if (!from) return 'the sender is not wired'
  const six = packet.toIp.includes(':')
  const own = from.port.fixedIps.map(({ ipAddress }) => ipAddress).find((ip) => ip.includes(':') === six)
  const sourceIp = packet.asIp ?? own
  if (sourceIp === undefined) return 'the sender has no address of that version'
  const to = findAddress(fabric, from.port.networkId, packet.toIp)
  if (!to) return 'nobody has that address on the network'
  return passes(fabric, from, to, {
    protocol: packet.protocol,
    port: packet.port,
    sourceIp,
    sourceMac: packet.asMac ?? from.port.mac,
    targetIp: packet.toIp,
    established: false,
  })
}

/** Where a port is wired. */
export function locate(fabric: SimFabric, portId: string): Place | undefined {
  for (const { host } of fabric.wanted.get(portId)) {
    const port = wired(host, portId)
    if (port) return { host, port }
  }
  return undefined
}

function findAddress(fabric: SimFabric, networkId: string, ip: string): Place | undefined {
  for (const { host, wiring } of fabric.given.get(addressKey(networkId, ip))) {
    const port = wired(host, wiring.portId)
    if (port) return { host, port }
  }
  return undefined
}
