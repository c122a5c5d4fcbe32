// The table of virt drivers: the only door through which agents reach one.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import type { VirtDriver } from './driver.ts'

export type VirtOptions = {
  /** Where guests' files lie: _base, locks, compute_nodes and a folder per guest. */
  folder: string
  /** This host's name in the cloud. */
  host: string
  /** Who runs guests; ourselves when absent (only sensible where we aren't root). */
  guestUid?: number
  guestGid?: number
  /** 'auto' tries an ordinary guest under KVM and takes software emulation where it stays silent. */
  accel?: 'auto' | 'kvm' | 'tcg'
  /** What the host offers, where it isn't what the host has: vCPUs, MiB, GiB. */
  resources?: { vcpus?: number; memoryMb?: number; diskGb?: number }
  /** Simulated guests: how long, in milliseconds of the world's clock, from create to running. */
  bootDelayMs?: number
  /** Where sockets lie when `folder` is too long for a socket's path (107 bytes). */
  runFolder?: string
}

const drivers: Record<
  string,
  () => Promise<(world: World, log: Log, options: VirtOptions) => Promise<VirtDriver>>
> = {
  qemu: async () => (await import('./qemu/qemu.ts')).openQemuDriver,
  sim: async () => (await import('./sim/sim.ts')).openSimDriver,
}

export const virtDriverNames = Object.keys(drivers)

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
