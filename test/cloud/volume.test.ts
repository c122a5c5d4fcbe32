import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Session } from '#cli/openstack.ts'
import { askForServer, bootTrace, deleteServer, type Parts, prepareBoot, showServer } from './test-boot.ts'
import { type TestCloud, testCloud } from './test-cloud.ts'

type Volume = {
  id: string
  status: string
  size: number
  bootable: string
  attachments: { server_id: string; device: string }[]
}

describe('volumes of servers', () => {
  let cloud: TestCloud
  let member: Session
  let parts: Parts
  beforeAll(async () => {
    cloud = await testCloud({ hosts: 2 })
  })
  afterAll(() => cloud?.stop())
  beforeEach(async () => {
    member = await cloud.project()
    parts = await prepareBoot(cloud, member)
  })

  const show = async (id: string) =>
    (await member.find<{ volume: Volume }>('block-storage', `/volumes/${id}`))?.volume
  const list = async () =>
    (await member.call<{ volumes: Volume[] }>('block-storage', { path: '/volumes/detail' })).volumes
  async function create(more: Record<string, unknown> = {}): Promise<string> {
    const { volume } = await member.call<{ volume: Volume }>('block-storage', {
      method: 'POST',
      path: '/volumes',
      body: { volume: { size: 1, name: 'disk', ...more } },
    })
    await cloud.settle()
    return volume.id
  }
  const remove = async (id: string) => {
    await member.call('block-storage', { method: 'DELETE', path: `/volumes/${id}` })
    await cloud.settle()
  }
  const guestDisks = () => cloud.hosts.flatMap((host) => host.virt.inventory().volumes)

  test('a volume is made, attached to a running server, detached and deleted', async () => {
    const volumeId = await create()
    expect(await show(volumeId)).toMatchObject({ status: 'available', size: 1 })
    const id = await askForServer(member, parts)
    await cloud.settle()
    await member.call('compute', {
      method: 'POST',
      path: `/servers/${id}/os-volume_attachments`,
      body: { volumeAttachment: { volumeId } },
    })
    await cloud.settle()
    expect(await show(volumeId)).toMatchObject({ status: 'in-use', attachments: [{ server_id: id }] })
    expect(guestDisks()).toHaveLength(1)
    await expect(remove(volumeId)).rejects.toMatchObject({ kind: 'badRequest' })
    await member.call('compute', {
      method: 'DELETE',
      path: `/servers/${id}/os-volume_attachments/${volumeId}`,
    })
    await cloud.settle()
    expect(await show(volumeId)).toMatchObject({ status: 'available', attachments: [] })
    expect(guestDisks()).toHaveLength(0)
    await remove(volumeId)
    expect(await show(volumeId)).toBeUndefined()
    await deleteServer(cloud, member, id)
  })

  test('a server boots with a volume of its own and one from an image, told step by step', async () => {
    const blank = await create()
    const id = await askForServer(member, parts, {
      imageRef: undefined,
      block_device_mapping_v2: [
        {
          boot_index: 0,
          uuid: parts.imageId,
          source_type: 'image',
          destination_type: 'volume',
          volume_size: 2,
          delete_on_termination: true,
        },
        { boot_index: -1, uuid: blank, source_type: 'volume', destination_type: 'volume' },
      ],
    })
    await cloud.settle()
    expect(await showServer(member, id)).toMatchObject({ status: 'ACTIVE' })
    const volumes = await list()
    expect(volumes.map((each) => [each.status, each.size, each.bootable]).sort()).toEqual([
      ['in-use', 1, 'false'],
      ['in-use', 2, 'true'],
    ])
    const steps = (await bootTrace(member, id)).phases.flatMap((phase) => phase.steps)
    const ofVolumes = steps.filter((step) => /cinder|volume/.test(step.title))
    expect(ofVolumes.length).toBeGreaterThan(1)
    expect(ofVolumes.map((step) => [step.title, step.skipped, step.missing, step.outcome])).toEqual(
      ofVolumes.map((step) => [step.title, undefined, step.missing, 'ok']),
    )
    await deleteServer(cloud, member, id)
    expect((await list()).map((each) => [each.id, each.status])).toEqual([[blank, 'available']])
    await remove(blank)
  })

  test('a volume that a request reserved for a server before it died is free again some minutes later', async () => {
    const volumeId = await create()
    const id = await askForServer(member, parts)
    await cloud.settle()
    await member.call('block-storage', {
      method: 'POST',
      path: '/attachments',
      body: { attachment: { volume_uuid: volumeId, instance_uuid: id } },
    })
    expect(await show(volumeId)).toMatchObject({ status: 'reserved' })
    await cloud.world.advance(240_000)
    expect(await show(volumeId)).toMatchObject({ status: 'reserved' })
    await cloud.world.advance(240_000)
    await cloud.settle()
    expect(await show(volumeId)).toMatchObject({ status: 'available', attachments: [] })
    await deleteServer(cloud, member, id)
    await remove(volumeId)
  })

  test('a volume host that is restarted has its volumes still, and removes those that nobody took over', async () => {
    const volumeId = await create()
    const [first] = cloud.hosts
    await first!.restart()
    await cloud.settle()
    const id = await askForServer(member, parts)
    await cloud.settle()
    await member.call('compute', {
      method: 'POST',
      path: `/servers/${id}/os-volume_attachments`,
      body: { volumeAttachment: { volumeId } },
    })
    await cloud.settle()
    expect(await show(volumeId)).toMatchObject({ status: 'in-use' })
    await deleteServer(cloud, member, id)
    expect(await show(volumeId)).toMatchObject({ status: 'available', attachments: [] })
    await remove(volumeId)
    // One left over from a build that was given up, and one of a cloud whose database is lost.
    const [leftover, stranger] = [
      '00000000-0000-4000-8000-00000000dead',
      '00000000-0000-4000-8000-00000000beef',
    ]
    await first!.volume.create(leftover, 1)
    await first!.volume.create(stranger, 1)
    await first!.volume.confirm(stranger)
    await cloud.world.advance(700_000)
    await cloud.settle()
    expect(await first!.volume.list()).toEqual([stranger])
  })
})
