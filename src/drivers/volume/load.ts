// The table of volume drivers.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { World } from '#kit/world/world.ts'
import type { VolumeDriver, VolumeOptions } from './driver.ts'

export type * from './driver.ts'
export type { SimVolumes } from './sim/sim.ts'

const drivers: Record<
  string,
  () => Promise<(world: World, options: VolumeOptions) => Promise<VolumeDriver>>
> = {
  file: async () => (await import('./file/file.ts')).openFileVolumes,
  sim: async () => (await import('./sim/sim.ts')).openSimVolumes,
}

export async function loadVolumeDriver(
  name: string,
  world: World,
  options: VolumeOptions,
): Promise<VolumeDriver> {
  const load = drivers[name]
  if (!load)
    throw new CloudError(
      'badRequest',
      `There is no volume driver '${name}'; known: ${Object.keys(drivers).join(', ')}.`,
    )
  return (await load())(world, options)
}
