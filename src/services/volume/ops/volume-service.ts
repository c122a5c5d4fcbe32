// The processes of volume: their heart-beats, and what administrators see and set of them.

import type { VolumeHostReport } from '#contracts/volume-agent.ts'
import { CloudError } from '#kit/errors/cloud-error.ts'
import type { Query } from '#kit/http/route.ts'
import type { VolumeApp, VolumeContext } from '../app.ts'
import { isUp, type ShownService, type VolumeService } from '../resources/volume-service.ts'
import { failVolumesOn, sizeByHost } from '../store/volume.ts'
import * as store from '../store/volume-service.ts'

export async function acceptReport(app: VolumeApp, report: VolumeHostReport): Promise<void> {
  const { host, backend, totalGib, freeGib } = report
  const now = app.world.clock.now()
  const id = app.world.random.uuid()
  await store.beat(app.db, {
    id,
    binary: 'cinder-volume',
    host: `${host}@${backend}`,
    totalGib,
    freeGib,
    now,
  })
}

/** This process's own. */
export async function beatOwn(app: VolumeApp): Promise<void> {
  const { random, clock, host } = app.world
  const id = random.uuid()
  const now = clock.now()
  await store.beat(app.db, { id, binary: 'cinder-scheduler', host: host.name, totalGib: 0, freeGib: 0, now })
}

function shown(app: VolumeApp, row: VolumeService): ShownService {
  const up = isUp(row, app.world.clock.now(), app.config.serviceDownTime)
  return { ...row, up, zone: app.config.availabilityZone }
}

export async function listServices(context: VolumeContext, query: Query): Promise<ShownService[]> {
  const { app } = context
  const host = query.get('host')
  const binary = query.get('binary') ?? query.get('service')
  const rows = await store.allServices(app.db)
  return rows
    .filter((row) => host === undefined || row.host === host || row.host.startsWith(`${host}@`))
    .filter((row) => binary === undefined || row.binary === binary)
    .map((row) => shown(app, row))
}

export type Switch = { binary?: string; service?: string; host?: string | null; disabledReason?: string }

export async function switchService(
  context: VolumeContext,
  wish: Switch,
  disabled: boolean,
): Promise<VolumeService> {
  const { db, world } = context.app
  const binary = wish.binary ?? wish.service
  if (!binary || !wish.host) throw new CloudError('badRequest', 'Missing required element: binary and host')
  const row = (await store.allServices(db)).find((each) => each.binary === binary && each.host === wish.host)
  if (!row) throw new CloudError('notFound', `Service ${binary} on host ${wish.host} could not be found.`)
  const change = {
    disabled,
    disabledReason: disabled ? (wish.disabledReason ?? null) : null,
    updatedAt: world.clock.now(),
  }
  await store.updateService(db, row.id, change)
  return { ...row, ...change }
}

/**
 * Forgets a back end that is gone for good with what it held: its volumes are in error, and can be deleted without it.
 * Kind 'conflict' while it is enabled: a new volume could be on its way to it.
 */
export async function deleteVolumeHost(context: VolumeContext, host: string): Promise<void> {
  const { db, world, log } = context.app
  const lost = await db.transaction(async (tx) => {
    const row = await store.findService(tx, 'cinder-volume', host)
    if (!row) throw new CloudError('notFound', `Service cinder-volume on host ${host} could not be found.`)
    if (!row.disabled)
      throw new CloudError('conflict', `Service cinder-volume on host ${host} is enabled: disable it first.`)
    await store.deleteService(tx, row.id)
    return failVolumesOn(tx, host, world.clock.now())
  })
  log.info({ host, lost }, 'a volume host is forgotten')
}

export type Pool = { service: VolumeService; promisedGib: number; volumes: number }

export async function listPools(context: VolumeContext): Promise<Pool[]> {
  const { db, world, config } = context.app
  const sizes = await sizeByHost(db)
  const hosts = await store.volumeHosts(db)
  return hosts
    .filter((each) => isUp(each, world.clock.now(), config.serviceDownTime))
    .map((service) => ({
      service,
      promisedGib: sizes.get(service.host)?.gigabytes ?? 0,
      volumes: sizes.get(service.host)?.volumes ?? 0,
    }))
}
