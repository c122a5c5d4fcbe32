// DHCP: which agent serves a network, its port there, and all that its dnsmasq should know.
import {
  type AgentPort,
  agentTypes,
  type DhcpHost,
  type DhcpNetwork,
  type SubnetView,
} from '#contracts/network-agent.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { cidr } from '#kit/net/cidr.ts'
import type { Agent } from '../resources/agent.ts'
import type { Network } from '../resources/network.ts'
import { hostnameOf, type WholePort } from '../resources/port.ts'
import { isAutomatic, type Subnet } from '../resources/subnet.ts'
import * as agents from '../store/agent.ts'
import * as networks from '../store/network.ts'
import * as ports from '../store/port.ts'
import { subnetsOf } from '../store/subnet.ts'
import { hostGeneration } from '../store/wiring.ts'
import { reallocateAddresses } from './address.ts'
import { fittingAgents } from './agent-fit.ts'
import { isAlive } from './alive.ts'
import { moveToHost } from './binding.ts'
import { noteDhcp, type Work } from './change.ts'
import { createPort } from './port.ts'
import { removePort } from './port-delete.ts'
import { activateWaiting } from './provisioning.ts'

/** Gives the network to the live agent with the fewest, unless a live one has it; false where there is none. */
export async function scheduleDhcp(work: Work, networkId: string, except?: string): Promise<boolean> {
  const { app, tx } = work
  const serving = await agents.dhcpAgentOf(tx, networkId)
  if (serving && serving.id !== except && isAlive(app, serving)) return true
  const live = await liveAgents(work, agentTypes.dhcp.agentType, except)
  const candidates = await fittingAgents(work, live, [networkId])
  const chosen = await leastBusy(candidates, (ids) => agents.dhcpBindingsOfAgents(tx, ids))
  if (!chosen) return false
  await bindDhcp(work, networkId, chosen)
  return true
}

/** From the agent that had it, if any. */
export async function bindDhcp(work: Work, networkId: string, chosen: Agent): Promise<void> {
  const { tx, changes } = work
  await agents.deleteDhcpBinding(tx, networkId)
  await agents.insertDhcpBinding(tx, networkId, chosen.id)
  // The address stays the same wherever it is served from.
  // One that is bound nowhere is no agent's: the network's owner made it.
  for (const row of await ports.ownedPorts(tx, networkId, 'network:dhcp'))
    if (row.hostId !== '' && row.hostId !== chosen.host)
      await moveToHost(work, row, chosen.host, { deviceId: dhcpDeviceId(chosen.host, networkId) })
  noteDhcp(changes, networkId)
}

export async function liveAgents(work: Work, agentType: string, except?: string): Promise<Agent[]> {
  return (await agents.listAgents(work.tx, agentType)).filter(
    (each) => each.adminStateUp && each.id !== except && isAlive(work.app, each),
  )
}

export async function leastBusy(
  candidates: readonly Agent[],
  bindings: (ids: string[]) => Promise<{ agentId: string }[]>,
): Promise<Agent | undefined> {
  if (candidates.length === 0) return undefined
  const load = new Map(candidates.map((each) => [each.id, 0]))
  for (const { agentId } of await bindings([...load.keys()])) load.set(agentId, load.get(agentId)! + 1)
  const order = (a: Agent, b: Agent) => load.get(a.id)! - load.get(b.id)! || (a.host < b.host ? -1 : 1)
  return [...candidates].sort(order)[0]
}

/** Its agent is gone for good: the ports that waited for it go on. */
export async function unscheduleDhcp(work: Work, networkId: string): Promise<void> {
  await agents.deleteDhcpBinding(work.tx, networkId)
  await activateWaiting(work, networkId)
}

export async function hostDhcp(
  work: Work,
  host: string,
): Promise<{ generation: number; networks: DhcpNetwork[] }> {
  const { tx } = work
  const agent = await agents.findAgentOf(tx, agentTypes.dhcp.agentType, host)
  const generation = await hostGeneration(tx, host)
  if (!agent?.adminStateUp) return { generation, networks: [] }
  const ids = (await agents.dhcpBindingsOfAgents(tx, [agent.id])).map((each) => each.networkId)
  const served: DhcpNetwork[] = []
  for (const network of await networks.findNetworks(tx, ids)) {
    const subnets = await subnetsOf(tx, network.id)
    const view = await dhcpNetwork(work, network, subnets, host)
    // One whose DHCP was switched off is told for the port that it has there yet, so that the agent gives it back.
    if (view.port !== null || subnets.some((each) => each.enableDhcp)) served.push(view)
  }
  return { generation, networks: served }
}

async function dhcpNetwork(
  work: Work,
  network: Network,
  subnets: readonly Subnet[],
  host: string,
): Promise<DhcpNetwork> {
  const all = await ports.withSides(work.tx, await ports.portsOfNetwork(work.tx, network.id))
  const own = all.find((each) => each.deviceOwner === 'network:dhcp' && each.hostId === host)
  const views = subnetViews(subnets, all)
  return {
    networkId: network.id,
    projectId: network.projectId,
    mtu: network.mtu,
    adminUp: network.adminStateUp,
    dnsDomain: (network.dnsDomain || work.app.config.dnsDomain).replace(/\.$/, ''),
    subnets: views,
    port: own ? agentPort(own, network, subnets, views) : null,
    hosts: all
      .filter((each) => each.deviceOwner !== 'network:dhcp' && each.fixedIps.length > 0)
      .map(dhcpHost),
    generation: network.dhcpGeneration,
  }
}

function dhcpHost(row: WholePort): DhcpHost {
  const first = row.fixedIps[0]!.ipAddress
  return {
    portId: row.id,
    mac: row.macAddress,
    hostname: hostnameOf(row, first),
    fixedIps: row.fixedIps,
    options: row.extraDhcpOpts.map((each) => ({
      name: each.opt_name,
      value: each.opt_value,
      ipVersion: each.ip_version,
    })),
  }
}

export function subnetViews(
  subnets: readonly Subnet[],
  networkPorts: readonly Pick<WholePort, 'deviceOwner' | 'fixedIps'>[],
): SubnetView[] {
  const routed = new Set(
    networkPorts
      .filter((each) => each.deviceOwner === 'network:router_interface')
      .flatMap((each) => each.fixedIps.map((ip) => ip.subnetId)),
  )
  return subnets.map((each) => ({
    subnetId: each.id,
    cidr: each.cidr,
    ipVersion: each.ipVersion as 4 | 6,
    gatewayIp: each.gatewayIp,
    enableDhcp: each.enableDhcp,
    dnsNameservers: each.dnsNameservers,
    hostRoutes: each.hostRoutes,
    ipv6RaMode: each.ipv6RaMode,
    ipv6AddressMode: each.ipv6AddressMode,
    hasRouter: routed.has(each.id),
  }))
}

export function agentPort(
  row: WholePort,
  network: Pick<Network, 'mtu'>,
  subnets: readonly Subnet[],
  views: readonly SubnetView[],
): AgentPort {
  const prefixes = new Map(subnets.map((each) => [each.id, cidr(each.cidr).prefix]))
  return {
    portId: row.id,
    networkId: row.networkId,
    mac: row.macAddress,
    mtu: network.mtu,
    adminUp: row.adminStateUp,
    fixedIps: row.fixedIps.map((each) => ({ ...each, prefix: prefixes.get(each.subnetId) ?? 0 })),
    subnets: views.filter((each) => prefixes.has(each.subnetId)),
  }
}

/** One for each host and network, as Neutron names it. */
function dhcpDeviceId(host: string, networkId: string): string {
  return `dhcp-${host.slice(0, 64)}-${networkId}`
}

/** With an address in each DHCP subnet that isn't automatic, and none elsewhere. */
export async function ensureDhcpPort(work: Work, host: string, networkId: string): Promise<AgentPort> {
  const { tx, changes } = work
  const network = await networks.findNetwork(tx, networkId)
  if (!network)
    throw new CloudError('notFound', `Network ${networkId} could not be found.`, { type: 'NetworkNotFound' })
  if ((await agents.dhcpHostOf(tx, networkId)) !== host)
    throw new CloudError('conflict', `Network ${networkId} is not served by the DHCP agent of ${host}.`, {
      type: 'NetworkNotHostedByDhcpAgent',
    })
  const subnets = await subnetsOf(tx, networkId)
  const wanted = subnets.filter((each) => each.enableDhcp && !isAutomatic(each))
  const there = (await ports.ownedPorts(tx, networkId, 'network:dhcp')).find((each) => each.hostId === host)
  let whole: WholePort
  if (there) {
    const [known] = await ports.withSides(tx, [there])
    whole = known!
    const wishes = wanted.map((each) => ({ subnetId: each.id }))
    const fits =
      whole.fixedIps.length === wishes.length &&
      wishes.every((wish) => whole.fixedIps.some((ip) => ip.subnetId === wish.subnetId))
    if (!fits) {
      whole = { ...whole, fixedIps: await reallocateAddresses(work, whole, whole.fixedIps, wishes) }
      changes.ports.add(whole.id)
    }
  } else {
    whole = await createPort(
      work,
      network,
      {
        projectId: network.projectId,
        name: '',
        description: '',
        adminStateUp: true,
        networkId,
        deviceId: dhcpDeviceId(host, networkId),
        deviceOwner: 'network:dhcp',
        hostId: host,
        dnsName: '',
        vnicType: 'normal',
        fixedIps: wanted.map((each) => ({ subnetId: each.id })),
        portSecurityEnabled: false,
      },
      { quota: false },
    )
  }
  const all = await ports.withSides(tx, await ports.ownedPorts(tx, networkId, 'network:router_interface'))
  return agentPort(whole, network, subnets, subnetViews(subnets, all))
}

export async function releaseDhcpPort(work: Work, host: string, networkId: string): Promise<boolean> {
  const rows = await ports.ownedPorts(work.tx, networkId, 'network:dhcp')
  const own = rows.filter((each) => each.hostId === host)
  for (const row of own) await removePort(work, row)
  return own.length > 0
}
