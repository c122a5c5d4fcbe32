// Devices that come and go while the guest runs. Each step asks first what is there, so that any of it may run twice.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Qmp } from '#kit/qmp/qmp.ts'
import type { GuestNic, GuestVolume } from '../driver.ts'
import {
  nicBackend,
  nicBackendId,
  nicDevice,
  nicDeviceId,
  volumeDevice,
  volumeDeviceId,
  volumeNode,
  volumeNodeName,
} from './arguments.ts'
import type { Host } from './host.ts'

/** A guest that was busy, still booting or just taking the device in misses the first request; pauses double up to the last. */
const askAgainMs = { first: 1000, last: 5000 }
export const detachTimeoutMs = 20_000

export async function plugVolume(qmp: Qmp, volume: GuestVolume): Promise<void> {
  const node = volumeNodeName(volume.volumeId)
  const fresh = !(await hasNode(qmp, node))
  if (fresh)
    await named(qmp.execute('blockdev-add', volumeNode(volume)), `Volume ${volume.volumeId} can't be opened`)
  try {
    if (!(await hasDevice(qmp, volumeDeviceId(volume.volumeId))))
      await qmp.execute('device_add', volumeDevice(volume))
  } catch (error) {
    if (fresh) await qmp.execute('blockdev-del', { 'node-name': node })
    throw error
  }
}

export async function unplugVolume(host: Host, qmp: Qmp, volumeId: string, timeoutMs: number): Promise<void> {
  await removeDevice(host, qmp, volumeDeviceId(volumeId), `volume ${volumeId}`, timeoutMs)
  const node = volumeNodeName(volumeId)
  if (await hasNode(qmp, node)) await qmp.execute('blockdev-del', { 'node-name': node })
}

export async function plugNic(qmp: Qmp, nic: GuestNic): Promise<void> {
  if (await hasDevice(qmp, nicDeviceId(nic.portId))) return
  // A backend without its device is left where a try before this one ended half-way.
  await qmp.execute('netdev_del', { id: nicBackendId(nic.portId) }).catch(unlessAbsent)
  await named(qmp.execute('netdev_add', nicBackend(nic)), `Port ${nic.portId} can't be opened`)
  try {
    await qmp.execute('device_add', nicDevice(nic))
  } catch (error) {
    await qmp.execute('netdev_del', { id: nicBackendId(nic.portId) })
    throw error
  }
}

export async function unplugNic(host: Host, qmp: Qmp, portId: string, timeoutMs: number): Promise<void> {
  await removeDevice(host, qmp, nicDeviceId(portId), `port ${portId}`, timeoutMs)
  await qmp.execute('netdev_del', { id: nicBackendId(portId) }).catch(unlessAbsent)
}

/** The guest's kernel must let go; only then does QEMU say DEVICE_DELETED. */
async function removeDevice(
  host: Host,
  qmp: Qmp,
  id: string,
  what: string,
  timeoutMs: number,
): Promise<void> {
  if (!(await hasDevice(qmp, id))) return
  const outcome = deviceOutcome(qmp, id)
  const deadline = host.world.clock.monotonic() + timeoutMs
  let pauseMs = askAgainMs.first
  try {
    while (host.world.clock.monotonic() < deadline) {
      // While a request is pending QEMU refuses another; waiting on is all there is to do then.
      await qmp.execute('device_del', { id }).catch(unlessPending)
      const left = deadline - host.world.clock.monotonic()
      const end = await Promise.race([
        outcome.result,
        host.world.timers.sleep(Math.max(0, Math.min(left, pauseMs))),
      ])
      pauseMs = Math.min(2 * pauseMs, askAgainMs.last)
      if (end === 'refused')
        throw new CloudError('conflict', `The guest refuses to let go of ${what}.`, {
          type: 'DeviceDetachFailed',
        })
      if (end === 'deleted' || !(await hasDevice(qmp, id))) return
    }
  } finally {
    outcome.stop()
  }
  throw new CloudError('timeout', `The guest did not let go of ${what} in ${timeoutMs / 1000} s.`, {
    type: 'DeviceDetachFailed',
  })
}

function deviceOutcome(qmp: Qmp, id: string): { result: Promise<'deleted' | 'refused'>; stop: () => void } {
  let stop = () => {}
  const result = new Promise<'deleted' | 'refused'>((resolve) => {
    stop = qmp.events(({ name, data }) => {
      if (data.device !== id) return
      if (name === 'DEVICE_DELETED') resolve('deleted')
      else if (name === 'DEVICE_UNPLUG_GUEST_ERROR') resolve('refused')
    })
  })
  return { result, stop }
}

async function hasNode(qmp: Qmp, name: string): Promise<boolean> {
  const nodes = await qmp.execute<{ 'node-name'?: string }[]>('query-named-block-nodes', { flat: true })
  return nodes.some((node) => node['node-name'] === name)
}

async function hasDevice(qmp: Qmp, id: string): Promise<boolean> {
  const devices = await qmp.execute<{ name: string }[]>('qom-list', { path: '/machine/peripheral' })
  return devices.some((device) => device.name === id)
}

function unlessAbsent(error: unknown): void {
  if (error instanceof CloudError && (error.type === 'DeviceNotFound' || /not found/i.test(error.message)))
    return
  throw error
}

function unlessPending(error: unknown): void {
  if (
    error instanceof CloudError &&
    (error.type === 'DeviceNotFound' || /in the process of unplug/i.test(error.message))
  )
    return
  throw error
}

async function named<T>(work: Promise<T>, what: string): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof CloudError) || error.kind !== 'conflict') throw error
    throw new CloudError('unavailable', `${what}: ${error.message}.`, { cause: error })
  }
}
