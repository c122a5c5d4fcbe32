// Makes the host's wiring what is wanted: VLAN tags and tunnels in the database, then the flows of each bridge.
import type { HostWiring, PortWiring } from '#contracts/network-agent.ts'
import type { TunnelType, WiringResult } from '../driver.ts'
import { cloudTag, deadVlan, type OvsContext } from './context.ts'
import { integrationFlows } from './flow/integration.ts'
import { physicalFlows } from './flow/physical.ts'
import type { Plan, PlannedNetwork, PlannedRemote, PlannedTunnel } from './flow/plan.ts'
import { tunnelFlows, tunnelPortName } from './flow/tunnel.ts'
import { writeFlows } from './flow-writer.ts'
import { ourPorts } from './port.ts'
import type { PortRow } from './switch.ts'
import { routeTunnels } from './underlay.ts'

export async function applyWiring(
  context: OvsContext,
  desired: HostWiring,
  verify: boolean,
): Promise<WiringResult> {
  const rows = new Map(ourPorts(context).map((row) => [row.ids['iface-id']!, row]))
  const present = desired.ports.filter((port) => (rows.get(port.portId)?.ofport ?? 0) > 0)
  const vlans = await chooseVlans(context, present, [...rows.values()])
  await tagPorts(context, present, rows, vlans)
  const tunnels = await ensureTunnels(context, desired, verify)

  const plan: Plan = {
    ports: present.map((wiring) => ({
      wiring,
      ofport: rows.get(wiring.portId)!.ofport,
      localVlan: vlans.get(wiring.networkId)!,
    })),
    networks: plannedNetworks(present, vlans),
    patches: patchNumbers(context),
    remoteGroups: desired.remoteGroups,
  }
  const remotes = context.prepared.tunnel?.l2Population ? (desired.remotePorts ?? []) : []
  const changes = await writeAll(context, plan, { tunnels, remotes }, verify)
  return {
    wired: present.map(({ portId, generation }) => ({ portId, generation })),
    absent: desired.ports.filter((port) => !present.includes(port)).map((port) => port.portId),
    changes,
  }
}

/** Learned flows come and go by themselves: they must not be counted among those that we wrote. */
const learnedCookie = '0x6e696d6c6561726e'

async function writeAll(
  context: OvsContext,
  plan: Plan,
  ways: { tunnels: PlannedTunnel[]; remotes: PlannedRemote[] },
  verify: boolean,
): Promise<number> {
  const { names, prepared } = context
  let changes = 0
  for (const [physicalNetwork, { bridge }] of Object.entries(prepared.physicalNetworks)) {
    const patch = ofportOf(context, names.patch(bridge).there)
    if (patch === undefined) continue
    changes += await writeFlows(context, bridge, physicalFlows(plan.networks, physicalNetwork, patch), verify)
  }
  const patch = prepared.tunnel && ofportOf(context, names.tunnelPatch.there)
  if (patch !== undefined) {
    const { arpResponder = false, l2Population = false } = prepared.tunnel ?? {}
    const flows = tunnelFlows({
      ...ways,
      networks: plan.networks,
      patch,
      cookie: learnedCookie,
      arpResponder: arpResponder && l2Population,
    })
    changes += await writeFlows(context, names.tunnel, flows, verify)
  }
  return changes + (await writeFlows(context, names.integration, integrationFlows(plan), verify))
}

/** A network keeps its VLAN as long as a port of it is here; the number is read back from the ports' tags. */
async function chooseVlans(context: OvsContext, present: readonly PortWiring[], rows: readonly PortRow[]) {
  const wanted = new Set(present.map((port) => port.networkId))
  const vlans = new Map<string, number>()
  const taken = new Set<number>()
  for (const row of rows) {
    const network = row.other.net_uuid
    if (row.tag === 0 || row.tag === deadVlan || network === undefined) continue
    taken.add(row.tag)
    if (wanted.has(network)) vlans.set(network, row.tag)
  }
  for (const network of [...wanted].sort()) {
    if (vlans.has(network)) continue
    let free = 1
    while (taken.has(free)) free++
    taken.add(free)
    vlans.set(network, free)
    await forgetConnections(context, free)
  }
  return vlans
}

/** The zone's last user was another network: its connections must not let anything in. */
async function forgetConnections(context: OvsContext, zone: number): Promise<void> {
  const args = ['-t', `${context.places.runFolder}/ovs-vswitchd.ctl`, 'dpctl/flush-conntrack', `zone=${zone}`]
  const result = await context.world.processes.run('ovs-appctl', args)
  if (result.code !== 0)
    context.log.warn(
      { zone, error: result.stderr.trim() },
      'the connections of a new local VLAN could not be flushed',
    )
}

async function tagPorts(
  context: OvsContext,
  present: readonly PortWiring[],
  rows: ReadonlyMap<string, PortRow>,
  vlans: ReadonlyMap<string, number>,
): Promise<void> {
  const changes: { name: string; tag: number; other: Record<string, string> }[] = present.map((port) => ({
    name: rows.get(port.portId)!.name,
    tag: vlans.get(port.networkId)!,
    other: {
      net_uuid: port.networkId,
      network_type: port.networkType,
      ...(port.physicalNetwork === null ? {} : { physical_network: port.physicalNetwork }),
      ...(port.segmentationId === null ? {} : { segmentation_id: String(port.segmentationId) }),
      tag: String(vlans.get(port.networkId)!),
    },
  }))
  const named = new Set(present.map((port) => port.portId))
  for (const [portId, row] of rows)
    if (!named.has(portId)) changes.push({ name: row.name, tag: deadVlan, other: {} })
  await context.switch.setPorts(changes)
}

async function ensureTunnels(
  context: OvsContext,
  desired: HostWiring,
  verify: boolean,
): Promise<PlannedTunnel[]> {
  const { tunnel } = context.prepared
  if (!tunnel) return []
  const peers = [...new Set(desired.tunnelPeers.map(({ ip }) => ip))].filter((ip) => ip !== tunnel.localIp)
  const wanted = peers.flatMap((ip) => tunnel.types.map((type) => ({ type, peer: ip })))
  const names = new Set(wanted.map(({ type, peer }) => tunnelPortName(type, peer)))
  const stale = context.switch
    .ports()
    .filter((row) => row.bridge === context.names.tunnel && row.ids['nimbo-tunnel'] !== undefined)
    .filter((row) => !names.has(row.name))
  await context.switch.removePorts(stale.map((row) => row.name))
  await context.switch.addPorts(
    wanted.map(({ type, peer }) => ({
      bridge: context.names.tunnel,
      name: tunnelPortName(type, peer),
      type,
      options: {
        local_ip: tunnel.localIp,
        remote_ip: peer,
        in_key: 'flow',
        out_key: 'flow',
        df_default: 'true',
      },
      ids: { [cloudTag]: context.cloudId, 'nimbo-tunnel': type },
    })),
  )
  await context.switch.untilReady([...names])
  await routeTunnels(context, peers, verify)
  return wanted.flatMap(({ type, peer }): PlannedTunnel[] => {
    const ofport = ofportOf(context, tunnelPortName(type, peer))
    if (ofport !== undefined) return [{ type: type as TunnelType, peer, ofport }]
    context.log.warn({ type, peer }, 'Open vSwitch could not make a tunnel')
    return []
  })
}

function plannedNetworks(
  present: readonly PortWiring[],
  vlans: ReadonlyMap<string, number>,
): PlannedNetwork[] {
  const networks = new Map<string, PlannedNetwork>()
  for (const port of present) {
    const known = networks.get(port.networkId)
    if (known) {
      known.peers = [...new Set([...known.peers, ...port.tunnelPeers])].sort()
      continue
    }
    networks.set(port.networkId, {
      networkId: port.networkId,
      localVlan: vlans.get(port.networkId)!,
      type: port.networkType,
      physicalNetwork: port.physicalNetwork,
      segmentationId: port.segmentationId,
      peers: [...port.tunnelPeers].sort(),
    })
  }
  return [...networks.values()]
}

function patchNumbers(context: OvsContext): Plan['patches'] {
  const physical: Record<string, number> = {}
  for (const [name, { bridge }] of Object.entries(context.prepared.physicalNetworks)) {
    const number = ofportOf(context, context.names.patch(bridge).here)
    if (number !== undefined) physical[name] = number
  }
  const tunnel = context.prepared.tunnel && ofportOf(context, context.names.tunnelPatch.here)
  return { physical, ...(tunnel === undefined ? {} : { tunnel }) }
}

function ofportOf(context: OvsContext, name: string): number | undefined {
  const ofport = context.switch.port(name)?.ofport
  return ofport !== undefined && ofport > 0 ? ofport : undefined
}
