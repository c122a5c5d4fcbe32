// What a host should have: every port bound to it with the facts, rules and peers that its agent needs.
import {
  agentTypes,
  type HostWiring,
  type PortRule,
  type PortWiring,
  type RemotePort,
  type TunnelPeer,
} from '#contracts/network-agent.ts'
import type { Db } from '#kit/db/database.ts'
import type { Network } from '../resources/network.ts'
import type { Port, WholePort } from '../resources/port.ts'
import { protocolNumber, type SecurityGroupRule } from '../resources/security-group.ts'
import * as agents from '../store/agent.ts'
import { findNetworks } from '../store/network.ts'
import * as ports from '../store/port.ts'
import { membersOf, rulesOfGroups } from '../store/security-group.ts'
import { hostGeneration, hostsOfNetworks } from '../store/wiring.ts'
import { isTunnelled } from './binding.ts'

/** In one transaction: what it gives is what the generation says. */
export async function readHostWiring(tx: Db, host: string): Promise<HostWiring> {
  const generation = await hostGeneration(tx, host)
  const peers = await tunnelPeers(tx, host)
  const wirings = await wiringOf(tx, host, await ports.portsOfHost(tx, host), peers)
  const named = new Set(
    wirings.flatMap((each) => each.securityRules.flatMap((rule) => rule.remoteGroupId ?? [])),
  )
  const remoteGroups = Object.fromEntries(await membersOf(tx, [...named]))
  const remotePorts = await remotePortsOf(tx, wirings, peers)
  return { generation, ports: wirings, remoteGroups, tunnelPeers: peers, remotePorts }
}

/** The host's own ports, without their peers. */
export async function readOwnPorts(tx: Db, host: string): Promise<PortWiring[]> {
  return wiringOf(tx, host, await ports.portsOfHost(tx, host), [])
}

export async function readPortDetails(tx: Db, host: string, portIds: string[]): Promise<PortWiring[]> {
  const rows = (await ports.findPorts(tx, portIds)).filter((each) => each.hostId === host)
  return wiringOf(tx, host, rows, await tunnelPeers(tx, host))
}

async function wiringOf(
  tx: Db,
  host: string,
  rows: readonly Port[],
  peers: readonly TunnelPeer[],
): Promise<PortWiring[]> {
  if (rows.length === 0) return []
  const whole = await ports.withSides(tx, rows)
  const networkIds = [...new Set(rows.map((each) => each.networkId))]
  const networks = new Map((await findNetworks(tx, networkIds)).map((each) => [each.id, each]))
  const groupIds = [...new Set(whole.flatMap((each) => each.securityGroupIds))]
  const rules = new Map<string, PortRule[]>(groupIds.map((id) => [id, []]))
  for (const rule of groupIds.length > 0 ? await rulesOfGroups(tx, groupIds) : [])
    rules.get(rule.securityGroupId)!.push(portRule(rule))
  const tunnelled = networkIds.filter((id) => isTunnelled(networks.get(id)!))
  const hosts = await hostsOfNetworks(tx, peers.length === 0 ? [] : tunnelled)
  const addressOf = new Map(peers.map((each) => [each.host, each.ip]))
  const peersOf = (networkId: string) =>
    (hosts.get(networkId) ?? []).flatMap((each) => (each === host ? [] : (addressOf.get(each) ?? []))).sort()
  return whole.map((row) => portWiring(row, networks.get(row.networkId)!, rules, peersOf(row.networkId)))
}

function portWiring(
  row: WholePort,
  network: Network,
  rules: ReadonlyMap<string, PortRule[]>,
  peers: string[],
): PortWiring {
  return {
    portId: row.id,
    networkId: row.networkId,
    mac: row.macAddress,
    fixedIps: row.fixedIps,
    mtu: network.mtu,
    networkType: network.networkType,
    physicalNetwork: network.physicalNetwork,
    segmentationId: network.segmentationId,
    adminUp: row.adminStateUp && network.adminStateUp,
    deviceOwner: row.deviceOwner,
    deviceId: row.deviceId,
    portSecurityEnabled: row.portSecurityEnabled,
    allowedAddressPairs: row.allowedAddressPairs.map((each) => ({
      ipAddress: each.ip_address,
      macAddress: each.mac_address,
    })),
    securityRules: distinct(row.securityGroupIds.flatMap((id) => rules.get(id) ?? [])),
    tunnelPeers: peers,
    generation: row.wiringGeneration,
  }
}

/** Two groups of a port often hold the same rules. */
function distinct(rules: readonly PortRule[]): PortRule[] {
  return [...new Map(rules.map((rule) => [JSON.stringify(rule), rule])).values()]
}

function portRule(rule: SecurityGroupRule): PortRule {
  return {
    direction: rule.direction,
    ethertype: rule.ethertype,
    protocol: protocolNumber(rule.protocol, rule.ethertype),
    portMin: rule.portRangeMin,
    portMax: rule.portRangeMax,
    remotePrefix: rule.remoteIpPrefix,
    remoteGroupId: rule.remoteGroupId,
  }
}

/** Ports on the peers, of the tunnelled networks that are on the host itself. */
async function remotePortsOf(
  tx: Db,
  own: readonly PortWiring[],
  peers: readonly TunnelPeer[],
): Promise<RemotePort[]> {
  const addressOf = new Map(peers.map((each) => [each.host, each.ip]))
  const networkIds = [...new Set(own.filter(isTunnelled).map((each) => each.networkId))]
  if (networkIds.length === 0 || peers.length === 0) return []
  const rows = await ports.portsOnHosts(tx, networkIds, [...addressOf.keys()])
  return (await ports.withSides(tx, rows)).map((row) => ({
    networkId: row.networkId,
    mac: row.macAddress,
    ipAddresses: row.fixedIps.map((each) => each.ipAddress),
    peer: addressOf.get(row.hostId)!,
  }))
}

async function tunnelPeers(tx: Db, host: string): Promise<TunnelPeer[]> {
  const rows = await agents.listAgents(tx, agentTypes.l2.agentType)
  return rows.flatMap((each) => {
    const ip = each.configurations.tunneling_ip
    return each.host !== host && typeof ip === 'string' && ip !== '' ? [{ host: each.host, ip }] : []
  })
}
