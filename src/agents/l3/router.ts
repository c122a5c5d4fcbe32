// Makes one router on this host what it should be: namespace, devices, routes, NAT, metadata proxy. Run again, it changes
// only what is not as wanted; connections of floating IPs that went are cut.
import type { AgentPort, RouterWiring } from '#contracts/network-agent.ts'
import {
  type DaemonHost,
  deviceName,
  endMetadataProxy,
  type LivePort,
  type NamespaceProcess,
  removeMetadataProxyFiles,
  routerNamespace,
  serveMetadataProxy,
} from '#drivers/wiring/load.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Journal, Trace } from '#kit/journal/journal.ts'
import { advertised, removeAdvertisementFiles, serveAdvertisements } from './advertisement.ts'
import type { L3AgentConfig } from './config.ts'
import { routeChanges, routeProtocol, wantedRoutes } from './route.ts'
import { ruleset } from './ruleset.ts'

export type RouterParts = DaemonHost & {
  journal: Journal
  config: L3AgentConfig
  /** This host's part of the data folder. */
  folder: string
  socketPath: string
}

/** What this agent did for a router since it started. */
export type RouterState = {
  /** By port. */
  plugged: Map<string, string>
  prepared: boolean
  /** What was written last, and when by the monotonic clock. */
  written?: { text: string; at: number }
  /** The fixed address of each floating one. */
  floating: Map<string, string>
}

export type Seen = { ports: readonly LivePort[]; running: readonly NamespaceProcess[] }

type Wanted = {
  port: AgentPort
  owner: 'network:router_gateway' | 'network:router_interface'
  addresses: string[]
}

export async function serveRouter(
  parts: RouterParts,
  trace: Trace,
  router: RouterWiring,
  state: RouterState,
  seen: Seen,
): Promise<void> {
  const { driver, world, config } = parts
  const namespace = routerNamespace(router.routerId)
  if (!state.prepared) {
    await driver.ensureNamespace(namespace)
    await forwardPackets(parts, namespace)
    state.floating = await heldAddresses(parts, namespace)
    state.prepared = true
  }
  const wanted = wantedPorts(router)
  await plugAll(parts, trace, router, wanted, state, seen)
  const { gateway } = router
  const external = gateway && {
    device: deviceName({ portId: gateway.portId, deviceOwner: 'network:router_gateway' }),
    address: gateway.fixedIps.find(({ ipAddress }) => !ipAddress.includes(':'))?.ipAddress,
  }
  const rules = ruleset({
    ...(external?.address !== undefined && {
      external: { device: external.device, address: external.address },
    }),
    enableSnat: router.enableSnat,
    floatingIps: router.floatingIps,
    advertises: advertised(router).length > 0,
    ...(config.enableMetadataProxy && { metadataPort: config.metadataPort }),
  })
  const text = `${rules}\n${JSON.stringify([wantedRoutes(router, 4), wantedRoutes(router, 6)])}`
  const stale =
    state.written?.text !== text || world.clock.monotonic() - state.written.at >= config.verifyInterval
  if (stale) {
    await setRoutes(parts, namespace, router)
    await run(parts, namespace, 'nft', ['-f', '-'], rules)
    state.written = { text, at: world.clock.monotonic() }
  }
  await cutConnections(parts, namespace, router, state)
  const place = { id: router.routerId, folder: parts.folder, namespace }
  if (config.enableMetadataProxy)
    await serveMetadataProxy(parts, trace, seen.running, {
      ...place,
      of: 'router',
      port: config.metadataPort,
      socketPath: parts.socketPath,
    })
  else await endMetadataProxy(parts, seen.running, place)
  await serveAdvertisements(parts, trace, router, namespace, seen.running)
}

/** Takes away all that is of the router on this host. */
export async function leaveRouter(parts: RouterParts, trace: Trace, routerId: string): Promise<void> {
  const { driver, world, folder, journal } = parts
  await journal.span(
    trace,
    { kind: 'driver', name: 'router.leave', subject: `router:${routerId}` },
    async () => {
      await removeMetadataProxyFiles(world, { id: routerId, folder })
      await removeAdvertisementFiles(parts, routerId)
      // Last, for it is what a turn after a crash finds again.
      await driver.removeNamespace(routerNamespace(routerId))
    },
  )
}

/** Floating IPs are addresses of the outer device, so that the kernel answers for them. */
function wantedPorts({ gateway, interfaces, floatingIps }: RouterWiring): Wanted[] {
  const own = (port: AgentPort) => port.fixedIps.map(({ ipAddress, prefix }) => `${ipAddress}/${prefix}`)
  return [
    ...(gateway
      ? [
          {
            port: gateway,
            owner: 'network:router_gateway' as const,
            addresses: [...own(gateway), ...floatingIps.map(({ floatingIp }) => `${floatingIp}/32`)],
          },
        ]
      : []),
    ...interfaces.map((port) => ({
      port,
      owner: 'network:router_interface' as const,
      addresses: own(port),
    })),
  ]
}

async function plugAll(
  parts: RouterParts,
  trace: Trace,
  { routerId }: RouterWiring,
  wanted: readonly Wanted[],
  state: RouterState,
  seen: Seen,
): Promise<void> {
  const { driver, journal } = parts
  const namespace = routerNamespace(routerId)
  for (const { port, owner, addresses } of wanted) {
    const key = JSON.stringify([port.mac, port.mtu, addresses])
    const here = seen.ports.find(({ portId }) => portId === port.portId)
    if (state.plugged.get(port.portId) === key && here?.ready && here.namespace === namespace) continue
    const { portId, networkId, mac, mtu } = port
    await journal.span(
      trace,
      { kind: 'driver', name: 'router.plug', subject: `port:${portId}`, data: { namespace, addresses } },
      async () => {
        const { device } = await driver.plugIntoNamespace(
          { portId, networkId, mac, mtu, deviceOwner: owner, deviceId: routerId },
          { namespace, addresses },
        )
        if (owner === 'network:router_gateway') await announce(parts, namespace, device, mac)
      },
    )
    state.plugged.set(portId, key)
    // The kernel dropped the routes by the device, if it is a new one.
    delete state.written
  }
  const names = new Set(wanted.map(({ port }) => port.portId))
  for (const { portId } of seen.ports.filter(
    (port) => port.namespace === namespace && !names.has(port.portId),
  )) {
    await driver.unplugPort(portId)
    state.plugged.delete(portId)
  }
}

/** Floating IPs that an agent before this one left: where they led is not known, only that they were here. */
async function heldAddresses(parts: RouterParts, namespace: string): Promise<Map<string, string>> {
  const shown = await run(parts, namespace, 'ip', ['-j', '-4', 'addr', 'show'])
  const devices = (shown.trim() === '' ? [] : JSON.parse(shown)) as {
    addr_info: { local: string; prefixlen: number }[]
  }[]
  const single = devices.flatMap((device) => device.addr_info).filter(({ prefixlen }) => prefixlen === 32)
  return new Map(single.map(({ local }) => [local, 'unknown']))
}

/** Answers only for addresses of the card that is asked, so that neither side learns the other's. */
async function forwardPackets(parts: RouterParts, namespace: string): Promise<void> {
  const settings = {
    'ipv4/ip_forward': 1,
    'ipv4/conf/all/arp_ignore': 1,
    'ipv4/conf/all/arp_announce': 2,
    'ipv6/conf/all/forwarding': 1,
  }
  for (const [name, value] of Object.entries(settings)) {
    const path = `/proc/sys/net/${name}`
    // A kernel without IPv6 has none of its settings, in no namespace.
    if (await parts.world.files.exists(path)) await run(parts, namespace, 'tee', [path], `${value}`)
  }
}

/**
 * Tells the neighbours which card has the addresses now, without a program for it: with arp_notify the kernel sends a
 * gratuitous ARP for each address of a card whose hardware address is set, even to what it was.
 */
async function announce(parts: RouterParts, namespace: string, device: string, mac: string): Promise<void> {
  await run(parts, namespace, 'tee', [`/proc/sys/net/ipv4/conf/${device}/arp_notify`], '1')
  await run(parts, namespace, 'ip', ['link', 'set', 'dev', device, 'address', mac])
}

async function setRoutes(parts: RouterParts, namespace: string, router: RouterWiring): Promise<void> {
  for (const version of [4, 6] as const) {
    const shown = await run(parts, namespace, 'ip', [
      '-j',
      `-${version}`,
      'route',
      'show',
      'proto',
      routeProtocol,
    ])
    const lines = routeChanges(shown, wantedRoutes(router, version))
    // One whose next hop can't be reached must not keep the others out: Neutron's API has judged it by its subnets.
    if (lines.length > 0)
      await run(parts, namespace, 'ip', [`-${version}`, '-force', '-batch', '-'], `${lines.join('\n')}\n`)
  }
}

/** Connections outlive the rules that made them: those of an address that went, or that leads elsewhere now, are ended. */
async function cutConnections(
  parts: RouterParts,
  namespace: string,
  { floatingIps }: RouterWiring,
  state: RouterState,
): Promise<void> {
  const now = new Map(floatingIps.map(({ floatingIp, fixedIp }) => [floatingIp, fixedIp]))
  for (const [floatingIp, fixedIp] of state.floating) {
    const known = now.get(floatingIp)
    if (known === fixedIp || (known !== undefined && fixedIp === 'unknown')) continue
    // It ends with 1 where there was none.
    for (const side of ['--orig-dst', '--reply-dst'])
      await parts.driver.runIn(namespace, 'conntrack', ['-D', side, floatingIp])
  }
  state.floating = now
}

async function run(
  { driver }: RouterParts,
  namespace: string,
  command: string,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const { code, stdout, stderr } = await driver.runIn(
    namespace,
    command,
    args,
    input === undefined ? {} : { input },
  )
  if (code !== 0)
    throw new CloudError('internal', `'${command}' failed in ${namespace}`, {
      detail: `${args.join(' ')}: ${stderr.trim()} (input: ${input ?? ''})`,
    })
  return stdout
}
