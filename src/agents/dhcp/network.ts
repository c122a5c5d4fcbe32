// Serves one network on this host: its namespace and port, dnsmasq, and the haproxy of its metadata. Run again, it
// changes only what is not as wanted; what ran before this agent is taken over.

import type { AgentPort, DhcpNetwork, networkPlugin } from '#contracts/network-agent.ts'
import {
  type Daemon,
  type DaemonHost,
  deviceName,
  dhcpNamespace,
  endMetadataProxy,
  type LivePort,
  type NamespaceProcess,
  runningDaemon,
  serveMetadataProxy,
  startDaemon,
} from '#drivers/wiring/load.ts'
import type { Caller } from '#kit/bus/bus.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import type { World } from '#kit/world/world.ts'
import type { DhcpAgentConfig } from './config.ts'
import {
  type DnsmasqFiles,
  type DnsmasqPlan,
  dnsmasqArguments,
  dnsmasqFiles,
  keptLeases,
  metadataAddress,
} from './dnsmasq.ts'
import { isWritten, type Places } from './place.ts'

export type NetworkParts = DaemonHost & {
  journal: Journal
  plugin: Caller<typeof networkPlugin.methods>
  host: string
  config: DhcpAgentConfig
  places: Places
  /** Of the metadata agent. */
  socketPath: string
  /** See dnsmasqUser. */
  user: string | undefined
}

/** What this agent did for a network since it started. */
export type NetworkState = { plugged?: string; loaded: boolean; ready?: number }

/** What was here when the turn began. */
export type Seen = { ports: readonly LivePort[]; running: readonly NamespaceProcess[] }

/** Without a subnet with DHCP there is nothing to serve, and metadata goes by the router (row 205). */
export function isServed(network: DhcpNetwork): boolean {
  return network.adminUp && network.subnets.some((subnet) => subnet.enableDhcp)
}

export async function serveNetwork(
  parts: NetworkParts,
  trace: Trace,
  network: DhcpNetwork,
  state: NetworkState,
  seen: Seen,
): Promise<void> {
  const { networkId } = network
  const port = await dhcpPort(parts, trace, network)
  const metadataSubnets = subnetsWithMetadata(parts.config, network)
  await plug(parts, trace, network, port, state, seen, metadataSubnets.size > 0)
  const place = { id: networkId, folder: parts.places.folder, namespace: dhcpNamespace(networkId) }
  const proxy =
    metadataSubnets.size > 0
      ? serveMetadataProxy(parts, trace, seen.running, {
          ...place,
          of: 'network',
          port: 80,
          socketPath: parts.socketPath,
        })
      : endMetadataProxy(parts, seen.running, place)
  const plan: DnsmasqPlan = {
    network,
    device: deviceName({ ...port, deviceOwner: 'network:dhcp' }),
    ownAddresses: new Map(port.fixedIps.map(({ subnetId, ipAddress }) => [subnetId, ipAddress])),
    metadataSubnets,
    folder: parts.places.network(networkId),
    dnsServers: parts.config.dnsmasqDnsServers,
    leaseMs: parts.config.dhcpLeaseDuration,
    ...(parts.user !== undefined && { user: parts.user }),
  }
  const addresses = serveAddresses(parts, trace, plan, state, seen).then(async () => {
    if (state.ready === network.generation) return
    const { host, plugin } = parts
    await plugin.dhcpReady(
      { host, networkId, generation: network.generation },
      { trace, subject: `network:${networkId}` },
    )
    state.ready = network.generation
  })
  // Both to their end: a haproxy that fails must not leave a dnsmasq half started behind the turn's back.
  const failed = (await Promise.allSettled([addresses, proxy])).filter((one) => one.status === 'rejected')
  if (failed.length > 0) throw failed[0]!.reason
}

async function dhcpPort(parts: NetworkParts, trace: Trace, network: DhcpNetwork): Promise<AgentPort> {
  const { networkId, port, subnets } = network
  const has = (subnetId: string) => port?.fixedIps.some((each) => each.subnetId === subnetId)
  const complete = subnets.every(({ enableDhcp, subnetId }) => !enableDhcp || has(subnetId))
  if (port && complete) return port
  const made = await parts.plugin.ensureDhcpPort(
    { host: parts.host, networkId },
    { trace, subject: `network:${networkId}` },
  )
  return made.port
}

function subnetsWithMetadata(config: DhcpAgentConfig, network: DhcpNetwork): Set<string> {
  const told = network.subnets.filter(
    ({ ipVersion, enableDhcp, hasRouter }) =>
      ipVersion === 4 &&
      enableDhcp &&
      (config.forceMetadata || (config.enableIsolatedMetadata && !hasRouter)),
  )
  return new Set(told.map(({ subnetId }) => subnetId))
}

async function plug(
  parts: NetworkParts,
  trace: Trace,
  network: DhcpNetwork,
  port: AgentPort,
  state: NetworkState,
  seen: Seen,
  withMetadata: boolean,
): Promise<void> {
  const { driver, journal } = parts
  const namespace = dhcpNamespace(network.networkId)
  const addresses = [
    ...port.fixedIps.map(({ ipAddress, prefix }) => `${ipAddress}/${prefix}`),
    // With the prefix of the whole block, as rows 200 and 201 have it.
    ...(withMetadata ? [`${metadataAddress}/16`] : []),
  ]
  const gateway = network.subnets.find(
    ({ ipVersion, enableDhcp, gatewayIp }) => ipVersion === 4 && enableDhcp && gatewayIp !== null,
  )?.gatewayIp
  const wanted = JSON.stringify([port.portId, port.mac, network.mtu, addresses, gateway])
  const here = seen.ports.find(({ portId }) => portId === port.portId)
  if (state.plugged === wanted && here?.ready && here.namespace === namespace) return
  const identity = {
    portId: port.portId,
    networkId: network.networkId,
    mac: port.mac,
    mtu: network.mtu,
    deviceOwner: 'network:dhcp',
    deviceId: namespace,
  }
  await journal.span(
    trace,
    { kind: 'driver', name: 'dhcp.plug', subject: `port:${port.portId}`, data: { namespace, addresses } },
    async () => {
      await driver.ensureNamespace(namespace)
      const { device } = await driver.plugIntoNamespace(identity, { namespace, addresses })
      // dnsmasq's own questions to name servers go out by the network's router.
      const route = gateway
        ? ['route', 'replace', 'default', 'via', gateway, 'dev', device]
        : ['route', 'flush', 'default']
      await driver.runIn(namespace, 'ip', ['-4', ...route])
      const others = seen.ports.filter((each) => each.namespace === namespace && each.portId !== port.portId)
      for (const { portId } of others) await driver.unplugPort(portId)
    },
  )
  state.plugged = wanted
}

async function serveAddresses(
  parts: NetworkParts,
  trace: Trace,
  plan: DnsmasqPlan,
  state: NetworkState,
  seen: Seen,
): Promise<void> {
  const { world, driver, journal } = parts
  const { folder, network } = plan
  const { networkId } = network
  const daemon: Daemon = {
    namespace: dhcpNamespace(networkId),
    program: 'dnsmasq',
    args: dnsmasqArguments(plan),
    logFile: `${folder}/log`,
  }
  const files = dnsmasqFiles(plan)
  if (!state.loaded) await removeHalfWritten(world, folder)
  const leaseFile = `${folder}/leases`
  const known = (await world.files.exists(leaseFile)) ? await world.files.readText(leaseFile) : ''
  const leases = keptLeases(known, network.hosts)
  const process = runningDaemon(seen.running, daemon)
  const write = async () => {
    await world.files.makeFolder(folder, { mode: 0o755 })
    for (const [name, text] of Object.entries(files))
      if (!(await isWritten(world, `${folder}/${name}`, text)))
        await world.files.writeAtomic(`${folder}/${name}`, text, { mode: 0o644 })
  }
  const event = (name: string) => ({
    kind: 'driver' as const,
    name,
    subject: `network:${networkId}`,
    data: { hosts: network.hosts.length, generation: network.generation },
  })
  if (!process || leases !== undefined) {
    // dnsmasq keeps leases in memory: to forget one it must start again without it.
    await journal.span(trace, event('dnsmasq.start'), () =>
      startDaemon(parts, seen.running, daemon, async () => {
        await write()
        if (leases !== undefined) await world.files.writeAtomic(leaseFile, leases, { mode: 0o644 })
      }),
    )
  } else if (!state.loaded || !(await areWritten(parts, folder, files))) {
    // Once for each life of the agent in any case: the one before may have ended between writing and telling.
    await journal.span(trace, event('dnsmasq.reload'), async () => {
      await write()
      await driver.signal(process, 'SIGHUP')
    })
  }
  state.loaded = true
}

/** What an agent before was killed over: its text may be wanted no more, and then nothing else would take it away. */
async function removeHalfWritten(world: World, folder: string): Promise<void> {
  if (!(await world.files.exists(folder))) return
  for (const name of await world.files.list(folder))
    if (name.endsWith('.new')) await world.files.remove(`${folder}/${name}`)
}

async function areWritten({ world }: NetworkParts, folder: string, files: DnsmasqFiles): Promise<boolean> {
  for (const [name, text] of Object.entries(files))
    if (!(await isWritten(world, `${folder}/${name}`, text))) return false
  return true
}
