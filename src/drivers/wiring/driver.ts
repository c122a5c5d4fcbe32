// What a host can do with networks, whatever does it: the compute, L2, DHCP and L3 agents know only this.
// Everything may run twice and converges after a crash at any point; what exists is found again by our own tags.
import type { HostWiring, PortWiring } from '#contracts/network-agent.ts'
import type { RunOptions, RunResult, StartedProcess, StartOptions } from '#kit/world/world.ts'

export type PhysicalNetwork = {
  /** 'br-ex'; made where it is missing. */
  bridge: string
  /** A network card that becomes a port of the bridge; without one the network ends at this host. */
  uplink?: string
  /** With prefix, for the host itself on that network: '172.24.4.1/24'. */
  address?: string
}

export type TunnelType = 'vxlan' | 'gre'

export type TunnelOptions = {
  /** Where this host sends tunnels from: an address of one of its cards, which its operator has set. */
  localIp: string
  types: TunnelType[]
  /**
   * How tunnels leave the host where Open vSwitch runs in user space: it sends and reads frames of tunnels at the card by
   * this bridge, beside the kernel, which keeps the card with its addresses and routes. Without `card` it is the one that
   * holds `localIp`. A kernel datapath routes tunnels as the kernel does everything, and needs none.
   */
  underlay?: { bridge: string; card?: string }
  /** Frames for `HostWiring.remotePorts` go to their host alone, without learning; false unless said. */
  l2Population?: boolean
  /** Questions of ARP for them are answered on this host; needs `l2Population`. */
  arpResponder?: boolean
}

export type PrepareOptions = {
  /** By physical network name: { physnet1: { bridge: 'br-ex' } }. */
  physicalNetworks: Record<string, PhysicalNetwork>
  tunnel?: TunnelOptions
}

/** What is needed of a port before anybody knows how it will be wired. */
export type PortIdentity = Pick<
  PortWiring,
  'portId' | 'networkId' | 'mac' | 'mtu' | 'deviceOwner' | 'deviceId'
>

export type TapOptions = {
  /** Who will open the tap: QEMU's user. */
  ownerUid: number
}

export type NamespaceDevice = {
  namespace: string
  /** With prefix, exactly these besides the link-local ones: '192.168.1.2/24', '169.254.169.254/32'. */
  addresses: string[]
}

/** A port that is on this host now. */
export type LivePort = {
  portId: string
  networkId: string
  mac: string
  device: string
  kind: 'tap' | 'namespace'
  /** Of a namespace port. */
  namespace?: string
  deviceId: string
  /** 0 until it is wired the first time. */
  localVlan: number
  /** False while the device is missing or the switch hasn't taken it. */
  ready: boolean
}

export type WiringResult = {
  /** Ports that are here with their flows in place. */
  wired: { portId: string; generation: number }[]
  /** Wanted, but with no device on this host yet. */
  absent: string[]
  /** Flows added or removed, over all bridges; 0 says that all was as wanted. */
  changes: number
}

/** A process of ours inside a namespace; it outlives whoever started it. */
export type NamespaceProcess = { namespace: string; pid: number; startTicks: number; command: string[] }

export type WiringEvent =
  | { kind: 'appeared' | 'disappeared' | 'changed'; portId: string }
  /** The switch came back empty: everything must be applied again. */
  | { kind: 'reset'; reason: string }
  /** A process that `processes` told of isn't there any more, whoever started it. */
  | { kind: 'ended'; namespace: string }

export type WiringInfo = {
  driver: string
  /** 'system' (kernel) or 'netdev' (user space) for Open vSwitch. */
  datapath: string
  version: string
  /** Of the tunnels; MTUs and agent reports follow from it. */
  tunnelIp?: string
  tunnelTypes: TunnelType[]
  /** 'physnet1' -> 'br-ex' */
  bridgeMappings: Record<string, string>
}

export type WiringDriver = {
  info(): WiringInfo
  /** Builds the bridges. Kind 'conflict' where a bridge of the name belongs to another cloud. */
  prepare(options: PrepareOptions): Promise<void>

  /** Makes a guest's tap and joins it to the switch, unwired: nothing passes before `applyWiring` names it. */
  plugPort(port: PortIdentity, tap: TapOptions): Promise<LivePort>
  /** The same for a device inside a namespace, named by `deviceName`. Run again, it sets addresses and MTU anew. */
  plugIntoNamespace(port: PortIdentity, device: NamespaceDevice): Promise<LivePort>
  /** Takes a port of either kind away, with its device. No error when it is gone. */
  unplugPort(portId: string): Promise<void>
  list(): Promise<LivePort[]>

  /**
   * Makes the host's wiring what is given, all of it: local VLANs, tunnels, forwarding, security groups.
   * Ports that aren't named pass nothing. `verify` looks at the switch itself instead of what was applied last.
   */
  applyWiring(desired: HostWiring, options?: { verify?: boolean }): Promise<WiringResult>

  ensureNamespace(name: string): Promise<void>
  /** Ends our processes in it and removes it with its ports. No error when it is gone. */
  removeNamespace(name: string): Promise<void>
  /** Those that `ensureNamespace` made. */
  namespaces(): Promise<string[]>
  runIn(namespace: string, command: string, args: readonly string[], options?: RunOptions): Promise<RunResult>
  startIn(
    namespace: string,
    command: string,
    args: readonly string[],
    options?: StartOptions,
  ): Promise<StartedProcess>
  /** Ours in all our namespaces, those that an earlier agent started included. */
  processes(): Promise<NamespaceProcess[]>
  /** False where the process has ended. */
  signal(process: NamespaceProcess, signal: NodeJS.Signals): Promise<boolean>

  events(listen: (event: WiringEvent) => void): () => void
  /** Removes every trace of this cloud's networks from the host. */
  destroyAll(): Promise<void>
  /** Lets go; everything goes on forwarding. */
  close(): Promise<void>
}

/** Linux takes 15 characters for a device; Neutron's names have 3 or 4 and the first 11 of the port's id. */
export function deviceName(port: Pick<PortWiring, 'portId' | 'deviceOwner'>): string {
  const prefix =
    port.deviceOwner === 'network:router_gateway'
      ? 'qg-'
      : port.deviceOwner.startsWith('network:router_')
        ? 'qr-'
        : 'tap'
  return prefix + port.portId.slice(0, 11)
}

export function dhcpNamespace(networkId: string): string {
  return `qdhcp-${networkId}`
}

export function routerNamespace(routerId: string): string {
  return `qrouter-${routerId}`
}
