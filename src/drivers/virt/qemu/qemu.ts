// The virt driver that runs guests as QEMU processes over QMP, without libvirt. Guests live on when the agent ends;
// everything about them can be found again from their folder and their process.
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import type { Log } from '#kit/log/log.ts'
import type { World } from '#kit/world/world.ts'
import {
  type CreateOptions,
  domainName,
  type GuestSpec,
  type GuestState,
  type VirtDriver,
  type VirtOptions,
} from '../driver.ts'
import { type Accel, cpuModel, type Launch } from './arguments.ts'
import { openImageCache } from './cache.ts'
import { cutConsole, prepareConsole, readConsole } from './console.ts'
import { disksOf, makeDisks, prepareBase } from './disk.ts'
import { domainXml } from './domain-xml.ts'
import { fileProblem, giveToGuest, type Host, openHost, takeFromGuest } from './host.ts'
import { detachTimeoutMs, plugNic, plugVolume, unplugNic, unplugVolume } from './hotplug.ts'
import { computeNodesText } from './layout.ts'
import { processTimes } from './lock.ts'
import { probeAccel, qemuVersion } from './probe.ts'
import { keyedQueue } from './queue.ts'
import { type GuestRecord, guestIds, needRecord, readRecord, refuseOlder, updateRecord } from './record.ts'
import { startProcess } from './start.ts'
import { askGuest, pullPlug } from './stop.ts'
import { sweep } from './sweep.ts'
import { type Running, trackGuests } from './track.ts'

const stopTimeoutMs = 60_000
const softRebootTimeoutMs = 120_000
const housekeepingMs = 60_000
const blockBytes = 512

export async function openQemuDriver(world: World, log: Log, options: VirtOptions): Promise<VirtDriver> {
  const host = await openHost(world, log, options)
  const tracker = trackGuests(host)
  const cache = openImageCache(host)
  const inTurn = keyedQueue()
  /** Creates under way, so that a destroy needn't wait for an image to arrive. */
  const creating = new Map<string, AbortController>()

  let accelKnown: Accel | undefined = options.accel === 'auto' ? undefined : options.accel
  let probing: Promise<Accel> | undefined
  const findAccel = async (): Promise<Accel> => {
    if (accelKnown) return accelKnown
    probing ??= probeAccel(host)
    try {
      accelKnown = await probing
      return accelKnown
    } finally {
      probing = undefined
    }
  }

  await Promise.all([sweep(host), noteHost(host)])
  const ids = await guestIds(host)
  await Promise.all(ids.map((id) => tracker.find(id)))
  // The first create would wait for it otherwise; what goes wrong is told to whoever needs the answer.
  findAccel().catch((error: unknown) =>
    log.warn({ reason: fullMessage(error) }, 'could not find out how guests can run here'),
  )
  const stopHousekeeping = every(world, housekeepingMs, async () => {
    for (const guest of tracker.connected()) {
      await cutConsole(host, guest.id).catch((error: unknown) => {
        log.warn({ serverId: guest.id, reason: fullMessage(error) }, 'could not cut a console log')
      })
    }
  })

  async function picture(record: GuestRecord, guest: Running | undefined): Promise<GuestState> {
    const { spec } = record
    const resting = record.ended ?? (record.booted ? 'shutdown' : 'building')
    return {
      id: spec.id,
      number: spec.number,
      domain: domainName(spec.number),
      generation: spec.generation,
      power: guest ? guest.power : resting,
      nics: spec.nics.map(({ portId, mac, tap }) => ({ portId, mac, tap })),
      volumes: spec.volumes.map(({ volumeId, device }) => ({ volumeId, device })),
      ...(guest ? { pid: guest.process.pid } : {}),
    }
  }

  const state = async (id: string) => {
    const record = await readRecord(host, id)
    return record && picture(record, await tracker.find(id))
  }
  const need = async (id: string) => picture(await needRecord(host, id), await tracker.find(id))

  /** Everything on disk as the specification says, then the process, then the guest. */
  async function run(record: GuestRecord): Promise<GuestState> {
    const { spec } = record
    const living = await tracker.find(spec.id)
    const guest = living ?? (await bringUp(record))
    if (!guest.qmp || guest.power !== 'running') {
      await needQmp(guest).execute('cont')
      tracker.setPower(guest, 'running')
    }
    const now = await updateRecord(host, spec.id, (known) => {
      if (known?.booted && !known.ended) return known
      const { ended: _, ...rest } = known ?? record
      return { ...rest, booted: true }
    })
    return picture(now ?? record, guest)
  }

  async function bringUp(record: GuestRecord): Promise<Running> {
    const { spec } = record
    const files = host.layout.guest(spec.id)
    try {
      await makeDisks(host, spec)
      await prepareConsole(host, spec.id)
      for (const volume of spec.volumes) await giveToGuest(host, volume.path)
      const launch: Launch = {
        spec,
        files,
        accel: await findAccel(),
        disks: disksOf(host, spec),
        hasConfigDrive: record.hasConfigDrive,
      }
      await world.files.write(files.definition, domainXml(launch), { mode: 0o644 })
      const { process, qmp } = await startProcess(host, launch)
      return tracker.add(spec.id, process, qmp, 'building')
    } catch (error) {
      throw fileProblem(error, files.folder)
    }
  }

  async function create(spec: GuestSpec, how: CreateOptions, signal: AbortSignal): Promise<GuestState> {
    const known = await readRecord(host, spec.id)
    refuseOlder(known?.spec, spec)
    await unlessAborted(prepareBase(host, cache, spec, how), signal)
    how.report?.('disk.create', { rootGb: spec.rootGb })
    await world.files.makeFolder(host.layout.guest(spec.id).folder, { mode: 0o755 })
    try {
      const record = await keep(spec)
      how.report?.('guest.start', { domain: domainName(spec.number) })
      return await run(record)
    } catch (error) {
      // A guest that was here before keeps its disk; a new one leaves nothing.
      if (!known) await remove(spec.id, false)
      throw fileProblem(error, host.layout.folder)
    }
  }

  /** Remembers the specification; the config drive's files stay in memory until their disk is made. */
  async function keep(spec: GuestSpec): Promise<GuestRecord> {
    const record = await updateRecord(host, spec.id, (known) => recordOf(spec, known))
    return { ...record!, spec }
  }

  async function end(id: string, reason: string): Promise<void> {
    const guest = await tracker.find(id)
    if (!guest) return
    await pullPlug(host, guest, reason)
    await guest.finish()
  }

  async function remove(id: string, keepDisk: boolean): Promise<void> {
    const files = host.layout.guest(id)
    const record = await readRecord(host, id)
    await end(id, 'the guest was destroyed')
    for (const volume of record?.spec.volumes ?? []) await takeFromGuest(host, volume.path)
    await world.files.removeTree(files.run)
    if (!keepDisk) await world.files.removeTree(files.folder)
  }

  async function restart(id: string, spec: GuestSpec | undefined): Promise<GuestState> {
    const record = await needRecord(host, id)
    refuseOlder(record.spec, spec ?? record.spec)
    return run(spec ? await keep(spec) : record)
  }

  async function changeSpec(id: string, change: (spec: GuestSpec) => GuestSpec): Promise<void> {
    await updateRecord(host, id, (known) => known && { ...known, spec: change(known.spec) })
  }

  return {
    info: async () => {
      const version = await qemuVersion(host)
      const space = await world.files.space(host.layout.folder)
      return {
        driver: 'qemu',
        hypervisorType: 'QEMU',
        hypervisorVersion: version.number,
        hypervisorVersionText: version.text,
        architecture: 'x86_64',
        accel: accelKnown ?? 'probing',
        cpuModel: accelKnown ? cpuModel[accelKnown] : 'unknown',
        vcpus: options.resources?.vcpus ?? world.host.cpus,
        memoryMb: options.resources?.memoryMb ?? Math.floor(world.host.memoryBytes / 2 ** 20),
        diskGb: options.resources?.diskGb ?? Math.floor(space.totalBytes / 2 ** 30),
        ...(host.owner ? { guestUid: host.owner.uid } : {}),
        capabilities: { hotplugVolume: true, hotplugInterface: true, configDrive: true, vnc: true },
      }
    },
    list: async () => {
      const states = await Promise.all((await guestIds(host)).map(state))
      return states.filter((one) => one !== undefined)
    },
    state,

    create: (spec, how = {}) => {
      const abort = new AbortController()
      const signal = how.signal ? AbortSignal.any([how.signal, abort.signal]) : abort.signal
      return inTurn(spec.id, async () => {
        creating.set(spec.id, abort)
        try {
          return await create(spec, how, signal)
        } finally {
          creating.delete(spec.id)
        }
      })
    },
    start: (id, spec) => inTurn(id, () => restart(id, spec)),
    stop: (id, how = {}) =>
      inTurn(id, async () => {
        await needRecord(host, id)
        const guest = await tracker.find(id)
        if (
          guest &&
          how.graceful &&
          guest.power === 'running' &&
          (await askGuest(host, guest, how.timeoutMs ?? stopTimeoutMs))
        ) {
          await guest.finish()
        } else await end(id, 'the guest was stopped')
        return need(id)
      }),
    reboot: (id, kind, how = {}) =>
      inTurn(id, async () => {
        const record = await needRecord(host, id)
        refuseOlder(record.spec, how.spec ?? record.spec)
        const guest = await tracker.find(id)
        const soft = kind === 'soft' && guest?.power === 'running'
        if (soft && (await askGuest(host, guest, how.timeoutMs ?? softRebootTimeoutMs))) await guest.finish()
        else await end(id, 'the guest was restarted')
        return restart(id, how.spec)
      }),
    pause: (id) => inTurn(id, () => shift(id, 'stop', 'running', 'paused')),
    resume: (id) => inTurn(id, () => shift(id, 'cont', 'paused', 'running')),
    destroy: (id, how = {}) => {
      creating.get(id)?.abort(new CloudError('conflict', `Guest ${id} was destroyed while it was made.`))
      return inTurn(id, () => remove(id, how.keepDisk ?? false))
    },

    attachVolume: (id, volume) =>
      inTurn(id, async () => {
        await needRecord(host, id)
        const guest = await tracker.find(id)
        await giveToGuest(host, volume.path)
        if (guest) await plugVolume(needQmp(guest), volume)
        await changeSpec(id, (spec) => ({
          ...spec,
          volumes: [...spec.volumes.filter((one) => one.volumeId !== volume.volumeId), volume],
        }))
      }),
    detachVolume: (id, volumeId, how = {}) =>
      inTurn(id, async () => {
        const { spec } = await needRecord(host, id)
        const guest = await tracker.find(id)
        if (guest) await unplugVolume(host, needQmp(guest), volumeId, how.timeoutMs ?? detachTimeoutMs)
        const volume = spec.volumes.find((one) => one.volumeId === volumeId)
        if (volume) await takeFromGuest(host, volume.path)
        await changeSpec(id, (now) => ({
          ...now,
          volumes: now.volumes.filter((one) => one.volumeId !== volumeId),
        }))
      }),
    attachInterface: (id, nic) =>
      inTurn(id, async () => {
        await needRecord(host, id)
        const guest = await tracker.find(id)
        if (guest) await plugNic(needQmp(guest), nic)
        await changeSpec(id, (spec) => ({
          ...spec,
          nics: [...spec.nics.filter((one) => one.portId !== nic.portId), nic],
        }))
      }),
    detachInterface: (id, portId, how = {}) =>
      inTurn(id, async () => {
        await needRecord(host, id)
        const guest = await tracker.find(id)
        if (guest) await unplugNic(host, needQmp(guest), portId, how.timeoutMs ?? detachTimeoutMs)
        await changeSpec(id, (spec) => ({ ...spec, nics: spec.nics.filter((one) => one.portId !== portId) }))
      }),

    consoleOutput: async (id, lines) => {
      await needRecord(host, id)
      return readConsole(host, id, lines)
    },
    consoleSocket: async (id) => {
      await needRecord(host, id)
      if (await tracker.find(id)) return host.layout.guest(id).vnc
      throw new CloudError('conflict', `Guest ${id} isn't running: it has no console.`, {
        type: 'InstanceNotReady',
      })
    },
    usage: async (id) => {
      const record = await readRecord(host, id)
      if (!record) return undefined
      const guest = await tracker.find(id)
      const times = guest && (await processTimes(host, guest.process.pid))
      const disk = await world.files.info(host.layout.guest(id).disk)
      return {
        id,
        cpuNs: times?.cpuNs ?? 0,
        memoryMb: record.spec.memoryMb,
        residentBytes: guest && times ? await residentBytes(host, guest.process.pid) : 0,
        diskBytes: (disk?.blocks ?? 0) * blockBytes,
      }
    },

    events: (listen) => tracker.listen(listen),
    close: async () => {
      stopHousekeeping()
      tracker.close()
      await probing?.catch(() => {}) // told where it was needed
    },
  }

  async function shift(
    id: string,
    command: 'stop' | 'cont',
    from: Running['power'],
    to: 'running' | 'paused',
  ): Promise<GuestState> {
    await needRecord(host, id)
    const guest = await tracker.find(id)
    if (!guest || (guest.power !== from && guest.power !== to)) {
      throw new CloudError('conflict', `Guest ${id} is ${(await need(id)).power}, not ${from}.`)
    }
    if (guest.power !== to) {
      await needQmp(guest).execute(command)
      tracker.setPower(guest, to)
    }
    return need(id)
  }
}

function recordOf(spec: GuestSpec, known: GuestRecord | undefined): GuestRecord {
  const hasConfigDrive = spec.configDrive !== undefined || (known?.hasConfigDrive ?? false)
  return {
    spec,
    hasConfigDrive,
    booted: known?.booted ?? false,
    ...(known?.ended ? { ended: known.ended } : {}),
  }
}

function needQmp(guest: Running) {
  if (guest.qmp) return guest.qmp
  throw new CloudError(
    'unavailable',
    `The process of guest ${guest.id} (${guest.process.pid}) lives but does not answer.`,
  )
}

/** Says that this host uses the folder, for those who share it; the same file as Nova's, other hosts' entries kept. */
async function noteHost(host: Host): Promise<void> {
  const { files, clock } = host.world
  const path = host.layout.computeNodes
  const known = (await files.exists(path))
    ? (JSON.parse(await files.readText(path)) as Record<string, number>)
    : {}
  const text = computeNodesText({ ...known, [host.name]: clock.now() / 1000 })
  await files.write(`${path}.new`, text, { mode: 0o644 })
  await files.rename(`${path}.new`, path)
}

async function residentBytes(host: Host, pid: number): Promise<number> {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(await host.world.files.readText(`/proc/${pid}/status`))?.[1]
  return Number(kib ?? 0) * 1024
}

/** A periodic loop whose work reports its own failures; returns how to end it. */
function every(world: World, ms: number, work: () => Promise<void>): () => void {
  let cancel = () => {}
  let over = false
  const next = () => {
    if (!over) cancel = world.timers.after(ms, () => void work().then(next), { background: true })
  }
  next()
  return () => {
    over = true
    cancel()
  }
}

/** The work goes on where others wait for it too; this caller stops waiting. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
  })
  try {
    await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
