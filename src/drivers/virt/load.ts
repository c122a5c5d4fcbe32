// The table of virt drivers: the only door through which agents reach one.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import type { VirtDriver, VirtOptions } from './driver.ts'
import type { SimGuests, SimGuestsOptions } from './sim/machine.ts'

export type * from './driver.ts'
export type { SimFailure } from './sim/failure.ts'
export type { SimGuest, SimGuests, SimGuestsOptions } from './sim/machine.ts'
export type { SimVirtDriver } from './sim/sim.ts'

/** `machine`: of a simulated host, whose guests outlive the driver. */
export type LoadOptions = VirtOptions & { machine?: SimGuests }

const drivers: Record<
  string,
  () => Promise<(world: World, log: Log, options: LoadOptions) => Promise<VirtDriver>>
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
  options: LoadOptions,
): Promise<VirtDriver> {
  const load = drivers[name]
  if (!load)
    throw new CloudError(
      'badRequest',
      `There is no virt driver '${name}'; known: ${virtDriverNames.join(', ')}.`,
    )
  return (await load())(world, log, options)
}

/** The guests of a simulated machine, to be given to its drivers. */
export async function openSimGuests(world: World, options: SimGuestsOptions): Promise<SimGuests> {
  return (await import('./sim/machine.ts')).openSimGuests(world, options)
}
