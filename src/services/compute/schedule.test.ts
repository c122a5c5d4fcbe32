// Where servers go: the scheduler's choice, zones, groups, what placement knows, and the quotas that hold for them.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { projectId, type TestCompute, type TestHost, testCompute } from './test-compute.ts'

let compute: TestCompute
let admin: TestCompute['call']
let node1: TestHost
beforeAll(async () => {
  compute = await testCompute({ hosts: 0, config: { quotaInstances: 100, quotaCores: 200, quotaRam: -1 } })
  node1 = await compute.host('node1')
  await compute.host('node2')
  admin = compute.as('admin')
})
afterAll(() => compute.stop())

describe('aggregates and zones', () => {
  it('give hosts a zone, and the scheduler keeps to it', async () => {
    const made = await admin('POST', '/v2.1/os-aggregates', {
      aggregate: { name: 'lab', availability_zone: 'NonProduction' },
    })
    expect(made.status).toBe(200)
    const { id } = made.body.aggregate
    const path = `/v2.1/os-aggregates/${id}`
    expect((await admin('POST', `${path}/action`, { add_host: { host: 'none' } })).status).toBe(404)
    const added = await admin('POST', `${path}/action`, { add_host: { host: 'node2' } })
    // A server of an earlier test may sit there: then its zone can't change under it.
    expect(added.status).toBe(200)
    expect(added.body.aggregate).toMatchObject({
      hosts: ['node2'],
      metadata: { availability_zone: 'NonProduction' },
    })
    const zones = (await compute.call('GET', '/v2.1/os-availability-zone')).body.availabilityZoneInfo
    expect(zones).toEqual([
      { zoneName: 'nova', zoneState: { available: true }, hosts: null },
      { zoneName: 'NonProduction', zoneState: { available: true }, hosts: null },
    ])
    const detail = (await admin('GET', '/v2.1/os-availability-zone/detail')).body.availabilityZoneInfo
    expect(detail.map((each: { zoneName: string }) => each.zoneName).sort()).toEqual([
      'NonProduction',
      'internal',
      'nova',
    ])

    const server = await compute.server({ availability_zone: 'NonProduction:node2' }, 'admin')
    const seen = (await compute.as('admin', '2.93')('GET', `/v2.1/servers/${server.id}`)).body.server
    expect([seen['OS-EXT-SRV-ATTR:host'], seen['OS-EXT-AZ:availability_zone']]).toEqual([
      'node2',
      'NonProduction',
    ])
    const wrong = {
      name: 'x',
      flavorRef: await compute.flavor(),
      imageRef: compute.image(),
      networks: 'none',
      availability_zone: 'NonProduction:node1',
    }
    const refused = await compute.as('admin', '2.93')('POST', '/v2.1/servers', { server: wrong })
    expect(refused.body.badRequest.message).toBe(
      'Compute host node1 is not in availability zone NonProduction.',
    )
    expect((await admin('POST', `${path}/action`, { remove_host: { host: 'node2' } })).status).toBe(409)
    await admin('DELETE', `/v2.1/servers/${server.id}`)
    await compute.world.settle()

    expect(
      (await admin('POST', `${path}/action`, { set_metadata: { metadata: { ssd: 'true' } } })).body.aggregate
        .metadata,
    ).toEqual({
      availability_zone: 'NonProduction',
      ssd: 'true',
    })
    expect((await admin('DELETE', path)).status).toBe(400)
    expect(
      (await admin('POST', `${path}/action`, { remove_host: { host: 'node2' } })).body.aggregate.hosts,
    ).toEqual([])
    expect((await admin('PUT', path, { aggregate: { name: 'workshop' } })).body.aggregate.name).toBe(
      'workshop',
    )
    expect((await admin('POST', '/v2.1/os-aggregates', { aggregate: { name: 'workshop' } })).status).toBe(409)
    expect((await admin('DELETE', path)).status).toBe(200)
    expect((await admin('GET', path)).status).toBe(404)
    expect(
      (await admin('POST', '/v2.1/os-aggregates', { aggregate: { name: 'x', availability_zone: 'a:b' } }))
        .status,
    ).toBe(400)
  })
})

describe('hosts', () => {
  it('tell placement of what they have, and again when it changes', async () => {
    const provider = () => [...compute.peers.providers.values()].find((each) => each.name === 'node1')!
    expect(provider().inventories).toMatchObject({
      VCPU: { total: 8, allocation_ratio: 4 },
      MEMORY_MB: { total: 16_384, reserved: 512 },
      DISK_GB: { total: 100 },
    })
    const { generation } = provider()
    await node1.report()
    expect(provider().generation).toBe(generation)
    await node1.report({ memoryMb: 20_000, traits: ['COMPUTE_NODE', 'CUSTOM_FAST'] })
    expect(provider().inventories.MEMORY_MB).toMatchObject({ total: 20_000 })
    expect(provider().traits).toContain('CUSTOM_FAST')
  })
})

describe('quotas', () => {
  const quota = `/v2.1/os-quota-sets/${projectId}`
  it('hold for servers, cores and memory, together, and for all at once', async () => {
    await admin('PUT', quota, { quota_set: { instances: 2 } })
    const server = async () => ({
      server: { name: 'q', flavorRef: await compute.flavor(), imageRef: compute.image(), networks: 'none' },
    })
    const used = (await compute.call('GET', '/v2.1/limits')).body.limits.absolute.totalInstancesUsed
    await admin('PUT', quota, { quota_set: { instances: used + 2 } })
    const wishes = await Promise.all(Array.from({ length: 6 }, server))
    const answers = await Promise.all(
      wishes.map((wish) => compute.as('member', '2.93')('POST', '/v2.1/servers', wish)),
    )
    expect(answers.map((each) => each.status).sort()).toEqual([202, 202, 403, 403, 403, 403])
    const refused = answers.find((each) => each.status === 403)!
    expect(refused.body.forbidden.message).toMatch(
      /^Quota exceeded for instances: Requested 1, but already used \d+ of \d+ instances$/,
    )
    const detail = (await compute.call('GET', `${quota}/detail`)).body.quota_set
    expect(detail.instances).toEqual({ limit: used + 2, in_use: used + 2, reserved: 0 })
    expect((await admin('PUT', quota, { quota_set: { instances: 0 } })).status).toBe(400)
    expect((await admin('PUT', quota, { quota_set: { instances: 0, force: true } })).status).toBe(200)
    expect((await admin('DELETE', quota)).status).toBe(202)
    expect((await compute.call('GET', quota)).body.quota_set).toMatchObject({
      id: projectId,
      instances: 100,
      cores: 200,
    })
    await compute.world.settle()
  })
})

describe('server groups', () => {
  it('keep servers apart or together', async () => {
    const group = async (policy: string) =>
      (
        await compute.as('member', '2.64')('POST', '/v2.1/os-server-groups', {
          server_group: { name: policy, policy },
        })
      ).body.server_group.id
    const hostOf = async (id: string) =>
      (await compute.as('admin', '2.93')('GET', `/v2.1/servers/${id}`)).body.server
    const boot = async (id: string) => {
      const server = {
        name: 'g',
        flavorRef: await compute.flavor(),
        imageRef: compute.image(),
        networks: 'none',
      }
      const answer = await compute.as('member', '2.93')('POST', '/v2.1/servers', {
        server,
        'os:scheduler_hints': { group: id },
      })
      expect(answer.status).toBe(202)
      await compute.world.settle()
      return hostOf(answer.body.server.id)
    }
    const apart = await group('anti-affinity')
    const two = [await boot(apart), await boot(apart)]
    expect(new Set(two.map((each) => each['OS-EXT-SRV-ATTR:host'])).size).toBe(2)
    expect((await boot(apart)).status).toBe('ERROR')
    const together = await group('affinity')
    const pair = [await boot(together), await boot(together)]
    expect(new Set(pair.map((each) => each['OS-EXT-SRV-ATTR:host'])).size).toBe(1)
    expect(pair[0].server_groups).toEqual([together])
    const shown = (await compute.as('member', '2.64')('GET', `/v2.1/os-server-groups/${together}`)).body
      .server_group
    expect(shown.members.sort()).toEqual(pair.map((each) => each.id).sort())
    const old = (await compute.as('member', '2.13')('GET', `/v2.1/os-server-groups/${together}`)).body
      .server_group
    expect(old).toMatchObject({ policies: ['affinity'], metadata: {}, project_id: projectId })
    expect((await compute.as('stranger')('GET', `/v2.1/os-server-groups/${together}`)).status).toBe(404)
    expect((await compute.call('DELETE', `/v2.1/os-server-groups/${together}`)).status).toBe(204)
    expect(
      (
        await compute.call('POST', '/v2.1/os-server-groups', {
          server_group: { name: 'x', policies: ['soft-affinity'] },
        })
      ).status,
    ).toBe(400)
  })
})

describe('servers of a group made at once', () => {
  const hostsOf = async (policy: string) => {
    const asked = compute.as('member', '2.64')
    const made = await asked('POST', '/v2.1/os-server-groups', { server_group: { name: policy, policy } })
    const server = {
      name: policy,
      flavorRef: await compute.flavor(),
      imageRef: compute.image(),
      networks: 'none',
      min_count: 2,
      return_reservation_id: true,
    }
    const { body } = await asked('POST', '/v2.1/servers', {
      server,
      'os:scheduler_hints': { group: made.body.server_group.id },
    })
    await compute.world.settle()
    const list = await compute.as('admin', '2.64')(
      'GET',
      `/v2.1/servers/detail?all_tenants=1&reservation_id=${body.reservation_id}`,
    )
    const pair: Record<string, string>[] = list.body.servers
    expect(pair.map((each) => each.status)).toEqual(['ACTIVE', 'ACTIVE'])
    const hosts = pair.map((each) => each['OS-EXT-SRV-ATTR:host'])
    for (const each of pair) await asked('DELETE', `/v2.1/servers/${each.id}`)
    await compute.world.settle()
    await asked('DELETE', `/v2.1/os-server-groups/${made.body.server_group.id}`)
    return new Set(hosts).size
  }

  // Equal hosts are chosen by chance: several pairs, so that none is right by luck.
  it.each([1, 2, 3, 4, 5])('keep its policy (%i)', async () => {
    expect(await hostsOf('anti-affinity')).toBe(2)
    expect(await hostsOf('affinity')).toBe(1)
  })
})

describe('the scheduler', () => {
  it('tells who was left after each filter, and the weights', async () => {
    const { id } = await compute.server()
    await compute.platform.journal.flush()
    const decision = compute.platform.events.find(
      (each) => each.name === 'scheduler.filter' && each.subject === `server:${id}`,
    )
    expect(decision).toMatchObject({ kind: 'decision', service: 'nova-scheduler', outcome: 'ok' })
    const { filters, weights } = decision!.data as {
      filters: { name: string; left: number }[]
      weights: { host: string }[]
    }
    expect(filters[0]).toMatchObject({ name: 'ComputeFilter', left: 2 })
    expect(weights.map((each) => each.host).sort()).toEqual(['node1', 'node2'])
  })

  it('writes every step of a boot into the journal (rows 49 to 77)', async () => {
    const { id } = await compute.server({ networks: [{ uuid: compute.network() }] })
    await compute.platform.journal.flush()
    const [post] = compute.platform.events.filter((each) => each.name === 'POST /v2.1/servers').slice(-1)
    const names = compute.platform.events
      .filter((each) => each.traceId === post!.traceId)
      .map((each) => `${each.service} ${each.name}`)
    for (const wanted of [
      'nova-api server.quota',
      'nova-api server.insert',
      'nova-api scheduler.selectDestinations',
      'nova-scheduler GET /allocation_candidates',
      'nova-scheduler scheduler.filter',
      'nova-scheduler PUT /allocations/:id',
      'nova-scheduler server.host',
      'nova-scheduler compute.build',
      'nova-conductor server-create.select',
      'nova-conductor server-create.settle',
    ])
      expect(names).toContain(wanted)
    expect(id).toBeTruthy()
  })

  it('asks for traits, and takes none of the hosts where none has them', async () => {
    const flavorRef = await compute.flavor()
    await admin('POST', `/v2.1/flavors/${flavorRef}/os-extra_specs`, {
      extra_specs: { 'trait:HW_CPU_X86_AVX2': 'required' },
    })
    const { id } = await compute.server({ flavorRef })
    expect((await compute.call('GET', `/v2.1/servers/${id}`)).body.server.status).toBe('ERROR')
    await node1.report({ traits: ['COMPUTE_NODE', 'HW_CPU_X86_AVX2'] })
    const second = await compute.server({ flavorRef })
    expect(
      (await compute.as('admin', '2.93')('GET', `/v2.1/servers/${second.id}`)).body.server[
        'OS-EXT-SRV-ATTR:host'
      ],
    ).toBe('node1')
  })
})

it('spreads servers that are made at once as it would those made one after the other', async () => {
  const burst = await testCompute({ hosts: 4, config: { quotaInstances: -1, quotaCores: -1, quotaRam: -1 } })
  try {
    const server = {
      ...{ name: 'burst', flavorRef: await burst.flavor(), imageRef: burst.image(), networks: 'none' },
      ...{ min_count: 20, max_count: 20 },
    }
    const made = await burst.as('member', '2.93')('POST', '/v2.1/servers', { server })
    expect(made.status).toBe(202)
    await burst.world.settle()
    const { body } = await burst.as('admin', '2.93')('GET', '/v2.1/servers/detail?all_tenants=1')
    const hosts = body.servers.map((each: Record<string, string>) => each['OS-EXT-SRV-ATTR:host'])
    const counts = ['node1', 'node2', 'node3', 'node4'].map(
      (name) => hosts.filter((host: string) => host === name).length,
    )
    expect(counts).toEqual([5, 5, 5, 5])
  } finally {
    await burst.stop()
  }
})
