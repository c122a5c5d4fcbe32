// What the parts of this driver share: the cloud's names and tags, the host and the switch.
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import type { PrepareOptions } from '../driver.ts'
import type { FlowSet } from './flow/flow.ts'
import type { Host } from './host.ts'
import type { ServicePlaces } from './service.ts'
import type { Switch } from './switch.ts'

/** The tag of everything we make in the switch's database: external_ids:nimbo-cloud=<id>. */
export const cloudTag = 'nimbo-cloud'
/** Neutron's VLAN of ports that nobody has wired yet; no flow ever names it. */
export const deadVlan = 4095

export type OvsContext = {
  world: World
  log: Log
  host: Host
  switch: Switch
  places: ServicePlaces
  cloudId: string
  /** Where the driver remembers its namespaces. */
  stateFolder: string
  /** Processes whose command line names it are ours. */
  dataFolder: string
  datapath: 'system' | 'netdev'
  names: BridgeNames
  /** From the last `prepare`. */
  prepared: PrepareOptions
  /** What was written to each bridge last; cleared when the switch loses its flows. */
  applied: Map<string, FlowSet>
  /** Peers of tunnels to which the switch in user space was told the way; undefined when it has forgotten. */
  routedPeers: ReadonlyMap<string, string> | undefined
  /** Numbers given to ports that are just being plugged. */
  reservedOfports: Set<number>
  /** Marks our flows among others'. */
  cookie: string
}

export type BridgeNames = {
  integration: string
  tunnel: string
  /** Of a patch from br-int to the named bridge, at br-int and at the bridge. */
  patch(bridge: string): { here: string; there: string }
  tunnelPatch: { here: string; there: string }
}

/** A suffix ('-c2') lets a second cloud share the switch. */
export function bridgeNames(suffix: string): BridgeNames {
  return {
    integration: `br-int${suffix}`,
    tunnel: `br-tun${suffix}`,
    patch: (bridge) => ({ here: `int-${bridge}${suffix}`, there: `phy-${bridge}${suffix}` }),
    tunnelPatch: { here: `patch-tun${suffix}`, there: `patch-int${suffix}` },
  }
}

export function aliasOf(context: Pick<OvsContext, 'cloudId'>, portId: string, ownerUid?: number): string {
  return `nimbo:${context.cloudId}:${portId}${ownerUid === undefined ? '' : `:${ownerUid}`}`
}

/** The port of a device of ours, from its alias. */
export function portOfAlias(context: Pick<OvsContext, 'cloudId'>, alias: string): string | undefined {
  const [brand, cloud, portId] = alias.split(':')
  return brand === 'nimbo' && cloud === context.cloudId ? portId : undefined
}
