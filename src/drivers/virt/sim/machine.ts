// A simulated machine's guests: they are the machine's, not an agent's. Agents come, go and are killed, and find them again;
// with a folder they outlive the process, too.
import type { CardNetwork } from '#contracts/simulated-card.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Cancel, World } from '#kit/world/world.ts'
import type { GuestEvent, GuestEventKind, GuestSpec } from '../driver.ts'
import { Guest, type GuestParts, type SimGuest } from './guest.ts'
import { openScreen } from './screen.ts'
import { openStateLog, type StateLog } from './state-log.ts'

export type SimGuestsOptions = {
  name: string
  /** Where their screens' sockets lie. */
  folder: string
  /** Keeps guests over restarts of the process; without, they are in memory alone. */
  stateFile?: string
  /** Where guests' cards go; without, they hear nothing. */
  network?: CardNetwork
  /** The machine was without power: guests that ran are found shut down. */
  cold?: boolean
  /** What was made and removed is synced to the disk before it is answered. */
  durable?: boolean
  /** Of a boot's usual time (about 4 s): 2 takes twice as long, 0 none. */
  pace?: number
  /** Milliseconds from an order to start until the guest runs. */
  startDelayMs?: number
  resources?: { vcpus?: number; memoryMb?: number; diskGb?: number }
}

export type SimGuests = {
  readonly world: World
  readonly options: SimGuestsOptions
  readonly images: Set<string>
  readonly screens: ReturnType<typeof openScreen>
  guest(id: string): Guest | undefined
  all(): Guest[]
  /** Makes it, or gives one that is there a new definition. */
  define(spec: GuestSpec): Guest
  remove(id: string): Promise<void>
  keepImage(id: string): void
  /** Whoever listens last is told alone: an earlier agent is gone. */
  listen(tell: (event: GuestEvent) => void): void
  /** All that is in memory is in files. */
  flush(): Promise<void>
  /** The machine loses its power, and so do its guests. */
  powerOff(): void
  powerOn(): void
  readonly powered: boolean
  /** Lets go of them; opened again, they go on. */
  close(): Promise<void>
}
export type { SimGuest }

export async function openSimGuests(world: World, options: SimGuestsOptions): Promise<SimGuests> {
  const guests = new Map<string, Guest>()
  const images = new Set<string>()
  let tell: (event: GuestEvent) => void = () => {}
  let powered = true
  const renewals = openRenewals(world, guests)
  const state = await openState()
  const screens = openScreen(world, options.folder)

  async function openState(): Promise<StateLog | undefined> {
    const { stateFile: path } = options
    if (path === undefined) return undefined
    await world.files.makeFolder(path.slice(0, path.lastIndexOf('/')))
    return openStateLog(world, {
      path,
      durable: options.durable ?? false,
      all: () => ({
        images: [...images],
        guests: [...guests.values()].map((each) => ({
          spec: each.spec,
          memory: each.memory,
          console: each.console(),
        })),
      }),
    })
  }

  const parts: GuestParts = {
    world,
    network: options.network,
    pace: options.pace ?? 1,
    emit(guest: Guest, kind: GuestEventKind, reason: string) {
      if (kind === 'stopped' || kind === 'crashed') void screens.hide(guest.id)
      tell({ id: guest.id, kind, power: guest.power, at: world.clock.now(), reason })
    },
    changed: (guest) => state?.note(guest.id, { memory: guest.memory }),
    wrote: (guest, added) => state?.note(guest.id, added === undefined ? { cut: true } : { out: added }),
    renewAt: (guest, at) => renewals.at(guest.id, at),
  }
  for (const id of state?.images ?? []) images.add(id)
  for (const kept of state?.guests ?? []) {
    const guest = new Guest(parts, kept.spec, kept)
    guests.set(guest.id, guest)
    if (!options.cold) guest.goOn()
    else if (guest.power === 'running' || guest.power === 'paused') {
      Object.assign(guest.memory, { power: 'shutdown', stage: 'off', leases: {} })
      parts.changed(guest)
    }
  }

  return {
    world,
    options,
    images,
    screens,
    guest: (id) => guests.get(id),
    all: () => [...guests.values()],
    define(given) {
      const spec = remembered(given)
      const known = guests.get(spec.id)
      if (known) known.spec = spec
      const guest = known ?? new Guest(parts, spec)
      guests.set(spec.id, guest)
      state?.note(spec.id, { spec, memory: guest.memory })
      return guest
    },
    async remove(id) {
      const guest = guests.get(id)
      if (!guest) return
      guest.stop('stopped', 'the guest was destroyed')
      guests.delete(id)
      renewals.forget(id)
      state?.note(id, { gone: true })
      await state?.flush()
    },
    keepImage(id) {
      images.add(id)
      state?.noteImage(id)
    },
    listen: (given) => {
      tell = given
    },
    flush: async () => state?.flush(),
    get powered() {
      return powered
    },
    powerOff() {
      powered = false
      for (const guest of guests.values()) {
        guest.vanish()
        if (guest.power !== 'running' && guest.power !== 'paused') continue
        Object.assign(guest.memory, { power: 'shutdown', stage: 'off', leases: {} })
        parts.changed(guest)
      }
    },
    powerOn() {
      powered = true
    },
    async close() {
      renewals.stop()
      for (const guest of guests.values()) guest.vanish()
      await screens.close()
      await state?.flush()
    },
  }
}

/** Of a config drive only what a guest reads here. */
function remembered(spec: GuestSpec): GuestSpec {
  if (!spec.configDrive) return spec
  const read = ['openstack/latest/meta_data.json', 'openstack/latest/user_data']
  const kept = read.flatMap((path) => {
    const file = spec.configDrive?.[path]
    return file === undefined ? [] : [[path, Buffer.from(file).toString()] as const]
  })
  return { ...spec, configDrive: Object.fromEntries(kept) }
}

/** One timer for all leases of the machine: that of the one that is due first. */
function openRenewals(world: World, guests: ReadonlyMap<string, Guest>) {
  const due = new Map<string, number>()
  let next = Number.POSITIVE_INFINITY
  let cancel: Cancel = () => {}
  const schedule = (at: number) => {
    if (at >= next) return
    cancel()
    next = at
    cancel = world.timers.after(Math.max(0, at - world.clock.now()), fire, { background: true })
  }
  const fire = () => {
    next = Number.POSITIVE_INFINITY
    const now = world.clock.now()
    for (const [id, at] of due) {
      if (at > now) continue
      due.delete(id)
      guests.get(id)?.renew()
    }
    schedule(Math.min(...due.values(), Number.POSITIVE_INFINITY))
  }
  return {
    at(id: string, at: number) {
      due.set(id, Math.min(at, due.get(id) ?? at))
      schedule(at)
    },
    forget: (id: string) => void due.delete(id),
    stop: () => cancel(),
  }
}

export function withoutPower(name: string): CloudError {
  return new CloudError('unavailable', `Host ${name} is without power.`)
}
