// Simulated guests: a state machine per guest, no processes, no root. The state can lie in a file, so that guests
// outlive the agent as real ones do. Tests inject failures and ask for the inventory to see that nothing leaked.
import { CloudError } from '#kit/errors/cloud-error.ts'
import { verifiedBytes } from '#kit/image-format/verify.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import {
  type CreateOptions,
  consoleTail,
  domainName,
  type GuestEvent,
  type GuestEventKind,
  type GuestSpec,
  type GuestState,
  type PowerState,
  type VirtDriver,
} from '../driver.ts'
import { bootLines } from './console.ts'
import { openScreen } from './screen.ts'

export type SimOptions = {
  /** Console sockets lie here, made when first asked for. */
  folder: string
  host: string
  resources?: { vcpus?: number; memoryMb?: number; diskGb?: number }
  bootDelayMs?: number
  /** Keeps guests over a restart of the agent; in memory alone without. */
  stateFile?: string
}

export type SimOperation =
  | 'create'
  | 'image'
  | 'start'
  | 'stop'
  | 'reboot'
  | 'destroy'
  | 'attachVolume'
  | 'detachVolume'
  | 'attachInterface'
  | 'detachInterface'

export type SimFailure = {
  operation: SimOperation
  /** Which of the calls from now on fails; 1 is the next. */
  nth?: number
  /** Before it had an effect or after; the caller sees an error both ways. */
  when?: 'before' | 'after'
  error?: CloudError
}

export type SimInventory = { guests: string[]; images: string[]; volumes: string[]; taps: string[] }

export type SimVirtDriver = VirtDriver & {
  fail(failure: SimFailure): void
  /** What this host holds: the same before and after a test, or something leaked. */
  inventory(): SimInventory
  /** The guest powers itself off, as by `poweroff` inside it, or dies. */
  guestEnds(id: string, how: 'poweroff' | 'crash'): Promise<void>
}

type Guest = { spec: GuestSpec; power: PowerState; console: string; startedAt: number }
type Kept = { guests: Guest[]; images: string[] }

/** 64 vCPUs, 256 GiB and 4 TiB: enough that who isn't about capacity never meets it, hundreds of small servers included. */
const defaultResources = { vcpus: 64, memoryMb: 262_144, diskGb: 4096 }

export async function openSimDriver(world: World, log: Log, options: SimOptions): Promise<SimVirtDriver> {
  const resources = { ...defaultResources, ...options.resources }
  const kept = await readKept(world, options.stateFile)
  const guests = new Map(kept.guests.map((guest) => [guest.spec.id, guest]))
  const images = new Set(kept.images)
  const fetching = new Map<string, Promise<void>>()
  const failures: (SimFailure & { left: number })[] = []
  const listeners = new Set<(event: GuestEvent) => void>()
  const screens = openScreen(world, options.folder)
  let saving = Promise.resolve()

  const save = () => {
    const path = options.stateFile
    if (!path) return Promise.resolve()
    saving = saving.then(async () => {
      const text = JSON.stringify(
        { guests: [...guests.values()], images: [...images] } satisfies Kept,
        asText,
      )
      await world.files.write(`${path}.new`, text)
      await world.files.rename(`${path}.new`, path)
    })
    return saving
  }

  function emit(guest: Guest, kind: GuestEventKind, reason: string) {
    const event: GuestEvent = { id: guest.spec.id, kind, power: guest.power, at: world.clock.now(), reason }
    for (const listen of listeners) listen(event)
  }

  function need(id: string): Guest {
    const guest = guests.get(id)
    if (!guest)
      throw new CloudError('notFound', `This host has no guest ${id}.`, { type: 'InstanceNotFound' })
    return guest
  }

  /** Runs one operation with the failures that tests planned for it. */
  async function operate<T>(operation: SimOperation, work: () => Promise<T>): Promise<T> {
    const due: SimFailure[] = []
    for (const failure of failures.filter((one) => one.operation === operation)) {
      failure.left -= 1
      if (failure.left > 0) continue
      failures.splice(failures.indexOf(failure), 1)
      due.push(failure)
    }
    const raise = (failure: SimFailure) => {
      throw failure.error ?? new CloudError('internal', `The simulated host failed at ${operation}.`)
    }
    for (const failure of due) if (failure.when !== 'after') raise(failure)
    const result = await world.activity.track(work())
    for (const failure of due) raise(failure)
    return result
  }

  async function fetchImage(spec: GuestSpec, create: CreateOptions): Promise<void> {
    const image = spec.image
    if (!image || images.has(image.id)) return
    const under = fetching.get(image.id)
    if (under) return under
    const fetch = operate('image', async () => {
      if (!create.image)
        throw new CloudError('badRequest', `Image ${image.id} isn't on this host and no source was given.`)
      create.report?.('image.fetch', { imageId: image.id, sizeBytes: image.sizeBytes })
      for await (const _ of verifiedBytes(image, await create.image.open())) create.signal?.throwIfAborted()
      images.add(image.id)
    }).finally(() => fetching.delete(image.id))
    fetching.set(image.id, fetch)
    return fetch
  }

  async function boot(guest: Guest): Promise<void> {
    if (running(guest)) return
    if (options.bootDelayMs) await world.timers.sleep(options.bootDelayMs)
    if (guests.get(guest.spec.id) !== guest)
      throw new CloudError('conflict', `Guest ${guest.spec.id} was destroyed while it started.`)
    if (running(guest)) return // another call was faster
    guest.power = 'running'
    guest.startedAt = world.clock.now()
    guest.console += `${guest.console ? '\n' : ''}${bootLines(guest.spec)}`
    await save()
    emit(guest, 'started', 'the guest was started')
  }

  async function halt(guest: Guest, kind: 'stopped' | 'crashed', reason: string): Promise<void> {
    if (guest.power === 'shutdown' || guest.power === 'crashed' || guest.power === 'building') return
    guest.power = kind === 'stopped' ? 'shutdown' : 'crashed'
    guest.console += '\n[   99.000000] reboot: Power down\n'
    await screens.hide(guest.spec.id)
    await save()
    emit(guest, kind, reason)
  }

  const change = async (id: string, kind: GuestEventKind, power: PowerState, from: PowerState) => {
    const guest = need(id)
    if (guest.power === power) return picture(guest)
    if (guest.power !== from) throw new CloudError('conflict', `Guest ${id} is ${guest.power}, not ${from}.`)
    guest.power = power
    await save()
    emit(guest, kind, `the guest was ${kind}`)
    return picture(guest)
  }

  return {
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
    list: async () => [...guests.values()].map(picture),
    state: async (id) => {
      const guest = guests.get(id)
      return guest && picture(guest)
    },

    create: (spec, create = {}) =>
      operate('create', async () => {
        const known = guests.get(spec.id)
        refuseOlder(known?.spec, spec)
        await fetchImage(spec, create)
        create.signal?.throwIfAborted()
        const guest = guests.get(spec.id) ?? { spec, power: 'building', console: '', startedAt: 0 }
        guest.spec = spec
        guests.set(spec.id, guest)
        await save()
        create.report?.('guest.start', { domain: domainName(spec.number) })
        await boot(guest)
        return picture(guest)
      }),
    start: (id, spec) =>
      operate('start', async () => {
        const guest = need(id)
        if (spec) {
          refuseOlder(guest.spec, spec)
          guest.spec = spec
        }
        if (guest.power === 'paused') return change(id, 'resumed', 'running', 'paused')
        await boot(guest)
        return picture(guest)
      }),
    stop: (id) =>
      operate('stop', async () => {
        const guest = need(id)
        await halt(guest, 'stopped', 'the guest was stopped')
        return picture(guest)
      }),
    reboot: (id, kind, how = {}) =>
      operate('reboot', async () => {
        const guest = need(id)
        if (how.spec) {
          refuseOlder(guest.spec, how.spec)
          guest.spec = how.spec
        }
        if (kind === 'hard') guest.console = ''
        guest.power = 'shutdown'
        await boot(guest)
        return picture(guest)
      }),
    pause: (id) => change(id, 'paused', 'paused', 'running'),
    resume: (id) => change(id, 'resumed', 'running', 'paused'),
    destroy: (id) =>
      operate('destroy', async () => {
        const guest = guests.get(id)
        if (!guest) return
        await halt(guest, 'stopped', 'the guest was destroyed')
        guests.delete(id)
        await save()
      }),

    attachVolume: (id, volume) =>
      operate('attachVolume', async () => {
        const { spec } = need(id)
        spec.volumes = [...spec.volumes.filter((one) => one.volumeId !== volume.volumeId), volume]
        await save()
      }),
    detachVolume: (id, volumeId) =>
      operate('detachVolume', async () => {
        const { spec } = need(id)
        spec.volumes = spec.volumes.filter((one) => one.volumeId !== volumeId)
        await save()
      }),
    attachInterface: (id, nic) =>
      operate('attachInterface', async () => {
        const { spec } = need(id)
        spec.nics = [...spec.nics.filter((one) => one.portId !== nic.portId), nic]
        await save()
      }),
    detachInterface: (id, portId) =>
      operate('detachInterface', async () => {
        const { spec } = need(id)
        spec.nics = spec.nics.filter((one) => one.portId !== portId)
        await save()
      }),

    consoleOutput: async (id, lines) => consoleTail(need(id).console, lines),
    consoleSocket: async (id) => {
      if (need(id).power !== 'running')
        throw new CloudError('conflict', `Guest ${id} isn't running: it has no console.`, {
          type: 'InstanceNotReady',
        })
      return screens.socket(id)
    },
    usage: async (id) => {
      const guest = guests.get(id)
      if (!guest) return undefined
      const ran = guest.power === 'running' ? world.clock.now() - guest.startedAt : 0
      // A simulated guest keeps one vCPU at one per cent.
      return { id, cpuNs: ran * 10_000, memoryMb: guest.spec.memoryMb, residentBytes: 0, diskBytes: 0 }
    },

    events: (listen) => {
      listeners.add(listen)
      return () => void listeners.delete(listen)
    },
    close: async () => {
      listeners.clear()
      await saving
      await screens.close()
      log.debug({ host: options.host, guests: guests.size }, 'let go of the simulated guests')
    },

    fail: (failure) => void failures.push({ ...failure, left: failure.nth ?? 1 }),
    inventory: () => {
      const specs = [...guests.values()].map((guest) => guest.spec)
      return {
        guests: specs.map((spec) => spec.id).sort(),
        images: [...images].sort(),
        volumes: specs.flatMap((spec) => spec.volumes.map((volume) => volume.volumeId)).sort(),
        taps: specs.flatMap((spec) => spec.nics.map((nic) => nic.tap)).sort(),
      }
    },
    guestEnds: async (id, how) =>
      how === 'crash'
        ? halt(need(id), 'crashed', 'the guest died')
        : halt(need(id), 'stopped', 'the guest powered itself off'),
  }
}

/** A function, so that the compiler doesn't take the state for unchanged over an await. */
function running(guest: Guest): boolean {
  return guest.power === 'running'
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

async function readKept(world: World, path: string | undefined): Promise<Kept> {
  if (!path || !(await world.files.exists(path))) return { guests: [], images: [] }
  return JSON.parse(await world.files.readText(path)) as Kept
}

/** Config drive contents are no part of what a simulated guest remembers; bytes would bloat the file. */
function asText(key: string, value: unknown): unknown {
  return key === 'configDrive' && value ? {} : value
}
