// What simulated hosts hold. A fabric joins the hosts of one simulated cloud: tunnels and physical networks between them.
import type { HostWiring, PortWiring } from '#contracts/network-agent.ts'
import type { PortIdentity, PrepareOptions } from '../driver.ts'

export type SimPort = {
  identity: PortIdentity
  device: string
  kind: 'tap' | 'namespace'
  namespace?: string
  addresses: string[]
  localVlan: number
}

export type SimProcess = {
  pid: number
  command: string
  args: string[]
  signals: string[]
  end(signal: string): void
}

export type SimHost = {
  name: string
  prepared: PrepareOptions
  ports: Map<string, SimPort>
  namespaces: Map<string, { processes: SimProcess[]; commands: string[][] }>
  /** As applied last. */
  wiring: HostWiring | undefined
}

export type SimFabric = { hosts: Map<string, SimHost> }

export function simFabric(): SimFabric {
  return { hosts: new Map() }
}

export function hostOf(fabric: SimFabric, name: string): SimHost {
  let host = fabric.hosts.get(name)
  if (!host) {
    host = {
      name,
      prepared: { physicalNetworks: {} },
      ports: new Map(),
      namespaces: new Map(),
      wiring: undefined,
    }
    fabric.hosts.set(name, host)
  }
  return host
}

/** A port that is both wanted and here: what the flows of a real switch would stand for. */
export function wiredPort(host: SimHost, portId: string): PortWiring | undefined {
  if (!host.ports.has(portId)) return undefined
  return host.wiring?.ports.find((port) => port.portId === portId && port.adminUp)
}
