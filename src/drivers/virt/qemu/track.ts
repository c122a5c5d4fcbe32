// The guests whose processes live: one QMP connection each, kept for its events. Power changes are told once,
// whoever caused them, and a process that ends takes its sockets and its pid file with it.
import { CloudError, fullMessage } from '#kit/errors/cloud-error.ts'
import { connectQmp, type Qmp, type QmpEvent } from '#kit/qmp/qmp.ts'
import type { GuestEvent, GuestEventKind, PowerState } from '../driver.ts'
import type { Host } from './host.ts'
import { updateRecord } from './record.ts'
import { findProcess, type GuestProcess, isAlive, waitForEnd } from './start.ts'

export type Running = {
  id: string
  process: GuestProcess
  /** Undefined while the connection is lost although the process lives. */
  qmp: Qmp | undefined
  power: 'building' | 'running' | 'paused'
  /** Why it is about to end, as far as QEMU or we said so. */
  ending?: string
  /** Once the process is gone: clears away after it and tells how it ended. May be called by several. */
  readonly finish: () => Promise<void>
}

export type Tracker = ReturnType<typeof trackGuests>

/** QEMU's reasons of a SHUTDOWN event, as sentences. */
const shutdownReasons: Record<string, string> = {
  'guest-shutdown': 'the guest powered itself off',
  'guest-panic': 'the guest panicked',
  'host-qmp-quit': 'the guest was stopped',
  'host-signal': 'QEMU was ended by a signal',
}

/** QEMU's run states that aren't plain: the rest counts as paused. */
const powerOf: Record<string, Running['power']> = {
  running: 'running',
  prelaunch: 'building',
  inmigrate: 'building',
}

/** After its connection closed a process is given this long to end by itself. */
const endTimeoutMs = 5000
/** How long a living process may take to answer before it counts as stuck. */
const reachTimeoutMs = 5000
const lookMs = 20

export function trackGuests(host: Host) {
  const guests = new Map<string, Running>()
  const connecting = new Map<string, Promise<Running | undefined>>()
  const listeners = new Set<(event: GuestEvent) => void>()
  let closing = false

  function emit(id: string, kind: GuestEventKind, power: PowerState, reason: string): void {
    const event: GuestEvent = { id, kind, power, at: host.world.clock.now(), reason }
    for (const listen of [...listeners]) listen(event)
  }

  /** The one place where a living guest's power changes; the same change told twice is one. */
  function setPower(guest: Running, power: Running['power']): void {
    const before = guest.power
    if (before === power) return
    guest.power = power
    if (power === 'paused') emit(guest.id, 'paused', power, 'the guest was paused')
    else if (before === 'building') emit(guest.id, 'started', power, 'the guest was started')
    else emit(guest.id, 'resumed', power, 'the guest was resumed')
  }

  function onEvent(guest: Running, { name, data }: QmpEvent): void {
    if (name === 'SHUTDOWN') guest.ending ??= shutdownReasons[String(data.reason)] ?? 'the guest ended'
    else if (name === 'RESUME') setPower(guest, 'running')
    else if (name === 'STOP' && guest.ending === undefined) setPower(guest, 'paused')
    else if (name === 'BLOCK_IO_ERROR')
      host.log.error({ serverId: guest.id, ...data }, 'a disk of the guest failed')
    else if (name === 'RESET' && data.guest === true)
      emit(guest.id, 'reset', guest.power, 'the guest restarted itself')
  }

  async function onClosed(guest: Running): Promise<void> {
    guest.qmp = undefined
    if (closing) return
    if (await waitForEnd(host, guest.process, endTimeoutMs)) await guest.finish()
    else
      host.log.warn(
        { serverId: guest.id, pid: guest.process.pid },
        'lost the connection to a guest that lives',
      )
  }

  async function clearAway(guest: Running): Promise<void> {
    if (guests.get(guest.id) === guest) guests.delete(guest.id)
    const files = host.layout.guest(guest.id)
    await host.world.files.remove(files.pid)
    await host.world.files.removeTree(files.run)
    const ended = guest.ending === undefined ? 'crashed' : 'shutdown'
    await updateRecord(host, guest.id, (known) => known && { ...known, ended })
    emit(
      guest.id,
      ended === 'crashed' ? 'crashed' : 'stopped',
      ended,
      guest.ending ?? "the guest's process died",
    )
  }

  function add(id: string, process: GuestProcess, qmp: Qmp | undefined, power: Running['power']): Running {
    let finishing: Promise<void> | undefined
    const finish = () => {
      finishing ??= clearAway(guest)
      return finishing
    }
    const guest: Running = { id, process, qmp, power, finish }
    guests.set(id, guest)
    qmp?.events((event) => onEvent(guest, event))
    qmp?.closed
      .then(() => onClosed(guest))
      .catch((error: unknown) => {
        host.log.error({ serverId: id, reason: fullMessage(error) }, 'could not clear away after a guest')
      })
    return guest
  }

  /** The guest if its process lives, with a connection where one can be had. */
  async function find(id: string): Promise<Running | undefined> {
    const known = guests.get(id)
    if (known?.qmp) return known
    const under = connecting.get(id)
    // Why a start failed is told to whoever started it; for everybody else there is no guest then.
    return under ? under.catch(() => undefined) : once(id, () => adopt(id, known))
  }

  /** QEMU serves one client at a time: whoever comes while another connects takes what that one gets. */
  function once(id: string, work: () => Promise<Running | undefined>): Promise<Running | undefined> {
    const mine = work().finally(() => connecting.delete(id))
    connecting.set(id, mine)
    return mine
  }

  async function adopt(id: string, known: Running | undefined): Promise<Running | undefined> {
    const process = await findProcess(host, id)
    if (!process) {
      if (known && !(await isAlive(host, known.process))) await known.finish()
      return undefined
    }
    const found = await reach(host, id).catch((error: unknown) => {
      host.log.warn(
        { serverId: id, pid: process.pid, reason: fullMessage(error) },
        'a guest lives but does not answer',
      )
      return undefined
    })
    return add(id, process, found?.qmp, found ? (powerOf[found.status] ?? 'paused') : 'running')
  }

  return {
    find,
    /** Follows a guest from its process's first moment; its guest doesn't run yet. */
    async start(id: string, begin: () => Promise<{ process: GuestProcess; qmp: Qmp }>): Promise<Running> {
      while (connecting.has(id)) await find(id)
      let guest: Running | undefined
      await once(id, async () => {
        const { process, qmp } = await begin()
        guest = add(id, process, qmp, 'building')
        return guest
      })
      return guest!
    },
    setPower,
    /** Without looking: the guests that are connected now. */
    connected: () => [...guests.values()],
    listen(listener: (event: GuestEvent) => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close() {
      closing = true
      listeners.clear()
      for (const guest of guests.values()) guest.qmp?.close()
      guests.clear()
    },
  }
}

/** A process that began a moment ago has no socket yet: whoever started it may have died over that. */
async function reach(host: Host, id: string): Promise<{ qmp: Qmp; status: string }> {
  const deadline = host.world.clock.monotonic() + reachTimeoutMs
  for (;;) {
    try {
      const qmp = await connectQmp(host.world, host.layout.guest(id).qmp, { timeoutMs: reachTimeoutMs })
      return { qmp, status: (await qmp.execute<{ status: string }>('query-status')).status }
    } catch (error) {
      const early = error instanceof CloudError && error.kind === 'unavailable'
      if (!early || host.world.clock.monotonic() >= deadline) throw error
    }
    await host.world.timers.sleep(lookMs)
  }
}

export function needQmp(guest: Running): Qmp {
  if (guest.qmp) return guest.qmp
  throw new CloudError(
    'unavailable',
    `The process of guest ${guest.id} (${guest.process.pid}) lives but does not answer.`,
  )
}
