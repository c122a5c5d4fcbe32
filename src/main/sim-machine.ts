// A simulated machine: its guests and its network, joined here, as neither driver knows the other. It stands for hardware
// and kernel: agents on it are killed and started again, and find everything as it was.
import { openSimGuests, type SimGuest, type SimGuests, type SimGuestsOptions } from '#drivers/virt/load.ts'
import { openHostNetwork, type SimFabric } from '#drivers/wiring/load.ts'
import type { World } from '#kit/world/world.ts'

export type SimMachineOptions = Omit<SimGuestsOptions, 'network' | 'stateFile' | 'folder'> & {
  /** One for all machines of a cloud. */
  fabric: SimFabric
  /** Of the host: guests' state and their screens' sockets lie in it. */
  folder: string
  /** Guests are kept in `folder` over restarts of the process; true unless said. */
  kept?: boolean
}

export type SimMachine = {
  readonly name: string
  /** For `loadVirtDriver('sim', world, log, { folder, host: name, machine: guests })`. */
  readonly guests: SimGuests
  /** For `loadWiringDriver('sim', world, log, { fabric, host: name })`. */
  readonly fabric: SimFabric
  guest(id: string): SimGuest | undefined
  /** Guests die and are found shut down; taps, namespaces and their processes are gone; agents can do nothing. */
  powerOff(): void
  powerOn(): void
  /** All that is in memory is in files. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** `world`: the machine's own, whose clock guests live by; agents have theirs. */
export async function openSimMachine(world: World, options: SimMachineOptions): Promise<SimMachine> {
  const { fabric, kept = true, ...rest } = options
  const network = openHostNetwork(fabric, options.name, world)
  const guests = await openSimGuests(world, {
    ...rest,
    network: network.cards,
    ...(kept && { stateFile: `${options.folder}/guests.log` }),
  })
  return {
    name: options.name,
    guests,
    fabric,
    guest: (id) => guests.guest(id),
    powerOff() {
      network.powerOff()
      guests.powerOff()
    },
    powerOn() {
      network.powerOn()
      guests.powerOn()
    },
    flush: () => guests.flush(),
    close: () => guests.close(),
  }
}
