// Ports on br-int with their devices: a guest's tap, or a veth pair into a namespace.
// Veth rather than the switch's internal ports: those do not survive a restart of the daemon.
import { CloudError } from '#kit/errors/cloud-error.ts'
import {
  deviceName,
  type LivePort,
  type NamespaceDevice,
  type PortIdentity,
  type TapOptions,
} from '../driver.ts'
import { aliasOf, cloudTag, deadVlan, type OvsContext, portOfAlias } from './context.ts'
import type { PortRow } from './switch.ts'

/** Patches and tunnels get theirs from the daemon, from 1 on; they are few. */
const firstOfport = 1000

export async function plugTap(context: OvsContext, port: PortIdentity, tap: TapOptions): Promise<LivePort> {
  const device = deviceName(port)
  const alias = aliasOf(context, port.portId, tap.ownerUid)
  const there = await context.host.link(device)
  if (there && there.alias !== alias) {
    refuseForeign(context, device, there.alias, port.portId)
    await context.host.ipBatch([`link del dev ${device}`])
  }
  // The host's end must not have the guest's own MAC; libvirt changes the first byte, too.
  const hostMac = `fe${port.mac.slice(2)}`
  if (!there || there.alias !== alias)
    await context.host.ipBatch([
      `tuntap add dev ${device} mode tap user ${tap.ownerUid}`,
      `link set dev ${device} alias ${alias} address ${hostMac} addrgenmode none mtu ${port.mtu} up`,
    ])
  else if (there.mtu !== port.mtu || !there.up)
    await context.host.ipBatch([`link set dev ${device} mtu ${port.mtu} up`])
  return join(context, port, device, {}, there?.alias !== alias)
}

export async function plugVeth(
  context: OvsContext,
  port: PortIdentity,
  given: NamespaceDevice,
): Promise<LivePort> {
  const device = deviceName(port)
  const { namespace } = given
  const alias = aliasOf(context, port.portId)
  const there = await context.host.link(device)
  const inside = there && (await context.host.link(device, namespace))
  if (there && (there.alias !== alias || !inside)) {
    refuseForeign(context, device, there.alias, port.portId)
    await context.host.ipBatch([`link del dev ${device}`])
  }
  if (!there || there.alias !== alias || !inside) {
    await context.host.ipBatch([
      `link add name ${device} mtu ${port.mtu} type veth peer name ${device} address ${port.mac} mtu ${port.mtu} netns ${namespace}`,
      `link set dev ${device} alias ${alias} addrgenmode none up`,
    ])
    // Frames with unfinished checksums would be dropped at their end: the user-space datapath does not finish them.
    if (context.datapath === 'netdev')
      await context.host.run(...context.host.inside(namespace, 'ethtool', ['-K', device, 'tx', 'off']))
  } else if (there.mtu !== port.mtu) {
    await context.host.ipBatch([`link set dev ${device} mtu ${port.mtu}`])
  }
  await setInside(context, port, device, given, inside && there?.alias === alias ? inside : undefined)
  return join(context, port, device, { 'nimbo-namespace': namespace }, there?.alias !== alias || !inside)
}

async function setInside(
  context: OvsContext,
  port: PortIdentity,
  device: string,
  { namespace, addresses }: NamespaceDevice,
  before: { mtu: number; mac: string; up: boolean } | undefined,
): Promise<void> {
  const lines: string[] = []
  if (before?.mac !== port.mac || before.mtu !== port.mtu)
    lines.push(`link set dev ${device} address ${port.mac} mtu ${port.mtu}`)
  if (!before?.up) lines.push(`link set dev ${device} up`)
  const held = before ? await context.host.addresses(device, namespace) : []
  for (const address of held)
    if (!addresses.includes(address)) lines.push(`addr del ${address} dev ${device}`)
  for (const address of addresses) {
    if (held.includes(address)) continue
    // Duplicate address detection would hold IPv6 addresses back for a second; IPAM has made them unique.
    const more = address.includes(':') ? ' nodad' : /\/3[12]$/.test(address) ? '' : ' brd +'
    lines.push(`addr add ${address}${more} dev ${device}`)
  }
  await context.host.ipBatch(lines, namespace)
}

async function join(
  context: OvsContext,
  port: PortIdentity,
  device: string,
  more: Record<string, string>,
  fresh: boolean,
): Promise<LivePort> {
  const { integration } = context.names
  // The switch gives up on a port whose device went away (a reboot, somebody's `ip link del`): it must be told anew.
  if (fresh) await context.switch.removePorts([device])
  const ofport = reserveOfport(context)
  await context.switch.addPorts([
    {
      bridge: integration,
      name: device,
      tag: deadVlan,
      ofportRequest: ofport,
      ids: {
        'iface-id': port.portId,
        'attached-mac': port.mac,
        'iface-status': 'active',
        ...(port.deviceId ? { 'vm-id': port.deviceId } : {}),
        [cloudTag]: context.cloudId,
        'nimbo-network': port.networkId,
        ...more,
      },
    },
  ])
  await context.switch.untilReady([device])
  context.reservedOfports.delete(ofport)
  const row = context.switch.port(device)
  if (!row || row.ofport < 1)
    throw new CloudError('internal', `Open vSwitch could not take the device ${device}`, {
      detail: row?.error,
    })
  return toLivePort(row)
}

/** Asked for, a number outlives a restart of the daemon, so that no flow ever points to another guest's port. */
function reserveOfport(context: OvsContext): number {
  const taken = new Set(context.switch.ports().map((port) => port.ofport))
  let free = firstOfport
  while (taken.has(free) || context.reservedOfports.has(free)) free++
  context.reservedOfports.add(free)
  return free
}

export async function unplugPorts(context: OvsContext, portIds: readonly string[]): Promise<void> {
  const wanted = new Set(portIds)
  const rows = ourPorts(context).filter((row) => wanted.has(row.ids['iface-id']!))
  // The switch's rows go last: by them the next look finds what could not be taken away now.
  const devices = (await context.host.links()).filter((link) =>
    wanted.has(portOfAlias(context, link.alias) ?? ''),
  )
  await context.host.ipBatch(devices.map((link) => `link del dev ${link.name}`))
  await context.switch.removePorts(rows.map((row) => row.name))
}

/** Devices whose port never reached the switch, or has left it: what a crash between two steps leaves. */
export async function sweepDevices(context: OvsContext): Promise<void> {
  const names = new Set(ourPorts(context).map((row) => row.name))
  const orphans = (await context.host.links()).filter(
    (link) => portOfAlias(context, link.alias) !== undefined && !names.has(link.name),
  )
  if (orphans.length > 0)
    context.log.info({ devices: orphans.map((link) => link.name) }, 'removing devices that belong to no port')
  await context.host.ipBatch(orphans.map((link) => `link del dev ${link.name}`))
}

export function ourPorts(context: OvsContext): PortRow[] {
  return context.switch
    .ports()
    .filter((row) => row.ids[cloudTag] === context.cloudId && row.ids['iface-id'] !== undefined)
}

export function toLivePort(row: PortRow): LivePort {
  const namespace = row.ids['nimbo-namespace']
  return {
    portId: row.ids['iface-id']!,
    networkId: row.ids['nimbo-network'] ?? '',
    mac: row.ids['attached-mac'] ?? '',
    device: row.name,
    kind: namespace === undefined ? 'tap' : 'namespace',
    ...(namespace === undefined ? {} : { namespace }),
    deviceId: row.ids['vm-id'] ?? '',
    localVlan: row.tag === deadVlan ? 0 : row.tag,
    ready: row.ofport > 0,
  }
}

function refuseForeign(context: OvsContext, device: string, alias: string, portId: string): void {
  if (portOfAlias(context, alias) === portId) return
  throw new CloudError('conflict', `The device ${device} is on this host already and isn't this port's`, {
    detail: `its alias is '${alias}'`,
  })
}
