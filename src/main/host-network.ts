// Which networks a host reaches and how: what the wiring driver prepares. What nimbo.yaml leaves open is read from the
// host's own addresses and routes.
import type { PhysicalNetwork, PrepareOptions, TunnelOptions, TunnelType } from '#drivers/wiring/load.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import { addressPlus, formatAddress, parseAddress } from '#kit/net/address.ts'
import { cidr, networkAddress } from '#kit/net/cidr.ts'
import type { World } from '#kit/world/world.ts'
import type { AgentSettings } from './agent-settings.ts'
import { isLoopback } from './api.ts'
import { type CloudSettings, publicPhysicalNetwork } from './settings.ts'

const tunnelTypes: readonly TunnelType[] = ['vxlan', 'gre']

/** `controller`: its name or address as a joined host knows it; undefined on the controller's own host. */
export async function hostNetworks(
  world: World,
  settings: CloudSettings,
  agent: AgentSettings,
  controller?: string,
): Promise<PrepareOptions> {
  const suffix = bridgeSuffix(settings)
  const physicalNetworks = Object.fromEntries(agent.bridgeMappings.map(readMapping))
  // The controller's host itself is in the external network, at its first address.
  if (controller === undefined && !physicalNetworks[publicPhysicalNetwork])
    physicalNetworks[publicPhysicalNetwork] = {
      bridge: `br-ex${suffix}`,
      address: firstAddress(settings.publicCidr),
    }
  if (settings.dataPlane === 'sim')
    return {
      // All simulated hosts are on the same cable.
      physicalNetworks: Object.fromEntries(
        Object.entries(physicalNetworks).map(([name, network]) => [name, { uplink: 'eth1', ...network }]),
      ),
      tunnel: { localIp: '127.0.0.1', types: [...tunnelTypes] },
    }
  const localIp = agent.localIp || (await ownAddress(world, settings, controller))
  const types = agent.tunnelTypes.map(readType)
  const tunnel: TunnelOptions = { localIp, types }
  // A cloud of one host sends no tunnels, and none can join while its APIs are on a loopback address.
  if (!isLoopback(localIp))
    tunnel.underlay = {
      bridge: agent.underlayBridge || `br-phy${suffix}`,
      ...(agent.underlay !== '' && { card: agent.underlay }),
    }
  return { physicalNetworks, tunnel }
}

/** Two clouds on one host have other ports and so other bridges. */
export function bridgeSuffix({ portBase }: Pick<CloudSettings, 'portBase'>): string {
  return portBase === 0 ? '' : `-${portBase}`
}

export function readMapping(text: string): [string, PhysicalNetwork] {
  const [name, bridge, uplink, ...more] = text.split(':')
  if (!name || !bridge || uplink === '' || more.length > 0)
    throw new CloudError(
      'badRequest',
      `agent.bridge_mappings: '${text}' must be a physical network and a bridge, 'physnet2:br-two', or with a card 'physnet2:br-two:eth2'`,
    )
  return [name, { bridge, ...(uplink !== undefined && { uplink }) }]
}

function readType(text: string): TunnelType {
  const type = tunnelTypes.find((each) => each === text)
  if (type) return type
  throw new CloudError('badRequest', `agent.tunnel_types must be of ${tunnelTypes.join(', ')}, not '${text}'`)
}

function firstAddress(publicCidr: string): string {
  const first = formatAddress(addressPlus(networkAddress(cidr(publicCidr)), 1))
  return `${first}/${publicCidr.split('/')[1]}`
}

/** The address by which other hosts reach this one, as far as the host itself can tell. */
async function ownAddress(
  world: World,
  { listen, publicHost }: CloudSettings,
  controller: string | undefined,
): Promise<string> {
  if (controller !== undefined) return sourceTowards(world, controller)
  if (isLoopback(listen)) return '127.0.0.1'
  if (listen !== '0.0.0.0' && listen !== '::') return listen
  if (isLoopback(publicHost)) return '127.0.0.1'
  // Of an address of its own the kernel gives that address; of a load balancer's, the one that leads there.
  const found = await sourceTowards(world, publicHost)
  // Debian's installer lets a machine's own name lead to 127.0.1.1: others find it where its default route begins.
  return isLoopback(found) ? sourceTowards(world, anywhere).catch(() => found) : found
}

/** Of a block for documentation, which no route but the default one leads to (RFC 5737). Nothing is sent there. */
const anywhere = '192.0.2.1'

/** Where the kernel would send from to get there. */
async function sourceTowards(world: World, host: string): Promise<string> {
  const address = parseAddress(host) ? host : await resolve(world, host)
  const { code, stdout, stderr } = await world.processes.run('ip', ['-j', 'route', 'get', address])
  const source = code === 0 ? (JSON.parse(stdout) as { prefsrc?: string }[])[0]?.prefsrc : undefined
  if (source) return source
  throw new CloudError(
    'unavailable',
    `No way from this host to ${host} is known (${stderr.trim()}): set agent.local_ip in nimbo.yaml.`,
  )
}

async function resolve(world: World, name: string): Promise<string> {
  const { stdout } = await world.processes.run('getent', ['ahostsv4', name])
  const address = stdout.split(/\s/)[0]
  if (address) return address
  throw new CloudError('unavailable', `The name ${name} has no address: set agent.local_ip in nimbo.yaml.`)
}
