// Volumes and ports that come to a guest or leave it, running or not. What QEMU has is changed first, then what is
// remembered: after a crash in between the same call finds the device there and only remembers it.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { GuestSpec, GuestVolume, VirtDriver } from '../driver.ts'
import { giveToGuest, type Host, takeFromGuest } from './host.ts'
import { detachTimeoutMs, plugNic, plugVolume, unplugNic, unplugVolume } from './hotplug.ts'
import type { Queue } from './queue.ts'
import { needRecord, updateRecord } from './record.ts'
import { needQmp, type Tracker } from './track.ts'

type Parts = { host: Host; tracker: Tracker; inTurn: Queue }
type DeviceOperations = Pick<
  VirtDriver,
  'attachVolume' | 'detachVolume' | 'attachInterface' | 'detachInterface'
>

export function deviceOperations({ host, tracker, inTurn }: Parts): DeviceOperations {
  const changeSpec = (id: string, change: (spec: GuestSpec) => GuestSpec) =>
    updateRecord(host, id, (known) => known && { ...known, spec: change(known.spec) })

  return {
    attachVolume: (id, volume) =>
      inTurn(id, async () => {
        const { spec } = await needRecord(host, id)
        const guest = await tracker.find(id)
        await openVolume(host, volume)
        try {
          if (guest) await plugVolume(needQmp(guest), volume)
        } catch (error) {
          if (!spec.volumes.some((one) => one.volumeId === volume.volumeId))
            await takeFromGuest(host, volume.path)
          throw error
        }
        await changeSpec(id, (now) => ({
          ...now,
          volumes: [...now.volumes.filter((one) => one.volumeId !== volume.volumeId), volume],
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
        await changeSpec(id, (now) => ({
          ...now,
          nics: [...now.nics.filter((one) => one.portId !== nic.portId), nic],
        }))
      }),
    detachInterface: (id, portId, how = {}) =>
      inTurn(id, async () => {
        await needRecord(host, id)
        const guest = await tracker.find(id)
        if (guest) await unplugNic(host, needQmp(guest), portId, how.timeoutMs ?? detachTimeoutMs)
        await changeSpec(id, (now) => ({ ...now, nics: now.nics.filter((one) => one.portId !== portId) }))
      }),
  }
}

/** Lets guests reach the volume's file, which must be on this host already. */
export async function openVolume(host: Host, volume: GuestVolume): Promise<void> {
  if (!(await host.world.files.exists(volume.path))) {
    throw new CloudError(
      'unavailable',
      `Volume ${volume.volumeId} isn't on host ${host.name}: there is no ${volume.path}.`,
      {
        type: 'VolumeNotFound',
      },
    )
  }
  await giveToGuest(host, volume.path)
}
