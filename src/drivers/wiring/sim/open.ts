// The wiring driver of a simulated host. What it does is kept in the fabric, outside of it: a driver opened again finds what
// the last one left.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { LivePort, WiringDriver, WiringEvent } from '../driver.ts'
import { runCommand } from './command.ts'
import {
  applyWiring,
  clearHost,
  hostOf,
  putNamespace,
  putPort,
  removeNamespace,
  removePort,
  simFabric,
} from './fabric.ts'
import { signalProcess, startProcess } from './process.ts'
import { reach, type SimPacket } from './reach.ts'
import type { SimFabric, SimPort } from './state.ts'

export type SimWiringOptions = {
  /** Shared by the hosts of one simulated cloud; by default the host is alone. */
  fabric?: SimFabric
  /** By default the world's host name. */
  host?: string
}

export type SimWiring = WiringDriver & {
  /** 'ok', or the reason why the switches would drop the packet. */
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
  const host = hostOf(fabric, options.host ?? world.host.name, world)
  const listeners = new Set<(event: WiringEvent) => void>()
  const faults: Fault[] = []
  host.tell = (event) => {
    for (const listen of listeners) listen(event)
  }

  const perform = async <T>(operation: SimOperation, effect: () => T): Promise<T> => {
    const asked = faults.filter((one) => one.operation === operation)
    for (const one of asked) one.left--
    const fault = asked.find((one) => one.left === 0)
    if (fault) faults.splice(faults.indexOf(fault), 1)
    const failure = () => new CloudError('internal', `the simulated host failed at ${operation}`)
    if (fault?.when === 'before') throw failure()
    if (!host.powered) throw new CloudError('unavailable', `Host ${host.name} is without power`)
    const result = effect()
    if (fault?.when === 'after') throw failure()
    return result
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
    plugPort: (identity) => perform('plugPort', () => toLivePort(putPort(fabric, host, identity, undefined))),
    plugIntoNamespace: (identity, device) =>
      perform('plugIntoNamespace', () => {
        namespace(device.namespace)
        return toLivePort(putPort(fabric, host, identity, device))
      }),
    unplugPort: (portId) => perform('unplugPort', () => removePort(fabric, host, portId)),
    list: async () => [...host.ports.values()].map(toLivePort),

    applyWiring: (desired) => perform('applyWiring', () => applyWiring(fabric, host, desired)),

    ensureNamespace: (name) => perform('ensureNamespace', () => putNamespace(host, name)),
    removeNamespace: (name) => perform('removeNamespace', () => removeNamespace(fabric, host, name)),
    namespaces: async () => [...host.namespaces.keys()].sort(),
    runIn: (name, command, args, given) =>
      perform('runIn', () =>
        runCommand(namespace(name), command, args, Buffer.from(given?.input ?? '').toString()),
      ),
    startIn: (name, command, args, given) =>
      perform('startIn', () => startProcess(host, namespace(name), command, args, given)),
    processes: async () =>
      [...host.namespaces.values()].flatMap(({ name, processes }) =>
        processes.map(({ pid, command, args }) => ({
          namespace: name,
          pid,
          startTicks: 0,
          command: [command, ...args],
        })),
      ),
    async signal({ namespace: name, pid }, signal) {
      const found = host.namespaces.get(name)?.processes.find((process) => process.pid === pid)
      if (found) signalProcess(host, found, signal)
      return found !== undefined
    },

    events(listen) {
      listeners.add(listen)
      return () => void listeners.delete(listen)
    },
    destroyAll: async () => clearHost(fabric, host),
    async close() {
      listeners.clear()
    },

    reach: (packet) => reach(fabric, packet),
    inventory: () => [
      ...[...host.ports.values()].map((port) =>
        `port ${port.device} ${port.kind} ${port.namespace ?? ''}`.trim(),
      ),
      ...[...host.namespaces.values()].flatMap(({ name, processes }) => [
        `namespace ${name}`,
        ...processes.map((process) => `process ${process.command} in ${name}`),
      ]),
    ],
    fail: (operation, nth = 1, when = 'before') => void faults.push({ operation, left: nth, when }),
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
