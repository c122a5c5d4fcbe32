// A simulated host network: it remembers what a real one would do and says whether a packet would pass.
// Its state lies in a fabric outside the driver, so a driver opened again finds what the last one left.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { StartedProcess, World } from '#kit/world/world.ts'
import { deviceName, type LivePort, type WiringDriver, type WiringEvent } from '../driver.ts'
import { reach, type SimPacket } from './reach.ts'
import { hostOf, type SimFabric, type SimHost, type SimPort, type SimProcess, simFabric } from './state.ts'

export type SimWiringOptions = {
  /** Shared by the hosts of one simulated cloud; by default the host is alone. */
  fabric?: SimFabric
  /** By default the world's host name. */
  host?: string
}

export type SimWiring = WiringDriver & {
  /** 'ok', or the reason why the packet would be dropped. */
  reach(packet: SimPacket): string
  /** Everything on this host: what a leak test compares. */
  inventory(): string[]
  /** The `nth` call of the operation from now (1 is the next) fails, once; `when` says on which side of its effect. */
  fail(operation: SimOperation, nth?: number, when?: 'before' | 'after'): void
}

export type SimOperation =
  | 'prepare'
  | 'plugPort'
  | 'plugIntoNamespace'
  | 'unplugPort'
  | 'applyWiring'
  | 'ensureNamespace'
  | 'removeNamespace'
  | 'runIn'
  | 'startIn'

type Fault = { operation: SimOperation; left: number; when: 'before' | 'after' }

export function openSimWiring(world: World, options: SimWiringOptions = {}): SimWiring {
  const fabric = options.fabric ?? simFabric()
  const host = hostOf(fabric, options.host ?? world.host.name)
  const listeners = new Set<(event: WiringEvent) => void>()
  const faults: Fault[] = []
  let nextPid = 100_000

  const tell = (event: WiringEvent) => {
    for (const listen of listeners) listen(event)
  }
  const perform = async <T>(operation: SimOperation, effect: () => T): Promise<T> => {
    const asked = faults.filter((one) => one.operation === operation)
    for (const one of asked) one.left--
    const fault = asked.find((one) => one.left === 0)
    if (fault) faults.splice(faults.indexOf(fault), 1)
    const failure = () => new CloudError('internal', `the simulated host failed at ${operation}`)
    if (fault?.when === 'before') throw failure()
    const result = effect()
    if (fault?.when === 'after') throw failure()
    return result
  }
  const keep = (port: SimPort): LivePort => {
    const known = host.ports.get(port.identity.portId)
    host.ports.set(port.identity.portId, { ...port, localVlan: known?.localVlan ?? 0 })
    if (!known) tell({ kind: 'appeared', portId: port.identity.portId })
    return toLivePort(host.ports.get(port.identity.portId)!)
  }
  const drop = (portId: string) => {
    if (host.ports.delete(portId)) tell({ kind: 'disappeared', portId })
  }
  const namespace = (name: string) => {
    const found = host.namespaces.get(name)
    if (!found) throw new CloudError('notFound', `There is no network namespace '${name}'`)
    return found
  }

  return {
    info: () => ({
      driver: 'sim',
      datapath: 'simulated',
      version: '1',
      ...(host.prepared.tunnel ? { tunnelIp: host.prepared.tunnel.localIp } : {}),
      tunnelTypes: host.prepared.tunnel?.types ?? [],
      bridgeMappings: Object.fromEntries(
        Object.entries(host.prepared.physicalNetworks).map(([name, { bridge }]) => [name, bridge]),
      ),
    }),
    prepare: (wanted) =>
      perform('prepare', () => {
        host.prepared = wanted
      }),
    plugPort: (identity) =>
      perform('plugPort', () =>
        keep({ identity, device: deviceName(identity), kind: 'tap', addresses: [], localVlan: 0 }),
      ),
    plugIntoNamespace: (identity, device) =>
      perform('plugIntoNamespace', () => {
        namespace(device.namespace)
        return keep({ identity, device: deviceName(identity), kind: 'namespace', localVlan: 0, ...device })
      }),
    unplugPort: (portId) => perform('unplugPort', () => drop(portId)),
    list: async () => [...host.ports.values()].map(toLivePort),

    applyWiring: (desired) =>
      perform('applyWiring', () => {
        const before = JSON.stringify(host.wiring)
        host.wiring = structuredClone(desired)
        const present = desired.ports.filter((port) => host.ports.has(port.portId))
        giveVlans(
          host,
          present.map(({ portId, networkId }) => ({ portId, networkId })),
        )
        return {
          wired: present.map(({ portId, generation }) => ({ portId, generation })),
          absent: desired.ports.filter((port) => !present.includes(port)).map((port) => port.portId),
          changes: before === JSON.stringify(host.wiring) ? 0 : 1,
        }
      }),

    ensureNamespace: (name) =>
      perform('ensureNamespace', () => {
        if (!host.namespaces.has(name)) host.namespaces.set(name, { processes: [], commands: [] })
      }),
    removeNamespace: (name) =>
      perform('removeNamespace', () => {
        for (const process of [...(host.namespaces.get(name)?.processes ?? [])]) process.end('SIGTERM')
        for (const port of [...host.ports.values()]) if (port.namespace === name) drop(port.identity.portId)
        host.namespaces.delete(name)
      }),
    namespaces: async () => [...host.namespaces.keys()].sort(),
    runIn: (name, command, args) =>
      perform('runIn', () => {
        namespace(name).commands.push([command, ...args])
        return { code: 0, signal: null, stdout: '', stderr: '' }
      }),
    startIn: (name, command, args) =>
      perform('startIn', () => startProcess(namespace(name).processes, nextPid++, command, [...args])),
    processes: async () =>
      [...host.namespaces].flatMap(([name, { processes }]) =>
        processes.map(({ pid, command, args }) => ({
          namespace: name,
          pid,
          startTicks: 0,
          command: [command, ...args],
        })),
      ),
    async signal({ namespace: name, pid }, signal) {
      const found = host.namespaces.get(name)?.processes.find((process) => process.pid === pid)
      found?.signals.push(signal)
      if (signal === 'SIGTERM' || signal === 'SIGKILL') found?.end(signal)
      return found !== undefined
    },

    events(listen) {
      listeners.add(listen)
      return () => void listeners.delete(listen)
    },
    async destroyAll() {
      for (const { processes } of host.namespaces.values())
        for (const process of [...processes]) process.end('SIGTERM')
      host.namespaces.clear()
      for (const portId of [...host.ports.keys()]) drop(portId)
      host.wiring = undefined
      host.prepared = { physicalNetworks: {} }
    },
    async close() {
      listeners.clear()
    },

    reach: (packet) => reach(fabric, packet),
    inventory: () => [
      ...[...host.ports.values()].map((port) =>
        `port ${port.device} ${port.kind} ${port.namespace ?? ''}`.trim(),
      ),
      ...[...host.namespaces].flatMap(([name, { processes }]) => [
        `namespace ${name}`,
        ...processes.map((process) => `process ${process.command} in ${name}`),
      ]),
    ],
    fail: (operation, nth = 1, when = 'before') => void faults.push({ operation, left: nth, when }),
  }
}

function startProcess(processes: SimProcess[], pid: number, command: string, args: string[]): StartedProcess {
  let end: (signal: string) => void = () => {}
  const exited = new Promise<{ code: null; signal: string }>((resolve) => {
    end = (signal) => {
      const at = processes.findIndex((process) => process.pid === pid)
      if (at >= 0) processes.splice(at, 1)
      resolve({ code: null, signal })
    }
  })
  processes.push({ pid, command, args, signals: [], end })
  return { pid, exited, kill: (signal = 'SIGTERM') => end(signal) }
}

/** As on a real host: a network keeps its number while a port of it is here. */
function giveVlans(host: SimHost, present: readonly { portId: string; networkId: string }[]): void {
  const wanted = new Map(present.map(({ portId, networkId }) => [portId, networkId]))
  const vlans = new Map<string, number>()
  for (const port of host.ports.values()) {
    if (!wanted.has(port.identity.portId)) port.localVlan = 0
    else if (port.localVlan > 0) vlans.set(port.identity.networkId, port.localVlan)
  }
  for (const [portId, networkId] of wanted) {
    const taken = new Set(vlans.values())
    let free = 1
    while (taken.has(free)) free++
    if (!vlans.has(networkId)) vlans.set(networkId, free)
    host.ports.get(portId)!.localVlan = vlans.get(networkId)!
  }
}

function toLivePort(port: SimPort): LivePort {
  const { portId, networkId, mac, deviceId } = port.identity
  return {
    portId,
    networkId,
    mac,
    device: port.device,
    kind: port.kind,
    ...(port.namespace === undefined ? {} : { namespace: port.namespace }),
    deviceId,
    localVlan: port.localVlan,
    ready: true,
  }
}
