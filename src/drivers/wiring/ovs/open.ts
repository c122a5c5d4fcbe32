// The Open vSwitch driver, put together. Parts: service (the daemons), switch (their database), bridge, underlay, port,
// namespace, apply (VLANs, tunnels, flows), watch (restarts), destroy.
import { fullMessage } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { Change } from '#kit/ovsdb/replica.ts'
import { mapOf } from '#kit/ovsdb/value.ts'
import type { World } from '#kit/world/world.ts'
import type { WiringDriver, WiringEvent } from '../driver.ts'
import { applyWiring } from './apply.ts'
import { prepareBridges } from './bridge.ts'
import { bridgeNames, cloudTag, type OvsContext } from './context.ts'
import { destroyWiring } from './destroy.ts'
import { openHost } from './host.ts'
import { ensureNamespace, listNamespaces, removeNamespace, runIn, startIn } from './namespace.ts'
import { ourPorts, plugTap, plugVeth, sweepDevices, toLivePort, unplugPorts } from './port.ts'
import { namespaceProcesses, signalProcess, watchProcesses } from './process.ts'
import {
  databaseSocket,
  probeDatapath,
  reviveOpenVswitch,
  type ServicePlaces,
  startOpenVswitch,
  systemPlaces,
} from './service.ts'
import { openSwitch, usableOfport } from './switch.ts'
import { type Watch, watchSwitch } from './watch.ts'

export type OvsOptions = {
  /** Of this cloud, in every tag; letters, digits and dashes. */
  cloudId: string
  /** Of this cloud; a process whose command line names it is ours. */
  dataFolder: string
  /** Appended to the names of br-int and br-tun; a second cloud on the host needs one. */
  bridgeSuffix?: string
  places?: ServicePlaces
  /** Undefined: 'system' where the kernel has it, else 'netdev'. */
  datapath?: 'system' | 'netdev'
  /** For tests: a namespace that plays the host. */
  hostNamespace?: string
}

export async function openOvsWiring(world: World, log: Log, options: OvsOptions): Promise<WiringDriver> {
  const places = options.places ?? systemPlaces
  const host = openHost(world, options.hostNamespace)
  await startOpenVswitch(host, log, places)
  const datapath = options.datapath ?? (await probeDatapath(host, log, places))
  const listeners = new Set<(event: WiringEvent) => void>()
  const tell = (event: WiringEvent) => {
    for (const listen of listeners) listen(event)
  }
  // Both the database's and the switch's connection may end at once; the daemons are started once.
  let reviving: Promise<void> | undefined
  const revive = (): Promise<void> => {
    reviving ??= reviveOpenVswitch(host, log, places)
      .catch((error: unknown) => {
        log.error({ error: fullMessage(error) }, 'Open vSwitch could not be started again; it will be tried')
        throw error
      })
      .finally(() => {
        reviving = undefined
      })
    return reviving
  }
  const context: OvsContext = {
    world,
    log,
    host,
    places,
    datapath,
    cloudId: options.cloudId,
    dataFolder: options.dataFolder,
    stateFolder: `${options.dataFolder}/wiring`,
    names: bridgeNames(options.bridgeSuffix ?? ''),
    prepared: { physicalNetworks: {} },
    applied: new Map(),
    routedPeers: undefined,
    reservedOfports: new Set(),
    cookie: cookieOf(options.cloudId),
    switch: await openSwitch(world, log, databaseSocket(places), {
      changed: (changes) => tellChanges(options.cloudId, changes, tell),
      lost: revive,
      reconnected: () => tell({ kind: 'reset', reason: "Open vSwitch's database was started again" }),
    }),
  }
  const daemons = watchProcesses(world, ({ namespace }) => tell({ kind: 'ended', namespace }))
  let watch: Watch | undefined
  /** One at a time: two at once would choose the same VLAN for two networks. */
  let applying: Promise<unknown> = Promise.resolve()
  const startWatch = () => {
    watch?.stop()
    watch = watchSwitch(world, log, `${places.runFolder}/${context.names.integration}.mgmt`, {
      async lost() {
        context.applied.clear()
        await revive()
      },
      async back() {
        context.applied.clear()
        context.routedPeers = undefined
        await context.switch.settled()
        // In user space the bridges' own devices are new ones, without their addresses.
        await prepareBridges(context, context.prepared)
        tell({ kind: 'reset', reason: 'ovs-vswitchd was started again' })
      },
    })
  }

  return {
    info: () => ({
      driver: 'ovs',
      datapath,
      version: context.switch.version,
      ...(context.prepared.tunnel ? { tunnelIp: context.prepared.tunnel.localIp } : {}),
      tunnelTypes: context.prepared.tunnel?.types ?? [],
      bridgeMappings: Object.fromEntries(
        Object.entries(context.prepared.physicalNetworks).map(([name, { bridge }]) => [name, bridge]),
      ),
    }),
    async prepare(wanted) {
      await prepareBridges(context, wanted)
      await sweepDevices(context)
      startWatch()
    },
    plugPort: (port, tap) => plugTap(context, port, tap),
    plugIntoNamespace: (port, device) => plugVeth(context, port, device),
    unplugPort: (portId) => unplugPorts(context, [portId]),
    list: async () => ourPorts(context).map(toLivePort),
    applyWiring(desired, how) {
      const turn = applying.then(() => applyWiring(context, desired, how?.verify ?? false))
      applying = turn.catch(() => {})
      return turn
    },
    ensureNamespace: (name) => ensureNamespace(context, name),
    removeNamespace: (name) => removeNamespace(context, name),
    namespaces: () => listNamespaces(context),
    runIn: (namespace, command, args, how) => runIn(context, namespace, command, args, how),
    startIn: (namespace, command, args, how) => startIn(context, namespace, command, args, how),
    async processes() {
      const running = await namespaceProcesses(context)
      daemons.saw(running)
      return running
    },
    signal: (process, signal) => signalProcess(context, process, signal),
    events(listen) {
      listeners.add(listen)
      return () => void listeners.delete(listen)
    },
    async destroyAll() {
      watch?.stop()
      daemons.stop()
      await destroyWiring(context)
    },
    async close() {
      watch?.stop()
      daemons.stop()
      context.switch.close()
    },
  }
}

function tellChanges(cloudId: string, changes: readonly Change[], tell: (event: WiringEvent) => void): void {
  for (const { table, old, now } of changes) {
    if (table !== 'Interface') continue
    const ids = mapOf((now ?? old)?.external_ids)
    const portId = ids['iface-id']
    if (ids[cloudTag] !== cloudId || portId === undefined) continue
    const had = old !== undefined && usableOfport(old) > 0
    const has = now !== undefined && usableOfport(now) > 0
    if (!now || (had && !has)) tell({ kind: 'disappeared', portId })
    else if (has && (!had || old.ofport !== now.ofport)) tell({ kind: 'appeared', portId })
    else if (had) tell({ kind: 'changed', portId })
  }
}

/** Never 0, which is everybody's: FNV-1a of the cloud's id under a fixed first word. */
function cookieOf(cloudId: string): string {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(cloudId)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return `0x6e696d62${hash.toString(16).padStart(8, '0')}`
}
