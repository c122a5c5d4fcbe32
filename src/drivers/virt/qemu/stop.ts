// Ends a guest's process: by asking the guest, by asking QEMU, by force; each after the one before was given its time.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Host } from './host.ts'
import { isAlive, waitForEnd } from './start.ts'
import type { Running } from './track.ts'

/** A guest that is still booting misses the first press of its power button; Nova repeats it as often. */
const pressAgainMs = 10_000
/** Enough for QEMU to write out what it holds of qcow2 tables. */
const quitTimeoutMs = 5000
const killTimeoutMs = 10_000

/** True where the guest powered itself off in time. */
export async function askGuest(host: Host, guest: Running, timeoutMs: number): Promise<boolean> {
  const deadline = host.world.clock.monotonic() + timeoutMs
  while (guest.qmp) {
    const left = deadline - host.world.clock.monotonic()
    if (left <= 0) return false
    await guest.qmp.execute('system_powerdown').catch(ignoreClosed)
    if (await waitForEnd(host, guest.process, Math.min(left, pressAgainMs))) return true
  }
  return waitForEnd(host, guest.process, Math.max(0, deadline - host.world.clock.monotonic()))
}

/** Ends it now; what the guest didn't write yet is lost, as when a plug is pulled. */
export async function pullPlug(host: Host, guest: Running, reason: string): Promise<void> {
  guest.ending ??= reason
  if (guest.qmp) {
    await guest.qmp.execute('quit', {}, { timeoutMs: quitTimeoutMs }).catch(ignoreClosed)
    if (await waitForEnd(host, guest.process, quitTimeoutMs)) return
  }
  if (await isAlive(host, guest.process)) host.world.processes.signal(guest.process.pid, 'SIGKILL')
  if (!(await waitForEnd(host, guest.process, killTimeoutMs))) {
    throw new CloudError(
      'timeout',
      `The process of guest ${guest.id} (${guest.process.pid}) can't be ended: the host waits for its disk.`,
    )
  }
}

/** QEMU may end before it answers, or be stuck: the wait that follows tells which. */
function ignoreClosed(error: unknown): void {
  if (error instanceof CloudError && (error.kind === 'unavailable' || error.kind === 'timeout')) return
  throw error
}
