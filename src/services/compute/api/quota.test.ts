// Limits and quotas as projects see them and as administrators change them, and server groups.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { projectId, type TestCompute, testCompute } from '../test-compute.ts'

let cloud: TestCompute
beforeEach(async () => {
  cloud = await testCompute()
})
afterEach(() => cloud.stop())
const as = (who: string, version?: string) => cloud.as(who, version)
const path = `/v2.1/os-quota-sets/${projectId}`
const memberId = 'u'.repeat(32)

const set = (limits: Record<string, unknown>, query = '') =>
  as('admin')('PUT', path + query, { quota_set: limits })
const create = async () => {
  const flavorRef = await cloud.flavor({ vcpus: 2, ram: 512 })
  const server = { name: 'vm', flavorRef, imageRef: cloud.image(), networks: 'none' }
  const answer = await as('member', '2.37')('POST', '/v2.1/servers', { server })
  await cloud.world.settle()
  return answer
}

describe('quotas', () => {
  it('start with the defaults, which configuration gives', async () => {
    const defaults = await as('reader', '2.57')('GET', `${path}/defaults`)
    expect(defaults.body.quota_set).toEqual({
      id: projectId,
      instances: 10,
      cores: 20,
      ram: 51_200,
      metadata_items: 128,
      key_pairs: 100,
      server_groups: 10,
      server_group_members: 10,
    })
    expect((await as('reader', '2.57')('GET', path)).body).toEqual(defaults.body)
    const old = await as('reader')('GET', path)
    expect(old.body.quota_set).toMatchObject({ fixed_ips: -1, floating_ips: -1, injected_files: 5 })
  })

  it('hold for new servers, and free again with deleted ones', async () => {
    expect((await set({ instances: 2, cores: 3 })).status).toBe(200)
    const first = await create()
    expect(first.status).toBe(202)
    const over = await create()
    expect(over.status).toBe(403)
    expect(over.body.forbidden.message).toMatch(
      /^Quota exceeded for cores: Requested 2, but already used 2 of 3/,
    )
    const detail = (await as('member')('GET', `${path}/detail`)).body.quota_set
    expect(detail.instances).toEqual({ limit: 2, in_use: 1, reserved: 0 })
    expect(detail.cores).toEqual({ limit: 3, in_use: 2, reserved: 0 })
    await as('member')('DELETE', `/v2.1/servers/${first.body.server.id}`)
    await cloud.world.settle()
    expect((await create()).status).toBe(202)
  })

  it('are no lower than what is used, unless forced', async () => {
    await create()
    expect((await set({ cores: 1 })).status).toBe(400)
    expect((await set({ cores: 1, force: true })).body.quota_set.cores).toBe(1)
    expect((await as('member')('GET', path)).body.quota_set.cores).toBe(1)
  })

  it('of a user lie within those of the project, and hold for that user', async () => {
    const query = `?user_id=${memberId}`
    await set({ instances: 5 })
    expect((await set({ instances: 6 }, query)).status).toBe(400)
    expect((await set({ instances: 0 }, query)).body.quota_set.instances).toBe(0)
    expect((await as('admin')('GET', path)).body.quota_set.instances).toBe(5)
    expect((await as('admin')('GET', path + query)).body.quota_set.instances).toBe(0)
    expect((await create()).status).toBe(403)
    expect((await as('admin')('DELETE', path + query)).status).toBe(202)
    expect((await create()).status).toBe(202)
    expect((await as('admin')('GET', path)).body.quota_set.instances).toBe(5)
  })

  it('of a user hold where the project has none', async () => {
    await set({ instances: -1, cores: -1, ram: -1 })
    await set({ cores: 3 }, `?user_id=${memberId}`)
    expect((await create()).status).toBe(202)
    expect((await create()).body.forbidden.message).toMatch(
      /^Quota exceeded for cores: Requested 2, but already used 2 of 3/,
    )
  })

  it('go back to the defaults when deleted', async () => {
    await set({ ram: 1024 })
    expect((await as('admin')('DELETE', path)).status).toBe(202)
    expect((await as('member')('GET', path)).body.quota_set.ram).toBe(51_200)
  })

  it.each([{ cores: -2 }, { cores: 'many' }, { cores: 2 ** 31 }, { pets: 1 }, { cores: null }])(
    'cannot be %j',
    async (limits) => expect((await set(limits)).status).toBe(400),
  )

  it('may be set by administrators, and seen by the project', async () => {
    const put = { quota_set: { cores: 100 } }
    for (const who of ['member', 'reader', 'stranger']) {
      expect((await as(who)('PUT', path, put)).status).toBe(403)
      expect((await as(who)('DELETE', path)).status).toBe(403)
      const seen = who === 'stranger' ? 403 : 200
      expect((await as(who)('GET', path)).status).toBe(seen)
      expect((await as(who)('GET', `${path}/detail`)).status).toBe(seen)
      expect((await as(who)('GET', '/v2.1/os-quota-class-sets/default')).status).toBe(403)
    }
  })

  it('take the class default for the defaults of all projects', async () => {
    const put = await as('admin', '2.57')('PUT', '/v2.1/os-quota-class-sets/default', {
      quota_class_set: { cores: 64, server_groups: 3 },
    })
    expect(put.body.quota_class_set).toMatchObject({ cores: 64, server_groups: 3, instances: 10 })
    expect((await as('stranger')('GET', '/v2.1/limits')).body.limits.absolute.maxTotalCores).toBe(64)
    const shown = await as('admin')('GET', '/v2.1/os-quota-class-sets/default')
    expect(shown.body.quota_class_set).toMatchObject({ id: 'default', cores: 64, fixed_ips: -1 })
    // From 2.50 on, as in Nova.
    expect(shown.body.quota_class_set).not.toHaveProperty('server_groups')
  })

  it('keep those of nova-network as old versions set them', async () => {
    const limits = (fixed_ips: number) => ({ quota_class_set: { fixed_ips } })
    const put = await as('admin', '2.49')('PUT', '/v2.1/os-quota-class-sets/default', limits(99))
    expect(put.body.quota_class_set).toMatchObject({ fixed_ips: 99, floating_ips: -1 })
    expect((await as('member')('GET', path)).body.quota_set).toMatchObject({ fixed_ips: 99 })
    await as('admin')('PUT', path, { quota_set: { fixed_ips: 7 } })
    const detail = (await as('member')('GET', `${path}/detail`)).body.quota_set
    expect(detail.fixed_ips).toEqual({ limit: 7, in_use: 0, reserved: 0 })
    expect((await as('member', '2.36')('GET', path)).body.quota_set).not.toHaveProperty('fixed_ips')
    expect((await as('admin', '2.50')('PUT', '/v2.1/os-quota-class-sets/default', limits(1))).status).toBe(
      400,
    )
  })
})

describe('limits', () => {
  it('tell a project what it may have and has, by version', async () => {
    await create()
    const now = (await as('member', '2.57')('GET', '/v2.1/limits')).body.limits
    expect(now.rate).toEqual([])
    expect(now.absolute).toEqual({
      maxServerMeta: 128,
      maxTotalInstances: 10,
      maxTotalRAMSize: 51_200,
      maxTotalCores: 20,
      maxTotalKeypairs: 100,
      maxServerGroups: 10,
      maxServerGroupMembers: 10,
      totalInstancesUsed: 1,
      totalCoresUsed: 2,
      totalRAMUsed: 512,
      totalServerGroupsUsed: 0,
    })
    const before = { maxTotalFloatingIps: -1, maxImageMeta: 128, maxPersonality: 5 }
    expect((await as('member')('GET', '/v2.1/limits')).body.limits.absolute).toMatchObject(before)
    expect((await as('nobody')('GET', '/v2.1/limits')).status).toBe(200)
  })

  it('of another project are for administrators', async () => {
    await create()
    const other = `/v2.1/limits?tenant_id=${projectId}`
    expect((await as('admin')('GET', other)).body.limits.absolute.totalInstancesUsed).toBe(1)
    expect((await as('stranger')('GET', other)).status).toBe(403)
    expect((await as('member')('GET', other)).status).toBe(200)
  })
})

describe('server groups', () => {
  const make = (group: Record<string, unknown>, version = '2.64', who = 'member') =>
    as(who, version)('POST', '/v2.1/os-server-groups', { server_group: { name: 'g', ...group } })

  it('have policies until 2.63, and one policy with rules from 2.64 on', async () => {
    const old = await make({ policies: ['anti-affinity'] }, '2.1')
    expect(old.body.server_group).toEqual({
      id: expect.any(String),
      name: 'g',
      policies: ['anti-affinity'],
      metadata: {},
      members: [],
    })
    const { id } = old.body.server_group
    const now = await as('reader', '2.64')('GET', `/v2.1/os-server-groups/${id}`)
    expect(now.body.server_group).toEqual({
      id,
      name: 'g',
      policy: 'anti-affinity',
      rules: {},
      members: [],
      project_id: projectId,
      user_id: memberId,
    })
    expect((await make({ policy: 'anti-affinity', rules: { max_server_per_host: 2 } })).status).toBe(200)
    expect((await make({ policy: 'affinity', rules: { max_server_per_host: 2 } })).status).toBe(400)
    expect((await make({ policies: ['soft-affinity'] }, '2.14')).status).toBe(400)
    expect((await make({ policies: ['soft-affinity'] }, '2.15')).status).toBe(200)
  })

  it('list their servers', async () => {
    const { id } = (await make({ policy: 'affinity' })).body.server_group
    const server = await cloud.server()
    const hinted = {
      server: { name: 'b', flavorRef: await cloud.flavor(), imageRef: cloud.image(), networks: 'none' },
      'os:scheduler_hints': { group: id },
    }
    const made = await as('member', '2.93')('POST', '/v2.1/servers', hinted)
    expect(made.status).toBe(202)
    await cloud.world.settle()
    const { members } = (await as('member', '2.64')('GET', `/v2.1/os-server-groups/${id}`)).body.server_group
    expect(members).toEqual([made.body.server.id])
    expect(members).not.toContain(server.id)
  })

  it('of another project are not there', async () => {
    const { id } = (await make({ policy: 'affinity' })).body.server_group
    const at = `/v2.1/os-server-groups/${id}`
    expect((await as('stranger')('GET', at)).status).toBe(404)
    expect((await as('stranger')('DELETE', at)).status).toBe(404)
    expect((await as('stranger')('GET', '/v2.1/os-server-groups?all_projects=1')).body.server_groups).toEqual(
      [],
    )
    const all = await as('admin')('GET', '/v2.1/os-server-groups?all_projects')
    expect(all.body.server_groups).toMatchObject([{ id }])
    expect((await as('reader')('DELETE', at)).status).toBe(403)
    expect((await as('member')('DELETE', at)).status).toBe(204)
    expect((await as('member')('GET', at)).status).toBe(404)
  })

  it('count against their quota', async () => {
    await set({ server_groups: 1 })
    expect((await make({ policy: 'affinity' })).status).toBe(200)
    expect((await make({ policy: 'affinity' })).status).toBe(403)
    expect((await as('member')('GET', '/v2.1/os-server-groups?offset=99999999999999999999')).status).toBe(400)
  })
})
