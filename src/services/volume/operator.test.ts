// What administrators see and set: types and who may use them, quotas, services and the room on hosts.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { projectId, strangerId, type TestVolume, testVolume } from './test-volume.ts'

let test: TestVolume
beforeEach(async () => {
  test = await testVolume()
})
afterEach(() => test.stop())

const admin = (version?: string) => test.as('admin', version)
const names = async (query = '', who: 'admin' | 'member' | 'stranger' = 'member') => {
  const { body } = await test.as(who)('GET', `/v3/types${query}`)
  return body.volume_types.map((type: { name: string }) => type.name)
}
const makeType = async (given: Record<string, unknown>) => {
  const { body, status } = await admin()('POST', '/v3/types', { volume_type: given })
  expect(status).toBe(200)
  return body.volume_type
}

describe('volume types', () => {
  it('begin with the default, which stays', async () => {
    expect(await names()).toEqual(['__DEFAULT__'])
    const { id } = (await test.as('reader')('GET', '/v3/types/default')).body.volume_type
    expect((await admin()('DELETE', `/v3/types/${id}`)).status).toBe(400)
    expect((await test.as('member')('POST', '/v3/types', { volume_type: { name: 'x' } })).status).toBe(403)
  })

  it('are made, changed, and deleted once no volume is of them', async () => {
    const type = await makeType({ name: 'fast', description: 'quick', extra_specs: { a: 'b' } })
    expect(Object.keys(type).sort()).toEqual([
      'description',
      'extra_specs',
      'id',
      'is_public',
      'name',
      'os-volume-type-access:is_public',
    ])
    expect((await admin()('POST', '/v3/types', { volume_type: { name: 'fast' } })).status).toBe(409)
    expect((await admin()('POST', '/v3/types', { volume_type: { name: 'n'.repeat(256) } })).status).toBe(400)
    const changed = await admin()('PUT', `/v3/types/${type.id}`, { volume_type: { name: 'faster' } })
    expect(changed.body.volume_type).toMatchObject({ name: 'faster', description: 'quick' })
    const { id } = await test.volume({ volume_type: 'faster' })
    expect((await admin()('DELETE', `/v3/types/${type.id}`)).status).toBe(400)
    await test.as('member')('DELETE', `/v3/volumes/${id}`)
    await test.world.settle()
    expect((await admin()('DELETE', `/v3/types/${type.id}`)).status).toBe(202)
    expect((await admin()('GET', `/v3/types/${type.id}`)).status).toBe(404)
    const gone = await test.as('member')('POST', '/v3/volumes', {
      volume: { size: 1, volume_type: 'faster' },
    })
    expect(gone.status).toBe(404)
  })

  it('show extra specs of the hosts to administrators alone', async () => {
    const { id } = await makeType({ name: 'fast', extra_specs: { multiattach: '<is> True' } })
    const specs = `/v3/types/${id}/extra_specs`
    await admin()('POST', specs, { extra_specs: { volume_backend_name: 'file' } })
    expect((await test.as('member')('GET', specs)).body).toEqual({
      extra_specs: { multiattach: '<is> True' },
    })
    expect((await admin()('GET', `${specs}/volume_backend_name`)).body).toEqual({
      volume_backend_name: 'file',
    })
    expect(
      (await admin()('PUT', `${specs}/volume_backend_name`, { volume_backend_name: 'sim' })).body,
    ).toEqual({
      volume_backend_name: 'sim',
    })
    expect((await admin()('PUT', `${specs}/other`, { volume_backend_name: 'sim' })).status).toBe(400)
    expect((await admin()('DELETE', `${specs}/volume_backend_name`)).status).toBe(202)
    expect((await admin()('DELETE', `${specs}/volume_backend_name`)).status).toBe(404)
  })

  it('that are private are there for the projects that may use them', async () => {
    const { id } = await makeType({ name: 'secret', 'os-volume-type-access:is_public': false })
    expect(await names()).toEqual(['__DEFAULT__'])
    expect((await test.as('member')('GET', `/v3/types/${id}`)).status).toBe(404)
    const act = (body: unknown) => admin()('POST', `/v3/types/${id}/action`, body)
    expect((await act({ addProjectAccess: { project: projectId } })).status).toBe(202)
    expect((await act({ addProjectAccess: { project: projectId } })).status).toBe(409)
    expect(await names()).toEqual(['secret', '__DEFAULT__'])
    expect(await names('', 'stranger')).toEqual(['__DEFAULT__'])
    expect(await names('?is_public=False', 'admin')).toEqual(['secret'])
    expect(await names('?is_public=None', 'admin')).toEqual(['secret', '__DEFAULT__'])
    const access = await admin()('GET', `/v3/types/${id}/os-volume-type-access`)
    expect(access.body.volume_type_access).toEqual([{ volume_type_id: id, project_id: projectId }])
    expect((await act({ removeProjectAccess: { project: projectId } })).status).toBe(202)
    expect((await act({ removeProjectAccess: { project: projectId } })).status).toBe(404)
    expect(await names()).toEqual(['__DEFAULT__'])
  })
})

describe('quotas', () => {
  const path = `/v3/os-quota-sets/${projectId}`

  it('are the defaults until they are set, and again after they are deleted', async () => {
    const shown = (await test.as('member')('GET', path)).body.quota_set
    expect(shown).toMatchObject({ id: projectId, volumes: 10, gigabytes: 1000, volumes___DEFAULT__: -1 })
    expect(
      (await admin()('PUT', path, { quota_set: { volumes: '20', tenant_id: projectId } })).body.quota_set,
    ).toMatchObject({
      volumes: 20,
    })
    expect((await test.as('member')('GET', path)).body.quota_set.volumes).toBe(20)
    expect((await test.as('member')('GET', `${path}/defaults`)).body.quota_set.volumes).toBe(10)
    expect((await admin()('DELETE', path)).status).toBe(200)
    expect((await test.as('member')('GET', path)).body.quota_set.volumes).toBe(10)
  })

  it('are refused where they are none', async () => {
    expect((await admin()('PUT', path, { quota_set: { wings: 2 } })).status).toBe(400)
    expect((await admin()('PUT', path, { quota_set: { volumes: -2 } })).status).toBe(400)
    expect((await admin()('PUT', path, { quota_set: { volumes: 'many' } })).status).toBe(400)
    expect((await test.as('member')('PUT', path, { quota_set: { volumes: 2 } })).status).toBe(403)
    expect((await test.as('stranger')('GET', path)).status).toBe(403)
  })

  it('have defaults that hold for all projects', async () => {
    const set = { quota_class_set: { volumes: 3, volumes___DEFAULT__: 2 } }
    expect((await admin()('PUT', '/v3/os-quota-class-sets/default', set)).status).toBe(200)
    expect((await test.as('stranger')('GET', `/v3/os-quota-sets/${strangerId}`)).body.quota_set.volumes).toBe(
      3,
    )
    await test.volume()
    await test.volume()
    const third = await test.as('member')('POST', '/v3/volumes', { volume: { size: 1 } })
    expect(third.body.overLimit.message).toContain("'volumes___DEFAULT__'")
  })
})

describe('a quota of gigabytes', () => {
  it('counts what volumes are growing to', async () => {
    const small = await testVolume({ hosts: 0, config: { quotaGigabytes: 10 } })
    const host = await small.host('node1')
    const [one, other] = [await small.volume(), await small.volume()]
    host.mute = true
    const extend = ({ id }: { id: string }, new_size: number) =>
      small.as('member')('POST', `/v3/volumes/${id}/action`, { 'os-extend': { new_size } })
    expect((await extend(one, 6)).status).toBe(202)
    expect((await extend(other, 6)).status).toBe(413)
    const answer = await small.as('member')('POST', '/v3/volumes', { volume: { size: 4 } })
    expect(answer.body.overLimit.message).toContain('7G has been consumed')
    host.mute = false
    await small.world.advance(35_000)
    const usage = await small.as('member')('GET', `/v3/os-quota-sets/${projectId}?usage=true`)
    expect(usage.body.quota_set.gigabytes).toEqual({ limit: 10, in_use: 7, reserved: 0 })
    await small.stop()
  })
})

describe('the room on hosts', () => {
  const smallHosts = async () => {
    const small = await testVolume({ hosts: 0, config: { maxOverSubscriptionRatio: 1 } })
    for (const name of ['node1', 'node2']) await small.host(name, { totalGib: 10, freeGib: 10 })
    return small
  }
  const shown = async (of: TestVolume) => (await of.as('admin')('GET', '/v3/volumes/detail')).body.volumes
  const ask = (of: TestVolume, size: number) => of.as('admin')('POST', '/v3/volumes', { volume: { size } })

  it('is given once, however many ask for it at the same time', async () => {
    const small = await smallHosts()
    await Promise.all([6, 6, 6].map((size) => ask(small, size)))
    await small.world.settle()
    const seen = (await shown(small)).map((row: Record<string, unknown>) =>
      [row.status, row['os-vol-host-attr:host']].join(' '),
    )
    expect(seen.sort()).toEqual(['available node1@file#file', 'available node2@file#file', 'error '])
    await small.stop()
  })

  it('holds for what grows, too', async () => {
    const small = await smallHosts()
    await ask(small, 6)
    await small.world.settle()
    const [{ id }] = await shown(small)
    const extend = (size: number) =>
      small.as('admin')('POST', `/v3/volumes/${id}/action`, { 'os-extend': { new_size: size } })
    const refused = await extend(11)
    expect([refused.status, refused.body.conflictingRequest.message]).toEqual([
      409,
      "Volume host node1@file doesn't have 5 GiB left.",
    ])
    expect((await extend(10)).status).toBe(202)
    await small.stop()
  })
})

describe('services', () => {
  it('are up while they report, and take no volumes while disabled', async () => {
    await test.world.settle()
    const list = async () => (await admin('3.49')('GET', '/v3/os-services')).body.services
    expect(await list()).toMatchObject([
      { binary: 'cinder-scheduler', state: 'up', cluster: null },
      {
        binary: 'cinder-volume',
        host: 'node1@file',
        state: 'up',
        status: 'enabled',
        backend_state: 'up',
        zone: 'nova',
      },
    ])
    const which = { binary: 'cinder-volume', host: 'node1@file' }
    const off = await admin()('PUT', '/v3/os-services/disable-log-reason', {
      ...which,
      disabled_reason: 'repair',
    })
    expect(off.body).toMatchObject({ disabled: true, disabled_reason: 'repair' })
    const { id } = await test.volume()
    expect((await test.as('member')('GET', `/v3/volumes/${id}`)).body.volume.status).toBe('error')
    expect((await admin()('PUT', '/v3/os-services/enable', which)).body.status).toBe('enabled')
    expect((await admin()('PUT', '/v3/os-services/enable', { ...which, host: 'node7' })).status).toBe(404)
    await test.world.advance(61_000)
    expect((await list())[1].state).toBe('down')
    expect((await test.as('member')('GET', '/v3/os-services')).status).toBe(403)
  })

  it('are forgotten once they are gone for good, and their volumes can be deleted without them', async () => {
    const host = await test.host('node2', { totalGib: 900 })
    const { id } = await test.volume()
    host.mute = true
    const waiting = await test.volume()
    const path = '/v3/os-services/node2@file'
    expect((await admin()('DELETE', path)).status).toBe(409)
    expect((await test.as('member')('DELETE', path)).status).toBe(403)
    await admin()('PUT', '/v3/os-services/disable', { binary: 'cinder-volume', host: 'node2@file' })
    await host.stop()
    expect((await admin()('DELETE', path)).status).toBe(204)
    expect((await admin()('DELETE', path)).status).toBe(404)
    expect((await admin()('GET', '/v3/os-services?host=node2')).body.services).toEqual([])
    const status = async (of: string) =>
      (await test.as('member')('GET', `/v3/volumes/${of}`)).body.volume.status
    for (const volume of [id, waiting.id]) {
      expect(await status(volume)).toBe('error')
      expect((await test.as('member')('DELETE', `/v3/volumes/${volume}`)).status).toBe(202)
    }
    await test.world.advance(35_000)
    expect((await test.as('member')('GET', '/v3/volumes')).body.volumes).toEqual([])
    const usage = await test.as('member')('GET', `/v3/os-quota-sets/${projectId}?usage=true`)
    expect(usage.body.quota_set.gigabytes.in_use).toBe(0)
  })

  it('tell the room on hosts and what of it is promised', async () => {
    await test.volume({ size: 7 })
    const { pools } = (await admin()('GET', '/v3/scheduler-stats/get_pools?detail=True')).body
    expect(pools).toMatchObject([
      {
        name: 'node1@file#file',
        capabilities: { total_capacity_gb: 500, allocated_capacity_gb: 7, total_volumes: 1 },
      },
    ])
    expect((await admin()('GET', '/v3/os-hosts')).body.hosts).toHaveLength(2)
    expect((await test.as('member')('GET', '/v3/os-availability-zone')).body).toEqual({
      availabilityZoneInfo: [{ zoneName: 'nova', zoneState: { available: true } }],
    })
  })
})
