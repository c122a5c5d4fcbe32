// The wiring drivers by name. Options are those of the driver that is named.

import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import type { WiringDriver } from './driver.ts'
import type { OvsOptions } from './ovs/open.ts'
import type { SimWiringOptions } from './sim/open.ts'

export * from './daemon.ts'
export * from './driver.ts'
export * from './metadata-proxy.ts'
export { openHostNetwork, type SimHostNetwork, simFabric } from './sim/fabric.ts'
export type { SimWiring } from './sim/open.ts'
export type { SimFabric } from './sim/state.ts'

export type WiringOptions = { ovs: OvsOptions; sim: SimWiringOptions }

const drivers: {
  [Name in keyof WiringOptions]: () => Promise<
    (world: World, log: Log, options: WiringOptions[Name]) => Promise<WiringDriver>
  >
} = {
  ovs: async () => (await import('./ovs/open.ts')).openOvsWiring,
  sim: async () => {
    const { openSimWiring } = await import('./sim/open.ts')
    return async (world, _log, options) => openSimWiring(world, options)
  },
}

export async function loadWiringDriver<Name extends keyof WiringOptions>(
  name: Name,
  world: World,
  log: Log,
  options: WiringOptions[Name],
): Promise<WiringDriver> {
  const load = drivers[name]
  if (!load) throw new CloudError('badRequest', `There is no wiring driver '${name}': use 'ovs' or 'sim'`)
  return (await load())(world, log, options)
}
