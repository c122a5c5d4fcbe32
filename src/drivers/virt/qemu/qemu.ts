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
import { cpuModel, type Launch } from './arguments.ts'
import { openImageCache } from './cache.ts'
import { cutConsole, prepareConsole, readConsole } from './console.ts'
import { deviceOperations, openVolume } from './device.ts'
import { disksOf, makeDisks, prepareBase } from './disk.ts'
import { domainXml } from './domain-xml.ts'
import { fileProblem, noteHost, openHost, takeFromGuest } from './host.ts'
import { openAccel, type QemuVersion, qemuVersion } from './probe.ts'
import { keyedQueue } from './queue.ts'
import { type GuestRecord, guestIds, needRecord, readRecord, refuseOlder, updateRecord } from './record.ts'
import { startProcess } from './start.ts'
import { askGuest, pullPlug } from './stop.ts'
import { sweep } from './sweep.ts'
import { needQmp, type Running, trackGuests } from './track.ts'
import { usageOf } from './usage.ts'
import { every, unlessAborted } from './wait.ts'

const stopTimeoutMs = 60_000
const softRebootTimeoutMs = 120_000
const housekeepingMs = 60_000

export async function openQemuDriver(world: World, log: Log, options: VirtOptions): Promise<VirtDriver> {
  const host = await openHost(world, log, options)
  const tracker = trackGuests(host)
  const cache = openImageCache(host)
  const inTurn = keyedQueue()
  /** Creates under way, so that a destroy needn't wait for an image to arrive. */
  const creating = new Map<string, AbortController>()

  let version: QemuVersion | undefined
  const accel = openAccel(host, options.accel ?? 'auto')

  await Promise.all([sweep(host), noteHost(host)])
  const ids = await guestIds(host)
  await Promise.all(ids.map((id) => tracker.find(id)))
  // The first create would wait for it otherwise; what goes wrong is told to whoever needs the answer.
  accel
    .find()
    .catch((error: unknown) =>
      log.warn({ reason: fullMessage(error) }, 'could not find out how guests can run here'),
    )
  const stopHousekeeping = every(world, housekeepingMs, async () => {
    for (const guest of tracker.connected()) {
      await cutConsole(host, guest.id).catch(report({ serverId: guest.id }, 'could not cut a console log'))
    }
    await cache.prune().catch(report({}, 'could not prune the cache of base images'))
  })

  function report(fields: Record<string, unknown>, message: string) {
    return (error: unknown) => log.warn({ ...fields, reason: fullMessage(error) }, message)
  }

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
      for (const volume of spec.volumes) await openVolume(host, volume)
      const launch: Launch = {
        spec,
        files,
        accel: await accel.find(),
        disks: disksOf(host, spec),
        hasConfigDrive: record.hasConfigDrive,
      }
      await world.files.write(files.definition, domainXml(launch), { mode: 0o644 })
      return await tracker.start(spec.id, () => startProcess(host, launch))
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

  return {
    info: async () => {
      version ??= await qemuVersion(host)
      const space = await world.files.space(host.layout.folder)
      return {
        driver: 'qemu',
        hypervisorType: 'QEMU',
        hypervisorVersion: version.number,
        hypervisorVersionText: version.text,
        architecture: 'x86_64',
        accel: accel.known() ?? 'probing',
        cpuModel: cpuModel[accel.known() ?? 'tcg'],
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

    ...deviceOperations({ host, tracker, inTurn }),

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
      return record && usageOf(host, record, (await tracker.find(id))?.process.pid)
    },

    events: (listen) => tracker.listen(listen),
    close: async () => {
      stopHousekeeping()
      tracker.close()
      await accel.close()
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
