// Where a new volume goes: to the host that is up and has the most room.
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { VolumeApp } from '../app.ts'
import { isUp } from '../resources/volume-service.ts'
import { sizeByHost } from '../store/volume.ts'
import { volumeHosts } from '../store/volume-service.ts'

/** Sparse volumes fill up later: what is promised counts as taken before what is free is looked at. */
export async function chooseHost(app: VolumeApp, sizeGib: number, zone: string): Promise<string> {
  const { db, world, config } = app
  const now = world.clock.now()
  if (zone !== config.availabilityZone)
    throw new CloudError('conflict', `No volume host stands in availability zone ${zone}.`)
  const up = (await volumeHosts(db)).filter(
    (each) => !each.disabled && isUp(each, now, config.serviceDownTime),
  )
  if (up.length === 0) throw new CloudError('conflict', 'No volume host is up.')
  const promised = await sizeByHost(db)
  const [best] = up
    .filter((each) => each.freeGib >= sizeGib)
    .map((each) => ({ host: each.host, left: each.totalGib - (promised.get(each.host)?.gigabytes ?? 0) }))
    .sort((a, b) => b.left - a.left || a.host.localeCompare(b.host))
  if (!best) throw new CloudError('conflict', `No volume host has ${sizeGib} GiB left.`)
  return best.host
}
