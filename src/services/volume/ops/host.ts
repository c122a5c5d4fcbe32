// Which host holds a volume: a new one goes to the host that is up and has the most room, one that grows stays where it is.
// Read and written in one transaction, so that two at once can't both take the last room.
import type { Db, Transaction } from '#kit/db/database.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { VolumeApp } from '../app.ts'
import { isUp, type VolumeService } from '../resources/volume-service.ts'
import { sizeByHost } from '../store/volume.ts'
import { findService, volumeHosts } from '../store/volume-service.ts'

/** The caller writes the host into the volume's row in the same transaction. */
export async function chooseHost(
  tx: Transaction,
  app: VolumeApp,
  sizeGib: number,
  zone: string,
): Promise<string> {
  const { world, config } = app
  const now = world.clock.now()
  if (zone !== config.availabilityZone)
    throw new CloudError('conflict', `No volume host stands in availability zone ${zone}.`)
  const up = (await volumeHosts(tx)).filter(
    (each) => !each.disabled && isUp(each, now, config.serviceDownTime),
  )
  if (up.length === 0) throw new CloudError('conflict', 'No volume host is up.')
  const promised = await promisedGib(tx)
  const [best] = up
    .map((each) => ({ ...each, promised: promised(each.host) }))
    .filter((each) => each.freeGib >= sizeGib && each.promised + sizeGib <= mostGib(app, each))
    .sort((a, b) => b.totalGib - b.promised - (a.totalGib - a.promised) || a.host.localeCompare(b.host))
  if (!best) throw new CloudError('conflict', `No volume host has ${sizeGib} GiB left.`)
  return best.host
}

/** Throws where the host can't promise so much more; one that is gone is not looked at. */
export async function requireRoom(
  tx: Transaction,
  app: VolumeApp,
  host: string | null,
  moreGib: number,
): Promise<void> {
  const service = host === null ? undefined : await findService(tx, 'cinder-volume', host)
  if (!service) return
  const promised = (await promisedGib(tx))(service.host)
  if (service.freeGib >= moreGib && promised + moreGib <= mostGib(app, service)) return
  throw new CloudError('conflict', `Volume host ${service.host} doesn't have ${moreGib} GiB left.`)
}

async function promisedGib(db: Db): Promise<(host: string) => number> {
  const sizes = await sizeByHost(db)
  return (host) => sizes.get(host)?.gigabytes ?? 0
}

/** Sparse volumes fill up later, and seldom all: so more may be promised than there is. */
function mostGib({ config }: VolumeApp, { totalGib }: VolumeService): number {
  return totalGib * config.maxOverSubscriptionRatio
}

/** Throws where the host was removed from the cloud: nobody will answer for it any more. */
export async function requireHost(db: Db, host: string): Promise<void> {
  if (await findService(db, 'cinder-volume', host)) return
  throw new CloudError('gone', `Host ${host} was removed from the cloud.`)
}
