// The table of virt drivers: the only door through which agents reach one.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import type { VirtDriver, VirtOptions } from './driver.ts'

export type * from './driver.ts'
export type { SimVirtDriver } from './sim/sim.ts'

const drivers: Record<
  string,
  () => Promise<(world: World, log: Log, options: VirtOptions) => Promise<VirtDriver>>
> = {
  qemu: async () => (await import('./qemu/qemu.ts')).openQemuDriver,
  sim: async () => (await import('./sim/sim.ts')).openSimDriver,
}

const virtDriverNames = Object.keys(drivers)

/** Opens the driver and adopts the guests that run already. */
export async function loadVirtDriver(
  name: string,
  world: World,
  log: Log,
  options: VirtOptions,
): Promise<VirtDriver> {
  const load = drivers[name]
  if (!load)
    throw new CloudError(
      'badRequest',
      `There is no virt driver '${name}'; known: ${virtDriverNames.join(', ')}.`,
    )
  return (await load())(world, log, options)
}
