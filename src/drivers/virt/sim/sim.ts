// The virt driver of a simulated host: an agent's hand on the machine's guests. Tests inject failures and ask for the
// inventory to see that nothing leaked.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { verifiedBytes } from '#kit/image-format/verify.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import {
  type CreateOptions,
  consoleTail,
  domainName,
  type GuestEvent,
  type GuestSpec,
  type GuestState,
  type VirtDriver,
} from '../driver.ts'
import { openFailures, type SimFailure } from './failure.ts'
import type { Guest } from './guest.ts'
import { openSimGuests, type SimGuests, withoutPower } from './machine.ts'

export type SimOptions = {
  host: string
  /** The machine whose guests these are; without, the driver opens one of its own, and closes it. */
  machine?: SimGuests
  /** Of a machine of its own: where state and screens' sockets lie. */
  folder: string
  resources?: { vcpus?: number; memoryMb?: number; diskGb?: number }
  bootDelayMs?: number
  /** Keeps guests of a machine of its own over a restart; in memory alone without. */
  stateFile?: string
}

export type SimInventory = { guests: string[]; images: string[]; volumes: string[]; taps: string[] }

export type SimVirtDriver = VirtDriver & {
  readonly machine: SimGuests
  fail(failure: SimFailure): void
  /** What this host holds: the same before and after a test, or something leaked. */
  inventory(): SimInventory
  /** The guest powers itself off, as by `poweroff` inside it, or dies. */
  guestEnds(id: string, how: 'poweroff' | 'crash'): Promise<void>
}

/** 64 vCPUs, 256 GiB and 4 TiB: enough that who isn't about capacity never meets it, hundreds of small servers included. */
const defaultResources = { vcpus: 64, memoryMb: 262_144, diskGb: 4096 }
const stopTimeoutMs = 60_000
const softRebootTimeoutMs = 120_000
/** A guest that is still booting misses the first press of its power button; Nova repeats it as often. */
const pressAgainMs = 10_000

export async function openSimDriver(world: World, log: Log, options: SimOptions): Promise<SimVirtDriver> {
  const machine = options.machine ?? (await ownMachine(world, options))
  const resources = { ...defaultResources, ...machine.options.resources, ...options.resources }
  const startDelayMs = options.bootDelayMs ?? machine.options.startDelayMs ?? 0
  const fetching = new Map<string, Promise<void>>()
  const listeners = new Set<(event: GuestEvent) => void>()
  const failures = openFailures(world)
  machine.listen((event) => {
    for (const listen of listeners) listen(event)
  })

  const operate: typeof failures.operate = (operation, work) =>
    failures.operate(operation, async () => {
      if (!machine.powered) throw withoutPower(options.host)
      return work()
    })

  function need(id: string): Guest {
    const guest = machine.guest(id)
    if (!guest)
      throw new CloudError('notFound', `This host has no guest ${id}.`, { type: 'InstanceNotFound' })
    return guest
  }

  async function fetchImage(spec: GuestSpec, create: CreateOptions): Promise<void> {
    const image = spec.image
    if (!image || machine.images.has(image.id)) return
    const under = fetching.get(image.id)
    if (under) return under
    const fetch = failures
      .operate('image', async () => {
        if (!create.image)
          throw new CloudError('badRequest', `Image ${image.id} isn't on this host and no source was given.`)
        create.report?.('image.fetch', { imageId: image.id, sizeBytes: image.sizeBytes })
        for await (const _ of verifiedBytes(image, await create.image.open())) create.signal?.throwIfAborted()
        machine.keepImage(image.id)
      })
      .finally(() => fetching.delete(image.id))
    fetching.set(image.id, fetch)
    return fetch
  }

  async function start(guest: Guest): Promise<GuestState> {
    if (guest.power !== 'running' && startDelayMs > 0) await world.timers.sleep(startDelayMs)
    if (machine.guest(guest.id) !== guest)
      throw new CloudError('conflict', `Guest ${guest.id} was destroyed while it started.`)
    guest.start()
    return kept(guest)
  }
  /** The machine answers whoever asks, the agent's own world only who lives: one that was killed meanwhile does no more. */
  const stillAlive = async () => options.machine && world.timers.sleep(0)
  /** An order is answered when what it made of the guest would outlive the process. */
  const kept = async (guest: Guest): Promise<GuestState> => {
    await machine.flush()
    return picture(guest)
  }

  /** True where the guest powered itself off in time. */
  async function asked(guest: Guest, timeoutMs: number): Promise<boolean> {
    const deadline = world.clock.monotonic() + timeoutMs
    while (isOn(guest)) {
      const left = deadline - world.clock.monotonic()
      if (left <= 0) return false
      guest.pressPowerButton()
      await endedWithin(world, guest, Math.min(left, pressAgainMs))
      await stillAlive()
    }
    return true
  }

  const change = async (id: string, kind: 'paused' | 'resumed') => {
    const guest = need(id)
    const [from, to] = kind === 'paused' ? (['running', 'paused'] as const) : (['paused', 'running'] as const)
    if (guest.power === to) return picture(guest)
    if (guest.power !== from) throw new CloudError('conflict', `Guest ${id} is ${guest.power}, not ${from}.`)
    if (kind === 'paused') guest.pause()
    else guest.resume()
    return kept(guest)
  }

  const redefine = (guest: Guest, spec: GuestSpec | undefined) => {
    if (!spec) return
    refuseOlder(guest.spec, spec)
    machine.define(spec)
  }

  return {
    machine,
    info: async () => ({
      driver: 'sim',
      hypervisorType: 'fake',
      hypervisorVersion: 1_000_000,
      hypervisorVersionText: '1.0.0',
      architecture: 'x86_64',
      accel: 'sim',
      cpuModel: 'simulated',
      ...resources,
      capabilities: { hotplugVolume: true, hotplugInterface: true, configDrive: true, vnc: true },
    }),
    list: async () => machine.all().map(picture),
    state: async (id) => {
      const guest = machine.guest(id)
      return guest && picture(guest)
    },

    create: (spec, create = {}) =>
      operate('create', async () => {
        refuseOlder(machine.guest(spec.id)?.spec, spec)
        await fetchImage(spec, create)
        create.signal?.throwIfAborted()
        refuseOlder(machine.guest(spec.id)?.spec, spec)
        const guest = machine.define(spec)
        await machine.flush()
        await stillAlive()
        create.report?.('guest.start', { domain: domainName(spec.number) })
        return start(guest)
      }),
    start: (id, spec) =>
      operate('start', async () => {
        const guest = need(id)
        redefine(guest, spec)
        return guest.power === 'paused' ? change(id, 'resumed') : start(guest)
      }),
    stop: (id, how = {}) =>
      operate('stop', async () => {
        const guest = need(id)
        if (how.graceful) await asked(guest, how.timeoutMs ?? stopTimeoutMs)
        guest.stop('stopped', 'the guest was stopped')
        return kept(guest)
      }),
    reboot: (id, kind, how = {}) =>
      operate('reboot', async () => {
        const guest = need(id)
        redefine(guest, how.spec)
        if (kind === 'soft') await asked(guest, how.timeoutMs ?? softRebootTimeoutMs)
        guest.stop('stopped', 'the guest was restarted')
        if (kind === 'hard') guest.screen.clear()
        return start(guest)
      }),
    pause: (id) => change(id, 'paused'),
    resume: (id) => change(id, 'resumed'),
    destroy: (id) => operate('destroy', () => machine.remove(id)),

    attachVolume: (id, volume) =>
      operate('attachVolume', async () => {
        const { spec } = need(id)
        const others = spec.volumes.filter((one) => one.volumeId !== volume.volumeId)
        machine.define({ ...spec, volumes: [...others, volume] })
        await machine.flush()
      }),
    detachVolume: (id, volumeId) =>
      operate('detachVolume', async () => {
        const { spec } = need(id)
        machine.define({ ...spec, volumes: spec.volumes.filter((one) => one.volumeId !== volumeId) })
        await machine.flush()
      }),
    attachInterface: (id, nic) =>
      operate('attachInterface', async () => {
        const guest = need(id)
        const others = guest.spec.nics.filter((one) => one.portId !== nic.portId)
        machine.define({ ...guest.spec, nics: [...others, nic] })
        if (isOn(guest)) guest.plugCard(nic)
        await machine.flush()
      }),
    detachInterface: (id, portId) =>
      operate('detachInterface', async () => {
        const guest = need(id)
        machine.define({ ...guest.spec, nics: guest.spec.nics.filter((one) => one.portId !== portId) })
        guest.removeCard(portId)
        await machine.flush()
      }),

    consoleOutput: async (id, lines) => consoleTail(need(id).console(), lines),
    consoleSocket: async (id) => {
      if (need(id).power !== 'running')
        throw new CloudError('conflict', `Guest ${id} isn't running: it has no console.`, {
          type: 'InstanceNotReady',
        })
      return machine.screens.socket(id)
    },
    usage: async (id) => {
      const guest = machine.guest(id)
      if (!guest) return undefined
      const { poweredAt, diskFull } = guest.memory
      const ran = guest.power === 'running' ? machine.world.clock.now() - poweredAt : 0
      const { memoryMb, rootGb } = guest.spec
      // A simulated guest keeps one vCPU at one per cent.
      return {
        id,
        cpuNs: ran * 10_000,
        memoryMb,
        residentBytes: 0,
        diskBytes: diskFull ? rootGb * 2 ** 30 : 0,
      }
    },

    events: (listen) => {
      listeners.add(listen)
      return () => void listeners.delete(listen)
    },
    close: async () => {
      listeners.clear()
      await machine.flush()
      if (!options.machine) await machine.close()
      log.debug({ host: options.host, guests: machine.all().length }, 'let go of the simulated guests')
    },

    fail: failures.fail,
    inventory: () => {
      const specs = machine.all().map((guest) => guest.spec)
      return {
        guests: specs.map((spec) => spec.id).sort(),
        images: [...machine.images].sort(),
        volumes: specs.flatMap((spec) => spec.volumes.map((volume) => volume.volumeId)).sort(),
        taps: specs.flatMap((spec) => spec.nics.map((nic) => nic.tap)).sort(),
      }
    },
    guestEnds: async (id, how) => need(id).end(how),
  }
}

/** For a driver that is opened alone: nothing leads from its guests' cards anywhere. */
function ownMachine(world: World, { host, folder, stateFile, resources }: SimOptions): Promise<SimGuests> {
  return openSimGuests(world, { name: host, folder, stateFile, resources })
}

function isOn(guest: Guest): boolean {
  return guest.power === 'running' || guest.power === 'paused'
}

async function endedWithin(world: World, guest: Guest, ms: number): Promise<void> {
  const late = new AbortController()
  await Promise.race([guest.ended(), world.timers.sleep(ms, { signal: late.signal }).catch(() => {})])
  late.abort()
}

function refuseOlder(known: GuestSpec | undefined, asked: GuestSpec): void {
  if (known && asked.generation < known.generation) {
    throw new CloudError(
      'conflict',
      `Guest ${asked.id} is at generation ${known.generation}; ${asked.generation} is older.`,
    )
  }
}

function picture({ spec, power }: Guest): GuestState {
  return {
    id: spec.id,
    number: spec.number,
    domain: domainName(spec.number),
    generation: spec.generation,
    power,
    nics: spec.nics.map(({ portId, mac, tap }) => ({ portId, mac, tap })),
    volumes: spec.volumes.map(({ volumeId, device }) => ({ volumeId, device })),
  }
}
