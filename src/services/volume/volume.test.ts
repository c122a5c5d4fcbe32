// Volumes through the API: made, shown, listed, changed, enlarged and deleted, on hosts that answer in memory.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { schemaDifferences } from '#kit/db/schema.ts'
import { taskTable } from '#kit/task/store.ts'
import { tables } from './store/tables.ts'
import { projectId, strangerId, type TestVolume, testVolume } from './test-volume.ts'

let test: TestVolume
beforeEach(async () => {
  test = await testVolume()
})
afterEach(() => test.stop())

const path = `/v3/${projectId}/volumes`
const member = (version?: string) => test.as('member', version)
const show = async (id: string, version = '3.0') =>
  (await member(version)('GET', `${path}/${id}`)).body.volume

describe('the tables', () => {
  it('are what the migrations make', async () => {
    expect(await schemaDifferences(test.service.app.db, [...tables, taskTable])).toEqual([])
  })
})

describe('a new volume', () => {
  it('is answered at once and becomes available on the host with most room', async () => {
    const roomy = await test.host('node2', { totalGib: 900, freeGib: 900 })
    const answer = await member()('POST', path, { volume: { size: 5, name: 'disk', metadata: { a: 'b' } } })
    expect(answer.status).toBe(202)
    expect(Object.keys(answer.body.volume).sort()).toEqual([
      'attachments',
      'availability_zone',
      'bootable',
      'consistencygroup_id',
      'created_at',
      'description',
      'encrypted',
      'id',
      'links',
      'metadata',
      'migration_status',
      'multiattach',
      'name',
      'replication_status',
      'size',
      'snapshot_id',
      'source_volid',
      'status',
      'updated_at',
      'user_id',
      'volume_type',
    ])
    const { id } = answer.body.volume
    expect(answer.body.volume).toMatchObject({
      status: 'creating',
      volume_type: '__DEFAULT__',
      bootable: 'false',
    })
    await test.world.settle()
    expect(await show(id)).toMatchObject({
      status: 'available',
      size: 5,
      name: 'disk',
      metadata: { a: 'b' },
      'os-vol-tenant-attr:tenant_id': projectId,
    })
    expect(roomy.volumes.get(id)).toBe(5)
    const asAdmin = await test.as('admin')('GET', `/v3/volumes/${id}`)
    expect(asAdmin.body.volume['os-vol-host-attr:host']).toBe('node2@file#file')
    expect(test.bus.notifications.map((each) => each.eventType)).toEqual([
      'volume.create.start',
      'volume.create.end',
    ])
  })

  it('is filled from an image that it can hold, and tells what the image said', async () => {
    test.images.set('i1', {
      id: 'i1',
      name: 'tiny',
      status: 'active',
      size: 1.5 * 2 ** 30,
      min_disk: 2,
      min_ram: 64,
      disk_format: 'qcow2',
      container_format: 'bare',
      visibility: 'public',
      hw_disk_bus: 'virtio',
    })
    const small = await member()('POST', path, { volume: { size: 1, imageRef: 'i1' } })
    expect(small).toMatchObject({ status: 400, body: { badRequest: { code: 400 } } })
    const { id } = await test.volume({ size: 2, imageRef: 'i1' })
    const shown = await show(id)
    expect(shown).toMatchObject({
      bootable: 'true',
      volume_image_metadata: { image_id: 'i1', min_disk: '2', hw_disk_bus: 'virtio' },
    })
    expect((await member()('POST', path, { volume: { size: 9, imageRef: 'i2' } })).status).toBe(400)
  })

  it.each([
    [{ size: 0 }],
    [{}],
    [{ size: 'ten' }],
    [{ size: 1, name: 'n'.repeat(256) }],
    [{ size: 1, availability_zone: 'moon' }],
    [{ size: 1, source_volid: 'x' }],
    [{ size: 1, metadata: { a: 'v'.repeat(256) } }],
  ])('is refused where something is wrong (%#)', async (volume) => {
    const answer = await member()('POST', path, { volume })
    expect(answer.status).toBe(400)
    expect(answer.body.badRequest.message).toEqual(expect.any(String))
  })

  it('is not made from another volume, and that one is not there where it is none', async () => {
    const from = async (source_volid: string) =>
      (await member()('POST', path, { volume: { size: 1, source_volid } })).status
    expect(await from((await test.volume()).id)).toBe(400)
    expect(await from('11111111-2222-4333-8444-555555555555')).toBe(404)
  })

  it('may have a name of 255 characters', async () => {
    expect((await test.volume({ name: 'n'.repeat(255) })).id).toBeDefined()
  })

  it('with members that nobody knows is taken until 3.52 and refused from 3.53 on', async () => {
    const volume = { size: 1, colour: 'blue' }
    expect((await member('3.52')('POST', path, { volume })).status).toBe(202)
    expect((await member('3.53')('POST', path, { volume })).status).toBe(400)
  })

  it('beyond the quota is refused with 413, and the quota counts what is there', async () => {
    await test.as('admin')('PUT', `/v3/os-quota-sets/${projectId}`, {
      quota_set: { volumes: 1, gigabytes: 4 },
    })
    const large = await member()('POST', path, { volume: { size: 5 } })
    expect(large.status).toBe(413)
    expect(large.body.overLimit).toMatchObject({ code: 413, retryAfter: '0' })
    expect(large.headers['retry-after']).toBe('0')
    const { id } = await test.volume({ size: 4 })
    const usage = await member()('GET', `/v3/${projectId}/os-quota-sets/${projectId}?usage=True`)
    expect(usage.body.quota_set).toMatchObject({
      volumes: { limit: 1, in_use: 1, reserved: 0 },
      gigabytes: { limit: 4, in_use: 4 },
      gigabytes___DEFAULT__: { limit: -1, in_use: 4 },
    })
    await member()('DELETE', `${path}/${id}`)
    await test.world.settle()
    expect((await member()('GET', '/v3/limits')).body.limits.absolute).toMatchObject({
      maxTotalVolumes: 1,
      totalVolumesUsed: 0,
      totalGigabytesUsed: 0,
    })
    await test.volume()
    const second = await member()('POST', path, { volume: { size: 1 } })
    expect(second.body.overLimit.message).toContain('VolumeLimitExceeded')
  })

  it('is in error where no host is up, and can then be deleted', async () => {
    await test.world.advance(120_000)
    const { id } = await test.volume()
    expect((await show(id)).status).toBe('error')
    expect((await member()('DELETE', `${path}/${id}`)).status).toBe(202)
    await test.world.settle()
    expect((await member()('GET', `${path}/${id}`)).status).toBe(404)
  })
})

describe('a volume at a version', () => {
  const since: [string, string[]][] = [
    ['3.12', []],
    ['3.13', ['group_id']],
    ['3.48', ['group_id', 'service_uuid', 'shared_targets']],
    ['3.63', ['group_id', 'service_uuid', 'shared_targets', 'volume_type_id']],
    ['3.65', ['consumes_quota', 'group_id', 'service_uuid', 'shared_targets', 'volume_type_id']],
  ]
  it.each(since)('%s shows %j besides', async (version, names) => {
    const { id } = await test.volume()
    const first = Object.keys(await show(id, '3.0'))
    const now = Object.keys(await show(id, version))
    expect(now.filter((name) => !first.includes(name)).sort()).toEqual(names)
  })

  it('tells administrators of cluster and provider', async () => {
    const { id } = await test.volume()
    const shown = (await test.as('admin', '3.61')('GET', `/v3/volumes/${id}`)).body.volume
    expect(shown).toMatchObject({ cluster_name: null, provider_id: null })
    expect(shown.service_uuid).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('answers versions that are none with 400 and those out of range with 406', async () => {
    expect((await member('3')('GET', path)).status).toBe(400)
    expect((await member('3.71')('GET', path)).status).toBe(406)
    expect((await member('3.70')('GET', path)).headers['openstack-api-version']).toBe('volume 3.70')
  })
})

describe('the list of volumes', () => {
  it('pages by limit and marker, newest first, with a link to what follows', async () => {
    const ids: string[] = []
    for (const name of ['a', 'b', 'c']) ids.unshift((await test.volume({ name })).id)
    const first = await member()('GET', `${path}?limit=2`)
    expect(first.body.volumes.map((v: { id: string }) => v.id)).toEqual(ids.slice(0, 2))
    const [{ rel, href }] = first.body.volumes_links
    expect(rel).toBe('next')
    const second = await member()('GET', href.replace(/^http:\/\/[^/]+/, ''))
    expect(second.body).toMatchObject({ volumes: [{ id: ids[2] }] })
    expect(second.body.volumes_links).toBeUndefined()
    expect((await member()('GET', `${path}?limit=3`)).body.volumes_links).toHaveLength(1)
    const sorted = await member()('GET', `${path}/detail?sort=name:asc&limit=1&marker=${ids[2]}`)
    expect(sorted.body.volumes.map((v: { name: string }) => v.name)).toEqual(['b'])
    expect((await member('3.45')('GET', `${path}?with_count=true&limit=1`)).body.count).toBe(3)
  })

  it('filters by what is exact, by status and by metadata', async () => {
    await test.volume({ name: 'one', metadata: { kind: 'x' } })
    await test.volume({ name: 'two', size: 2 })
    const names = async (query: string, version?: string) =>
      (await member(version)('GET', `${path}?${query}`)).body.volumes.map((v: { name: string }) => v.name)
    expect(await names('name=one')).toEqual(['one'])
    expect(await names('status=available&size=2')).toEqual(['two'])
    expect(await names(`metadata=${encodeURIComponent("{'kind': 'x'}")}`)).toEqual(['one'])
    expect(await names('name~=w', '3.34')).toEqual(['two'])
    expect((await member('3.31')('GET', `${path}?colour=blue`)).status).toBe(400)
    expect((await member()('GET', `${path}?limit=-1`)).status).toBe(400)
  })

  it("holds the caller's project alone; an administrator may ask for all", async () => {
    const { id } = await test.volume()
    expect((await test.as('stranger')('GET', `/v3/${strangerId}/volumes`)).body.volumes).toEqual([])
    expect(
      (await test.as('stranger')('GET', `/v3/${strangerId}/volumes?all_tenants=1`)).body.volumes,
    ).toEqual([])
    expect((await test.as('admin')('GET', '/v3/volumes')).body.volumes).toEqual([])
    expect((await test.as('admin')('GET', '/v3/volumes?all_tenants=1')).body.volumes).toMatchObject([{ id }])
    expect((await test.as('admin', '3.36')('GET', '/v3/volumes/summary?all_tenants=1')).body).toEqual({
      'volume-summary': { total_count: 1, total_size: 1, metadata: {} },
    })
  })
})

describe('who may', () => {
  it('nobody sees the volumes of others, nor touches them', async () => {
    const { id } = await test.volume()
    const stranger = test.as('stranger', '3.60')
    const own = `/v3/${strangerId}/volumes/${id}`
    expect((await stranger('GET', own)).status).toBe(404)
    expect((await stranger('PUT', own, { volume: { name: 'mine' } })).status).toBe(404)
    expect((await stranger('DELETE', own)).status).toBe(404)
    expect((await stranger('POST', `${own}/action`, { 'os-extend': { new_size: 2 } })).status).toBe(404)
    expect((await stranger('GET', `${path}/${id}`)).status).toBe(400)
    const instance_uuid = test.world.random.uuid()
    const attachment = { volume_uuid: id, instance_uuid }
    expect((await stranger('POST', '/v3/attachments', { attachment })).status).toBe(404)
  })

  it('a reader reads and no more, and without a token there is nothing', async () => {
    const { id } = await test.volume()
    const reader = test.as('reader')
    expect((await reader('GET', `${path}/${id}`)).status).toBe(200)
    expect((await reader('POST', path, { volume: { size: 1 } })).status).toBe(403)
    expect((await reader('DELETE', `${path}/${id}`)).status).toBe(403)
    expect(
      (await member()('POST', `${path}/${id}/action`, { 'os-reset_status': { status: 'error' } })).status,
    ).toBe(403)
    expect((await test.as(undefined)('GET', path)).status).toBe(401)
  })

  it('another service names the project for which it acts', async () => {
    const made = await test.as('service')('POST', path, { volume: { size: 1 } })
    expect(made.status).toBe(202)
    expect((await show(made.body.volume.id))['os-vol-tenant-attr:tenant_id']).toBe(projectId)
  })
})

describe('a volume that exists', () => {
  it('is renamed and keeps its metadata by key', async () => {
    const { id } = await test.volume()
    const renamed = await member()('PUT', `${path}/${id}`, { volume: { name: 'new', description: 'words' } })
    expect(renamed).toMatchObject({ status: 200, body: { volume: { name: 'new', description: 'words' } } })
    const keys = `${path}/${id}/metadata`
    expect((await member()('POST', keys, { metadata: { a: '1', b: '2' } })).body).toEqual({
      metadata: { a: '1', b: '2' },
    })
    expect((await member()('PUT', `${keys}/a`, { meta: { a: '3' } })).body).toEqual({ meta: { a: '3' } })
    expect((await member()('PUT', `${keys}/a`, { meta: { c: '3' } })).status).toBe(400)
    expect((await member()('DELETE', `${keys}/b`)).status).toBe(200)
    expect((await member()('GET', `${keys}/b`)).status).toBe(404)
    expect((await member()('PUT', keys, { metadata: { z: 'z' } })).body).toEqual({ metadata: { z: 'z' } })
    expect((await show(id)).metadata).toEqual({ z: 'z' })
    expect((await member('3.53')('PUT', `${path}/${id}`, { volume: {} })).status).toBe(400)
  })

  it('grows, but neither shrinks nor grows beyond the quota', async () => {
    const { id } = await test.volume({ size: 2 })
    const extend = (new_size: unknown) =>
      member()('POST', `${path}/${id}/action`, { 'os-extend': { new_size } })
    expect((await extend(2)).status).toBe(400)
    expect((await extend(2000)).status).toBe(413)
    expect((await extend(3)).status).toBe(202)
    expect((await show(id)).status).toBe('extending')
    await test.world.settle()
    expect(await show(id)).toMatchObject({ status: 'available', size: 3 })
  })

  it('can be made bootable and read-only', async () => {
    const { id } = await test.volume()
    const act = (body: unknown) => member()('POST', `${path}/${id}/action`, body)
    expect((await act({ 'os-set_bootable': { bootable: 'True' } })).status).toBe(200)
    expect((await act({ 'os-update_readonly_flag': { readonly: true } })).status).toBe(202)
    expect(await show(id)).toMatchObject({ bootable: 'true', metadata: { readonly: 'True' } })
    expect((await act({ 'os-fly': null })).status).toBe(400)
  })

  it('tells among its metadata how it is attached, and that it is read-only', async () => {
    const { id } = await test.volume({ metadata: { colour: 'red' } })
    const act = (body: unknown) => member()('POST', `${path}/${id}/action`, body)
    await act({ 'os-update_readonly_flag': { readonly: true } })
    await act({ 'os-attach': { host_name: 'node1', mountpoint: '/dev/vdb', mode: 'ro' } })
    const all = { colour: 'red', readonly: 'True', attached_mode: 'ro' }
    expect((await show(id)).metadata).toEqual(all)
    const { volumes } = (await member()('GET', `${path}/detail`)).body
    expect(volumes[0].metadata).toEqual(all)
    // Not its owner's words: they can't be changed there.
    expect((await member()('GET', `${path}/${id}/metadata`)).body).toEqual({ metadata: { colour: 'red' } })
    await act({ 'os-detach': {} })
    await act({ 'os-update_readonly_flag': { readonly: false } })
    expect((await show(id)).metadata).toEqual({ colour: 'red' })
  })

  it('is deleted, and gone from its host', async () => {
    const host = await test.host('node1')
    const { id } = await test.volume()
    expect(host.volumes.size).toBe(1)
    expect((await member()('DELETE', `${path}/${id}`)).status).toBe(202)
    expect((await show(id)).status).toBe('deleting')
    await test.world.settle()
    expect((await member()('GET', `${path}/${id}`)).status).toBe(404)
    expect(host.volumes.size).toBe(0)
  })

  it('stays in error_deleting where the host can not remove it, until it can', async () => {
    const host = await test.host('node1')
    const { id } = await test.volume()
    host.failures.delete.push('The disk is on fire.')
    await member()('DELETE', `${path}/${id}`)
    await test.world.settle()
    expect((await show(id)).status).toBe('error_deleting')
    await member()('DELETE', `${path}/${id}`)
    await test.world.settle()
    expect((await member()('GET', `${path}/${id}`)).status).toBe(404)
  })

  it('waits to be deleted for a host that is away', async () => {
    const host = await test.host('node1')
    const { id } = await test.volume()
    host.mute = true
    await member()('DELETE', `${path}/${id}`)
    await test.world.advance(600_000)
    expect((await show(id)).status).toBe('deleting')
    host.mute = false
    await test.world.advance(60_000)
    expect((await member()('GET', `${path}/${id}`)).status).toBe(404)
  })
})

describe('where clients start', () => {
  it('the versions need no token', async () => {
    const anyone = test.as(undefined)
    expect(await anyone('GET', '/')).toMatchObject({
      status: 300,
      body: { versions: [{ id: 'v3.0', min_version: '3.0', version: '3.70', status: 'CURRENT' }] },
    })
    expect((await anyone('GET', '/v3/')).status).toBe(200)
    expect((await member()('GET', `/v3/${projectId}/extensions`)).body.extensions.length).toBeGreaterThan(5)
    expect((await member()('GET', '/v3/nothing')).status).toBe(404)
  })
})
