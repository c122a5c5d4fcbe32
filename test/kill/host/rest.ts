// Brings the cloud back to how it is at rest, as its users would: by asking for it. What they can't ask away is a leak.

import { isCutOff } from '#test/kill/patience.ts'
import { otherPorts } from './operation/device.ts'
import { floatingOf, routerInterface, setFloating } from './operation/network.ts'
import { bringTo, passing, shownServer } from './operation/operation.ts'
import type { Stage } from './stage.ts'

type Row = { id: string; name: string; status: string }

export async function comeToRest(stage: Stage): Promise<void> {
  await removeServers(stage)
  for (const { id } of [stage.spare, stage.subject, stage.bystander]) await bringTo(stage, id, 'ACTIVE')
  await freeVolume(stage)
  await removeVolumes(stage)
  for (const port of await otherPorts(stage)) {
    const path = `/servers/${stage.subject.id}/os-interface/${port.id}`
    await gently(() => stage.admin.call('compute', { method: 'DELETE', path }))
  }
  await stage.until('the subject has one card', async () => (await otherPorts(stage)).length === 0)
  if ((await floatingOf(stage)).port_id === null) await gently(() => setFloating(stage, stage.subject.portId))
  await gently(() => routerInterface(stage, 'remove'))
  await removeImages(stage)
  await removeNetworks(stage)
}

async function listed(stage: Stage, type: string, path: string, key: string): Promise<Row[]> {
  const all = (await stage.ask<Record<string, Row[]>>(type, { path }))[key]!
  return all.filter(({ name }) => name.startsWith(passing))
}

async function removeServers(stage: Stage): Promise<void> {
  for (const { id } of await listed(stage, 'compute', '/servers', 'servers')) {
    await gently(() => stage.admin.call('compute', { method: 'DELETE', path: `/servers/${id}` }))
    await stage.until(`server ${id} is deleted`, async () => !(await shownServer(stage, id)))
  }
}

async function freeVolume(stage: Stage): Promise<void> {
  const { id: serverId } = stage.subject
  const path = `/servers/${serverId}/os-volume_attachments/${stage.volumeId}`
  await stage.until('the volume is free', async () => {
    const { volume } = await stage.ask<{ volume: Row }>('block-storage', {
      path: `/volumes/${stage.volumeId}`,
    })
    if (volume.status === 'available') return true
    if (volume.status === 'in-use')
      await gently(() => stage.admin.call('compute', { method: 'DELETE', path }))
    return false
  })
}

async function removeVolumes(stage: Stage): Promise<void> {
  await stage.until('the volumes are deleted', async () => {
    const volumes = await listed(stage, 'block-storage', '/volumes/detail', 'volumes')
    for (const { id, status } of volumes)
      if (!status.endsWith('ing'))
        await gently(() => stage.admin.call('block-storage', { method: 'DELETE', path: `/volumes/${id}` }))
    return volumes.length === 0
  })
}

async function removeImages(stage: Stage): Promise<void> {
  for (const { id } of await listed(stage, 'image', '/v2/images', 'images'))
    await gently(() => stage.admin.call('image', { method: 'DELETE', path: `/v2/images/${id}` }))
}

async function removeNetworks(stage: Stage): Promise<void> {
  for (const kind of ['routers', 'networks'])
    for (const { id } of await listed(stage, 'network', `/v2.0/${kind}`, kind))
      await gently(() => stage.admin.call('network', { method: 'DELETE', path: `/v2.0/${kind}/${id}` }))
}

/** Gone already, or just being changed: what follows looks whether it came about. */
async function gently(ask: () => Promise<unknown>): Promise<void> {
  await ask().catch((error: unknown) => {
    const kind = error instanceof Error && 'kind' in error ? String(error.kind) : ''
    if (!isCutOff(error) && !['notFound', 'conflict', 'badRequest'].includes(kind)) throw error
  })
}
